"""How much a score hangs on the particles it was measured with: a bootstrap over the test part.

A replicate draws as many particles as the test part has, with replacement, each with all its responses:
the responses of one particle are not independent. The reference response and the generated one of a row are
drawn together, and the same particles for every model, so that what models share cancels in a difference
(Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 8).
"""

import numpy as np
import numpy.typing as npt

from ...plugin.metric import Resampling
from .arrays import Integers

Floats = npt.NDArray[np.float64]


def mean_replicates(values: npt.ArrayLike, resampling: Resampling) -> Floats:
    """(B,) the mean of (N,) values in each replicate."""
    values = np.asarray(values, dtype=np.float64)
    by_particle = np.bincount(resampling.group, weights=values, minlength=resampling.particles)
    return np.asarray(resampling.totals(by_particle) / resampling.responses)


def wasserstein_replicates(
    reference: npt.ArrayLike, generated: npt.ArrayLike, resampling: Resampling
) -> Floats:
    """(B,) the first Wasserstein distance between two (N,) samples in each replicate."""
    return np.asarray(areas(reference, generated, resampling.group, resampling) / resampling.responses)


def areas(
    reference: npt.ArrayLike, generated: npt.ArrayLike, owner: Integers, resampling: Resampling
) -> Floats:
    """(B,) the first Wasserstein distance between two (n,) samples in each replicate, times its responses.

    W1 is the integral of ``|G - F|``. Between two neighbouring values of the pooled sample, ``n (G - F)`` is
    the number of generated responses below less that of the reference. That difference is a sum over
    particles, so one sparse matrix of (values, particles), made once, serves all replicates.

    Args:
        reference: some responses of the test part.
        generated: those to the same conditions, row for row.
        owner: (n,) the particle of each.
        resampling: the replicates.
    """
    from scipy.sparse import csr_matrix

    pooled = np.concatenate([np.asarray(sample, dtype=np.float64) for sample in (reference, generated)])
    order = np.argsort(pooled)
    pooled = pooled[order]
    first = np.flatnonzero(np.concatenate([[True], pooled[1:] != pooled[:-1]]))
    signs = np.where(order < len(owner), -1, 1).astype(np.int32)
    owners = owner[order % len(owner)].astype(np.int32)
    shape = (len(first), resampling.particles)
    steps = csr_matrix((signs, owners, np.append(first, len(pooled))), shape=shape)
    steps.sum_duplicates()
    gaps, area = np.diff(pooled[first]), np.empty(resampling.replicates)
    del pooled, order
    for block, drawn in resampling.blocks(len(first)):
        below = np.cumsum((steps @ drawn)[:-1], axis=0)
        area[block] = gaps @ np.abs(below, out=below)
    return area
