"""How much a score hangs on the particles it was measured with: a bootstrap over the test part.

A replicate draws as many particles as the test part has, with replacement, each with all its responses:
the responses of one particle are not independent. The reference response and the generated one of a row are
drawn together, and the same particles for every model, so that what models share cancels in a difference
(Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 8).
"""

import numpy as np
import numpy.typing as npt

from ...plugin.metric import Resampling

Floats = npt.NDArray[np.float64]


def mean_replicates(values: npt.ArrayLike, resampling: Resampling) -> Floats:
    """(B,) the mean of (N,) values in each replicate."""
    values = np.asarray(values, dtype=np.float64)
    by_particle = np.bincount(resampling.group, weights=values, minlength=resampling.particles)
    return np.asarray(resampling.totals(by_particle) / resampling.responses)


def wasserstein_replicates(
    reference: npt.ArrayLike, generated: npt.ArrayLike, resampling: Resampling
) -> Floats:
    """(B,) the first Wasserstein distance between two (N,) samples in each replicate.

    W1 is the integral of ``|G - F|``. Between two neighbouring values of the pooled sample, ``n (G - F)`` is
    the number of generated responses below less that of the reference. That difference is a sum over
    particles, so one sparse matrix of (values, particles), made once, serves all replicates.
    """
    from scipy.sparse import coo_matrix

    pooled = np.concatenate([np.asarray(sample, dtype=np.float64) for sample in (reference, generated)])
    values, place = np.unique(pooled, return_inverse=True)
    signs = np.repeat([-1.0, 1.0], len(resampling.group))
    shape = (len(values), resampling.particles)
    counts = coo_matrix((signs, (place, np.tile(resampling.group, 2))), shape=shape).tocsr()
    gaps, area = np.diff(values), np.empty(resampling.replicates)
    for block, drawn in resampling.blocks(len(values)):
        below = np.cumsum((counts @ drawn)[:-1], axis=0)
        area[block] = gaps @ np.abs(below, out=below)
    return area / resampling.responses
