"""The count cascade: p(response | condition) as a product of exact probabilities, from the photon sum to pixels.

Read in this order: ``tree`` (the quadtree), ``sums`` (the photon sum), ``splits`` (how a node's photons fall to
its children), ``surroundings`` (what a split is told), ``model`` and ``likelihood`` (all together),
``sampling`` and ``variates`` (drawing responses), ``learner`` and ``training``, ``simulator``.
"""
