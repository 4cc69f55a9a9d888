"""Large arrays in files instead of memory: mapped, so that what nobody looks at takes none.

The files have no name and vanish with their arrays. They lie in the system's folder of temporary files
(``TMPDIR``); where that has no room, the arrays are in memory as any others.
"""

import mmap
import os
import tempfile
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

LARGE = 2 * 2**20  # bytes; smaller arrays stay in memory
_ROWS = 2**16  # taken at a time
_maps: "WeakSet[mmap.mmap]" = WeakSet()


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """As :func:`numpy.empty`, in a file if it is large."""
    kind = np.dtype(dtype)
    size = kind.itemsize * int(np.prod(shape, dtype=np.int64))
    if size < LARGE or kind.hasobject:
        return np.empty(shape, kind)
    try:
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is seen now, not when a page is written
            held = mmap.mmap(file.fileno(), size)
    except (OSError, AttributeError, ValueError):
        return np.empty(shape, kind)
    _maps.add(held)
    return np.frombuffer(held, kind).reshape(shape)


def take(values: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Some rows of an array, in a file if they are large."""
    found = empty((len(rows), *values.shape[1:]), values.dtype)
    for start in range(0, len(rows), _ROWS):
        found[start : start + _ROWS] = values[rows[start : start + _ROWS]]
        forget()
    return found


def gather(blocks: Iterable[npt.NDArray[Any]], rows: int) -> npt.NDArray[Any]:
    """Blocks one below the other, of at least one row together and of ``rows`` in all; in a file if large."""
    found, done = None, 0
    for block in blocks:
        if found is None:
            found = empty((rows, *block.shape[1:]), block.dtype)
        found[done : done + len(block)] = block
        done += len(block)
        forget()
    if found is None or done != rows:
        raise ValueError(f"blocks should have {rows} rows together, and one at least; found {done}")
    return found


def flatnonzero(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """As :func:`numpy.flatnonzero`, in a file if it is large."""
    turns = range(0, max(len(mask), 1), _ROWS)
    places = (np.flatnonzero(mask[start : start + _ROWS]) + start for start in turns)
    return gather(places, int(np.count_nonzero(mask)))


def forget() -> None:
    """Take the pages of all such arrays out of the process's memory; the next look brings them back."""
    for held in list(_maps):
        if hasattr(held, "madvise"):
            held.madvise(mmap.MADV_DONTNEED)
