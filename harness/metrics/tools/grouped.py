"""Distances between two samples of numbers within many groups at once, by one sort."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ... import mapped
from .arrays import Floats, Integers

_ROWS = 100_000


def wasserstein_by_group(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> Floats:
    """(groups,) first Wasserstein distance between the two samples of each group; NaN where one is empty.

    The integral of ``|F - G|`` over the values, F and G being the group's empirical distribution functions.

    Args:
        reference: (N,) values.
        reference_group: (N,) the group of each, 0 to ``groups`` - 1; rows of another number are left out.
        generated: (M,) values.
        generated_group: (M,) their groups.
        groups: how many there are.
    """
    distance = np.empty(groups)
    for some, part in _in_turn(reference, reference_group, generated, generated_group, groups):
        distance[some.groups] = _wasserstein(*part)
    return distance


def _wasserstein(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> Floats:
    values, group, side = _sorted(reference, reference_group, generated, generated_group, groups)[:3]
    n = np.bincount(group[~side], minlength=groups)
    m = np.bincount(group[side], minlength=groups)
    start = np.cumsum(n + m) - (n + m)
    last = np.ones(len(values), np.bool_)
    last[:-1] = group[1:] != group[:-1]
    gap = np.zeros(len(values))
    np.subtract(values[1:], values[:-1], out=gap[:-1])
    gap[last] = 0
    del values

    def shares(below: Integers, size: Integers) -> Floats:
        before = np.concatenate([[0], below])[start]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((below - before[group]) / size[group])

    # whole numbers below, so that nothing drifts from one group to the next
    below = np.cumsum(side, dtype=np.int64)
    step = shares(np.arange(1, len(gap) + 1) - below, n)
    step -= shares(below, m)
    np.abs(step, out=step)
    step *= gap
    distance = np.asarray(np.bincount(group, weights=step, minlength=groups), np.float64)
    distance[(n == 0) | (m == 0)] = np.nan
    return distance


def absolute_sums(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """For every value the sum of its distances to all reference, and to all generated, values of its group.

    Args:
        reference: (N,) values.
        reference_group: (N,) the group of each, 0 to ``groups`` - 1; rows of another number get 0.
        generated: (M,) values.
        generated_group: (M,) their groups.
        groups: how many there are.

    Returns:
        ((N,) to the reference, (N,) to the generated) of the reference's values, and the two (M,) of the
        generated ones.
    """
    found = [mapped.empty((2, len(side)), np.float64) for side in (reference, generated)]
    for sums in found:
        sums[:] = 0
    for some, part in _in_turn(reference, reference_group, generated, generated_group, groups):
        found[0][:, some.reference], found[1][:, some.generated] = _absolute_sums(*part)
    return (found[0][0], found[0][1]), (found[1][0], found[1][1])


def _absolute_sums(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> tuple[list[Floats], list[Floats]]:
    values, group, side, place = _sorted(reference, reference_group, generated, generated_group, groups)
    size = np.bincount(group, minlength=groups)
    start = np.cumsum(size) - size
    sums = []
    for other in (~side, side):
        below = np.concatenate([[0], np.cumsum(other)])
        light = np.concatenate([[0.0], np.cumsum(np.where(other, values, 0.0))])
        count, total = below[start + size] - below[start], light[start + size] - light[start]
        under = below[1:] - below[start[group]]
        lighter = light[1:] - light[start[group]]
        found = values * (2 * under - count[group]) + total[group] - 2 * lighter
        whole = np.zeros(len(reference) + len(generated))
        whole[place] = found
        sums.append(whole)
    split = len(reference)
    return [each[:split] for each in sums], [each[split:] for each in sums]


class _Some(NamedTuple):
    """Some consecutive groups, and their rows on either side."""

    groups: slice
    reference: Integers
    generated: Integers


_Part: TypeAlias = tuple[Floats, Integers, Floats, Integers, int]  # as the functions above take them


def _in_turn(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> Iterator[tuple[_Some, _Part]]:
    """Groups after groups, as many together as have at most :data:`_ROWS` rows, or one.

    So the memory of the sort hangs on the largest group, not on the sample.
    """
    alike = generated_group is reference_group
    orders = [np.argsort(side, kind="stable") for side in (reference_group, generated_group)[alike:]]
    orders = [orders[0], orders[-1]]
    edges = [
        np.searchsorted(side, np.arange(groups + 1), sorter=order)
        for side, order in zip((reference_group, generated_group), orders, strict=True)
    ]
    total = edges[0] + edges[1]
    low = 0
    while low < groups:
        high = max(low + 1, int(np.searchsorted(total, total[low] + _ROWS, side="right")) - 1)
        rows, others = (order[edge[low] : edge[high]] for order, edge in zip(orders, edges, strict=True))
        part = reference[rows], reference_group[rows] - low, generated[others], generated_group[others] - low
        yield _Some(slice(low, high), rows, others), (*part, high - low)
        low = high


def _sorted(
    reference: Floats, reference_group: Integers, generated: Floats, generated_group: Integers, groups: int
) -> tuple[Floats, Integers, npt.NDArray[np.bool_], Integers]:
    """Values, groups, sides and places of the pooled sample, by group and then by value."""
    values = np.concatenate([reference, generated]).astype(np.float64)
    group = np.concatenate([reference_group, generated_group])
    order = np.lexsort((values, group))
    order = order[(group[order] >= 0) & (group[order] < groups)]
    return values[order], group[order], order >= len(reference), order
