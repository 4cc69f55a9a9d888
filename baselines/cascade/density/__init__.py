"""What a cascade is: the tree, the networks on it, and the probability that they give a response.

May import ``baselines``.
"""
