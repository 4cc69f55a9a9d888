"""How much a score hangs on the particles it was measured with: a bootstrap over the test part.

A replicate draws as many particles as the test part has, with replacement, each with all its responses:
the responses of one particle are not independent. The reference response and the generated one of a row are
drawn together, and the same particles for every model, so that what models share cancels in a difference
(Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 8).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ...plugin.metric import Resampling
from .arrays import Integers

Floats = npt.NDArray[np.float64]

_ROWS = 100_000  # placed at a time


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
    from scipy.sparse import coo_matrix

    sides = [np.asarray(sample, dtype=np.float64) for sample in (reference, generated)]
    values = _distinct(np.concatenate([_distinct(side) for side in sides]))
    n = len(owner)
    row, column, sign = (np.empty(2 * n, np.int32) for _ in range(3))
    for place, side in enumerate(sides):
        for start in range(0, n, _ROWS):
            some = slice(start, min(start + _ROWS, n))
            at = slice(place * n + some.start, place * n + some.stop)
            row[at], column[at], sign[at] = np.searchsorted(values, side[some]), owner[some], 2 * place - 1
    shape = (len(values), resampling.particles)
    # in double precision once, not for every block
    steps: Any = coo_matrix((sign, (row, column)), shape=shape).tocsr().astype(np.float64)
    del row, column, sign
    gaps, area = np.diff(values), np.empty(resampling.replicates)
    for block, drawn in resampling.blocks(len(values)):
        below = np.cumsum((steps @ drawn)[:-1], axis=0)
        area[block] = gaps @ np.abs(below, out=below)
    return area


def _distinct(values: Floats) -> Floats:
    """The distinct values, ascending."""
    found = np.sort(values)
    return np.asarray(found[np.append(True, found[1:] != found[:-1])])
