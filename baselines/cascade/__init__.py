"""The count cascade: p(response | condition) as a product of exact probabilities, from the sum to the pixels.

Read in this order: in ``density``: ``tree`` (the quadtree), ``sums`` (the photon sum), ``splits`` (how a cell
falls to its children), ``aim`` (where light is expected), ``surroundings`` (what a split is told),
``model`` and ``likelihood`` (all together); here ``inputs``, then ``variates``, ``layers`` and ``sampling``
(drawing responses), ``material`` (what is learned), ``parts``, ``learner`` and ``training``, ``simulator``.

May import ``baselines``, ``baselines.cascade.density`` and the harness's ``rng``.
"""
