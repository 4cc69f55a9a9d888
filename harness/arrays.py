"""Arrays that others give: plain ones, in which nothing is hidden, and labels of rows as numbers from 0."""

from typing import Any

import numpy as np
import numpy.typing as npt

from . import mapped


def plain(values: Any, what: str) -> npt.NDArray[Any]:
    """An array as a plain one; other subclasses of ndarray become that, for only their numbers count.

    Args:
        values: what was given.
        what: who gave it, for the message.

    Raises:
        TypeError: it masks some of its values, which would count as if they were not masked.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{what} gives a masked array, whose masked values would count: fill them, such as "
            "values.filled(0), or give values.data"
        )
    return np.asarray(values)


def ranks(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(N,) the rank of each row's label among all distinct ones, from 0; nothing is sorted if that can be."""
    found = mapped.empty((len(labels),), np.int64)
    if not len(labels):
        return found
    low, high = int(labels.min()), int(labels.max())
    if (labels[1:] >= labels[:-1]).all():  # particles, as datasets are written
        found[0] = 0
        np.cumsum(labels[1:] > labels[:-1], out=found[1:])
    elif high - low < 8 * len(labels):
        there = np.zeros(high - low + 1, np.bool_)
        there[labels - low] = True
        found[:] = (np.cumsum(there) - 1)[labels - low]
    else:
        found[:] = np.unique(labels, return_inverse=True)[1]
    return found
