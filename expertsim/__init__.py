"""ExpertSim (arXiv:2508.20991): independent GANs as experts, and a router that gives each condition to one.

Read in this order: ``settings``, ``router`` (who serves what, and its losses), ``mixture`` (a step of the
training), ``training`` (all of it), ``simulator`` (generation). May import the GANs and what models share in
baselines.
"""
