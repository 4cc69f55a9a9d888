"""What every metric asks of the arrays that it is given, and the rule for what is undefined.

An observable that a response does not have (the centre of one without photons) is NaN. The rule: metrics
that need numbers read it as the reference's smallest value of that observable less one standard deviation,
a place of its own just outside the range, the same on both sides (:func:`filled`). So a simulator whose
responses are empty more often than the data's is seen by every metric, and one empty response in a million
outweighs nothing. How many there are is told by :func:`undefined`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ... import mapped, rng
from ...arrays import ranks

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


def table(values: npt.ArrayLike, name: str, *, missing: bool = False) -> Floats:
    """(N, D) finite numbers in double precision, one row a response; (N,) is read as one column.

    Args:
        values: the array.
        name: what the error calls it.
        missing: whether NaN is allowed.

    Raises:
        ValueError: it is empty, of another number of axes, or holds NaN or infinity; says where.
    """
    array: Floats = lean_table(np.asarray(values, dtype=np.float64), name, missing=missing)
    return array


def lean_table(values: npt.ArrayLike, name: str, *, missing: bool = False) -> Any:
    """As :func:`table`, but numbers of single precision stay so: for who converts a part at a time."""
    array = np.asarray(values)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{name} should have the shape (N, D), found {array.shape}")
    if not array.size:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    for column, numbers in enumerate(array.T):
        wrong = np.isinf(numbers) if missing else ~np.isfinite(numbers)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"{name} should be finite, found {numbers[row]} in row {row}, column {column}")
    return array


def pair(
    reference: npt.ArrayLike, generated: npt.ArrayLike, *, missing: bool = False, lean: bool = False
) -> tuple[Floats, Floats]:
    """Both sides as (N, D) and (M, D), in double precision unless ``lean`` (:func:`lean_table`).

    Raises:
        ValueError: as :func:`table` does, or the number of columns differs.
    """
    read = lean_table if lean else table
    first = read(reference, "reference", missing=missing)
    second = read(generated, "generated", missing=missing)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"reference and generated should have the same columns, "
            f"found {first.shape[1]} and {second.shape[1]}"
        )
    return first, second


def row_for_row(
    reference: npt.ArrayLike, generated: npt.ArrayLike, *, lean: bool = False
) -> tuple[Floats, Floats]:
    """Both sides as (N, D), whose rows answer the same conditions.

    Raises:
        ValueError: as :func:`pair` does, or the number of rows differs.
    """
    first, second = pair(reference, generated, lean=lean)
    if len(first) != len(second):
        raise ValueError(
            f"reference and generated should have the same rows, found {len(first)} and {len(second)}"
        )
    return first, second


def labels(values: npt.ArrayLike, rows: int, name: str) -> Integers:
    """(N,) whole numbers that say which rows belong together.

    Raises:
        ValueError: there is not one for each of the ``rows``, or they are no whole numbers.
    """
    array = np.asarray(values)
    if array.shape != (rows,):
        raise ValueError(f"{name} should have the shape ({rows},), one for each row, found {array.shape}")
    if array.dtype.kind not in "iub":
        raise ValueError(f"{name} should be whole numbers, found {array.dtype}")
    return array.astype(np.int64, copy=False)


def column_names(names: tuple[str, ...] | None, columns: int) -> tuple[str, ...]:
    """The names of the columns, or their numbers.

    Raises:
        ValueError: there are more or fewer names than columns.
    """
    found = tuple(names) if names is not None else tuple(str(column) for column in range(columns))
    if len(found) != columns:
        raise ValueError(f"names should be one for each of {columns} columns, found {len(found)}")
    return found


def undefined(values: npt.ArrayLike) -> Floats:
    """(D,) the share of NaN in each column of (N, D)."""
    return np.asarray(np.isnan(table(values, "values", missing=True)).mean(axis=0))


def columns(reference: npt.ArrayLike, generated: npt.ArrayLike) -> Iterator[tuple[Floats, Floats]]:
    """Column after column of both sides, in double precision, with NaN filled as the module says.

    A column of which the reference has no number at all is taken as 0 there, and what is undefined as -1.
    """
    sides = pair(reference, generated, missing=True, lean=True)
    for column in range(sides[0].shape[1]):
        first, second = (mapped.empty((len(side),), np.float64) for side in sides)
        first[:], second[:] = (side[:, column] for side in sides)
        fill = _fill(first)
        for numbers in (first, second):
            numbers[np.isnan(numbers)] = fill
        yield first, second


def filled(reference: npt.ArrayLike, generated: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both sides with NaN filled, (N, D) and (M, D): :func:`columns`, all at once."""
    sides = zip(*columns(reference, generated), strict=True)
    first, second = (np.column_stack(side) for side in sides)
    return first, second


