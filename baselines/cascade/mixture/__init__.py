"""Mixtures of count cascades: p(x | c) = sum over experts k of p(k | c) p_k(x | c), by exact likelihood.

Read in this order: ``model`` (experts, and one network for which of them draws how many photons), ``gate``
(that network's probabilities), ``likelihood`` (terms and responsibilities), ``crowd`` (a number of experts in
training), ``moves`` (one expert more, or one less), ``learner`` and ``training``, ``simulator``.

May import ``baselines``, ``baselines.cascade``, ``baselines.cascade.density`` and the harness's ``rng``.
"""
