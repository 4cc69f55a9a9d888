"""The nearest of known points, by plain search: exact for any number of dimensions, in blocks."""

import numpy as np
import numpy.typing as npt

_BLOCK = 512  # points compared with all known ones together


def nearest(asked: npt.ArrayLike, known: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """The ``count`` nearest of known points (P, K) to each of (N, K), by Euclidean distance: (N, count).

    Numbers of the known points, nearest first, the lower number first of equals; all P if there are fewer.
    """
    points, others = (np.asarray(side, dtype=np.float64) for side in (asked, known))
    count = min(count, len(others))
    found = np.empty((len(points), count), dtype=np.int64)
    square = (others**2).sum(axis=1)
    for start in range(0, len(points), _BLOCK):
        block = slice(start, start + _BLOCK)
        # The square of the asked point itself is left out: it is the same for all that it is compared with.
        distance = square - 2 * points[block] @ others.T
        if count < len(others):
            near = np.sort(np.argpartition(distance, count - 1, axis=1)[:, :count], axis=1)
        else:
            near = np.broadcast_to(np.arange(count), distance.shape)
        order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
        found[block] = np.take_along_axis(near, order, axis=1)
    return found
