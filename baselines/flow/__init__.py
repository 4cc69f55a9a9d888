"""Conditional flow matching: photon sums from a network over bins, images from a flow.

May import ``baselines``, the cascade (for photon sums, conditions and how a training goes) and
:mod:`simbench.harness.rng`.
"""
