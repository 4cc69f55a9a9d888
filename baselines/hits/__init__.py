"""Whether a particle leaves any light in a calorimeter: a small network, trained on raw particles.

May import ``baselines`` and ``baselines.export``, for its graph, and the harness's ``rng``.
"""
