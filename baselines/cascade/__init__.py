"""The count cascade: p(response | condition) as a product of exact probabilities, from the sum to the pixels.

Read in this order: ``tree`` (the quadtree), ``sums`` (the photon sum), ``splits`` (how a cell's photons fall
to its children), ``surroundings`` and ``inputs`` (what a split is told), ``model`` and ``likelihood`` (all
together), ``variates`` and ``sampling`` (drawing responses), ``learner`` and ``training``, ``simulator``.

May import ``baselines`` and the harness's ``rng``.
"""
