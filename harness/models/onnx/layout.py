"""Where the rows of a batch are in a generator's output: one is changed, and what follows it is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Run = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]  # noise, conditions: the bare output

_ROWS = (5, 7)  # two batch sizes; an axis that is as long as both is the batch
_CLOSE = 1e-4  # of the largest value: less is the rounding of another order of sums


@dataclass(frozen=True)
class Layout:
    """How the output of n rows is read.

    Attributes:
        shape: of a row.
        mixed: whether a response depends on the others of its batch.
    """

    shape: tuple[int, ...]
    mixed: bool = False


def layout(
    run: Run, noise: npt.NDArray[Any], conditions: npt.NDArray[Any], batch: int | None, random: bool
) -> Layout:
    """The layout of a generator's output.

    Args:
        run: computes any number of rows, or ``batch`` of them.
        noise: at least 8 rows, or ``batch`` and one.
        conditions: as many.
        batch: rows that have to be given together; ``None``: any number.
        random: whether it draws random numbers of its own: then only the sizes can tell.

    Raises:
        ValueError: rows of the output do not follow the rows of the input.
    """
    sizes = _ROWS if batch is None else (batch,)
    outputs = [run(noise[:rows], conditions[:rows]) for rows in sizes]
    first, rows = outputs[0], sizes[0]
    axes = [
        axis
        for axis in range(first.ndim)
        if all(
            each.ndim == first.ndim and each.shape[axis] == size
            for each, size in zip(outputs, sizes, strict=True)
        )
    ]
    whole = first.reshape(rows, -1).shape[1:]  # of rows one after the other, whatever the axes are

    plain = Layout(first.shape[1:] if 0 in axes else whole)
    if rows > 1 and axes and 0 not in axes:
        raise ValueError(_turned(first.shape, rows, axes[0]))
    if rows == 1 or random or not first.size:
        return plain
    changes = []
    for row in (0, 2 % rows):
        other_noise, other_conditions = noise[:rows].copy(), conditions[:rows].copy()
        other_noise[row], other_conditions[row] = noise[-1], conditions[-1]
        with np.errstate(invalid="ignore"):  # of infinities; what is not finite tells nothing here
            changes.append((row, np.abs(run(other_noise, other_conditions).astype(np.float64) - first)))
    if not all(np.isfinite(change).all() and change.any() for _, change in changes):
        return plain  # nothing follows, so nothing is told
    scale = _CLOSE * max(float(np.abs(first).max()), *(float(change.max()) for _, change in changes))

    def only(axis: int | None) -> bool:
        """Whether rows along an axis, or one after the other, are what changes."""
        for row, change in changes:
            moved = change if axis is None else np.moveaxis(change, axis, 0)
            if np.flatnonzero(moved.reshape(rows, -1).max(axis=1) > scale).tolist() != [row]:
                return False
        return True

    if only(None):  # an axis of the batch that is the first is the same
        return plain
    for axis in axes[1:] if 0 in axes else axes:
        if only(axis):
            raise ValueError(_turned(first.shape, rows, axis))
    if all(int(np.argmax(change.reshape(rows, -1).max(axis=1))) == row for row, change in changes):
        return Layout(plain.shape, mixed=True)
    raise ValueError(
        f"the rows of the output {first.shape} for {rows} rows are not in the order of the conditions: "
        "expected the batch first"
    )


def _turned(shape: tuple[int, ...], rows: int, axis: int) -> str:
    return (
        f"the output {shape} for {rows} rows has the batch on axis {axis}, expected it first: end the graph "
        "with a Transpose"
    )
