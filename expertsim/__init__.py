"""ExpertSim (arXiv:2508.20991): independent GANs as experts, and a router that gives each condition to one.

Read in this order: ``settings``, ``gate`` (who serves what), ``losses`` (the router's), ``mixture`` (a step
of the training), ``training`` (all of it), ``simulator`` (generation).
"""
