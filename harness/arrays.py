"""Arrays that others give: plain ones, in which nothing is hidden."""

from typing import Any

import numpy as np
import numpy.typing as npt


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