def _fill(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.min() - (known.std() or 1.0)) if len(known) else -1.0


@dataclass(frozen=True)
class Standard:
    """What standardises D observables: a mean, and a standard deviation (n) as the unit.

    Attributes:
        fill: (D,) what undefined values are read as.
        centre: (D,) mean.
        spread: (D,) standard deviation; 1 where there is none: a column that does not vary is only shifted.
    """

    fill: Floats
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, values: npt.ArrayLike, fill: Floats | None = None) -> "Standard":
        """That of (N, D) values; NaN is filled as in a reference, or as another one's ``fill`` says."""
        array = lean_table(values, "values", missing=True)
        found = np.empty((3, array.shape[1]))
        for column, numbers in enumerate(array.T):
            known = numbers.astype(np.float64)
            found[0, column] = _fill(known) if fill is None else fill[column]
            known[np.isnan(known)] = found[0, column]
            found[1:, column] = known.mean(), known.std()
        found[2, found[2] <= 1e-12 * np.abs(found[1])] = 1.0
        return cls(*found)

    def __call__(self, values: npt.ArrayLike) -> Floats:
        """(N, D) values, filled, less the mean, in units of the spread."""
        array = np.array(values, dtype=np.float64)
        np.copyto(array, self.fill, where=np.isnan(array))
        array -= self.centre
        array /= self.spread
        return array


def standardised(reference: npt.ArrayLike, generated: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both sides by the reference's :class:`Standard`, (N, D) and (M, D)."""
    first, second = pair(reference, generated, missing=True, lean=True)
    standard = Standard.of(first)
    return standard(first), standard(second)


def parts(particle: Integers, count: int, seed: int, purpose: str) -> Integers:
    """(N,) the part, 0 to ``count`` - 1, that each row's particle falls into: of equal size but for one.

    Particles are ranked by a hash of their rank among all, the seed and the purpose, and dealt out in turn:
    the same on every machine, and rows of a particle stay together.
    """
    unit_of = ranks(particle)
    units = int(unit_of.max(initial=-1)) + 1
    order = np.argsort(rng.keys(rng.derive(seed, purpose), np.arange(units)), kind="stable")
    part = np.empty(units, np.int64)
    part[order] = np.arange(units) % count
    return part[unit_of]


def capped(particle: Integers, rows: int, seed: int) -> npt.NDArray[np.bool_]:
    """(N,) which rows to keep so that there are at most ``rows``: whole particles, chosen by hash.

    If one particle alone has more, its first ``rows`` are kept.
    """
    if len(particle) <= rows:
        return np.ones(len(particle), np.bool_)
    unit_of = ranks(particle)
    size = np.bincount(unit_of)
    order = np.argsort(rng.keys(rng.derive(seed, "cap"), np.arange(len(size))), kind="stable")
    within = np.cumsum(size[order]) <= rows
    if not within.any():
        kept = np.zeros(len(particle), np.bool_)
        kept[np.flatnonzero(unit_of == order[0])[:rows]] = True
        return kept
    taken = np.zeros(len(size), np.bool_)
    taken[order[within]] = True
    return taken[unit_of]


def jackknife_error(without: npt.ArrayLike) -> float:
    """Standard error of a statistic from its values with each of G parts of the particles left out.

    ``sqrt((G - 1) / G * sum (t_g - mean t)^2)``: the delete-a-group jackknife (Efron, Tibshirani 1993,
    chapter 11; Kott 2001, "The delete-a-group jackknife"), known to ``1 / sqrt(2 (G - 1))`` of itself.
    """
    values = np.asarray(without, dtype=np.float64)
    if len(values) < 2:
        raise ValueError(f"the jackknife needs at least 2 parts, found {len(values)}")
    return float(np.sqrt((len(values) - 1) * values.var()))


def jackknife(statistic: Callable[[npt.NDArray[np.bool_]], float], part: Integers, count: int) -> Floats:
    """(count,) the statistic of the rows that are left without each part; it is given the (N,) mask."""
    return np.array([statistic(part != left_out) for left_out in range(count)])
