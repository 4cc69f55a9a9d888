"""Equivalent statistics: how many true responses tell as much as a simulator does.

A simulator is wrong by a fixed amount, however many responses it gives; n responses of the truth are wrong by
chance, less and less with n. n* is the n at which both are equally wrong. It does not depend on the size of
the test part, as "times the floor" does, which only grows sharper with it.

**Distance.** The squared energy distance of two distributions (Szekely, Rizzo 2013,
doi:10.1016/j.jspi.2013.03.018) in one dimension, ``D^2 = 2 E|X - Y| - E|X - X'| - E|Y - Y'|``, zero only if
they are equal. Unlike a Wasserstein distance its square has an unbiased estimate, the U-statistic in which
no value is paired with itself: a perfect simulator has 0 on average, at any size of the sample. Pairs of the
same particle are left out of all three terms, for they share their conditions and would count on one side
more than on the other.

**What n true responses are worth.** The squared distance between the truth and the n values drawn from it is
``E|X - X'| / n`` on average, exactly: 2 E|X - X'| - (1 - 1/n) E|X - X'| - E|X - X'|, the n values paired with
themselves in the middle term. Hence ``n* = E|X - X'| / D^2`` for one distribution.

**Conditions.** Within bins of the expected sum, each in units of its own ``E|X - X'|``, so that bright and
faint bins count alike: with B bins of shares w_b, ``relative = sum_b w_b D_b^2 / E_b|X - X'|``; n true
responses spread over the bins have ``sum_b w_b / (n w_b) = B / n`` on average, so ``n* = B / relative``. With
several columns (channels, say) the mean of their relative distances. n* depends on the number of bins, for n
true responses spread over more bins say less of each: it is fixed (:data:`.tools.repeats.BINS`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import ranks
from ..errors import TooFewError
from .tools.arrays import Floats, Integers, jackknife_error, labels, parts, row_for_row
from .tools.grouped import absolute_sums

PARTS = 20  # of the jackknife


@dataclass(frozen=True)
class Equivalent:
    """How many true responses a simulator is worth.

    Attributes:
        number: n*; infinite where the excess is not above 0.
        low: n* of the excess plus its error: what it is worth at least (one sigma).
        high: n* of the excess less its error; infinite where that is not above 0.
        relative: the excess error, a squared energy distance in units of ``E|X - X'|``, mean over columns;
            may be negative by chance.
        error: its standard error, from a jackknife over 20 parts of the particles.
        bins: B, how many bins it was measured in.
        columns: (C,) the relative excess of each column.
    """

    number: float
    low: float
    high: float
    relative: float
    error: float
    bins: int
    columns: Floats


def energy_distance(reference: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The unbiased squared energy distance between two samples (n,) and (m,), in the unit of the samples.

    Negative by chance where the distributions are equal. In O(n log n).

    Raises:
        ValueError: a sample has fewer than 2 values, or holds NaN or infinity.
    """
    first, second = (np.ravel(np.asarray(side, dtype=np.float64)) for side in (reference, generated))
    for side, name in ((first, "reference"), (second, "generated")):
        if len(side) < 2:
            raise ValueError(f"the energy distance needs 2 values or more, the {name} has {len(side)}")
        if not np.isfinite(side).all():
            raise ValueError(f"the energy distance needs finite values; the {name} has others")
    n, m = len(first), len(second)
    own, other = absolute_sums(first, np.zeros(n, np.int64), second, np.zeros(m, np.int64), 1)
    across, within = own[1].sum() / (n * m), own[0].sum() / (n * (n - 1))
    return float(2 * across - within - other[1].sum() / (m * (m - 1)))


def equivalent(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike,
    label: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Equivalent:
    """The number n* of true responses that a simulator is worth, with its error.

    A bin in which the reference does not vary in a column, or that holds fewer than two particles, is left
    out of that column.

    Args:
        reference: (N, C) channel sums, or other numbers of the responses.
        generated: (N, C) to the same conditions, row for row.
        particle: (N,) which responses share their conditions.
        label: (N,) the bin of each row, by its expected sum; negative ones are in no bin. By default all rows
            are in one.
        seed: of the jackknife's parts.

    Raises:
        ValueError: the arrays are empty, not finite or do not fit together; nothing is left to measure; there
            are fewer than 2 particles.
    """
    sides = row_for_row(reference, generated, lean=True)
    rows = len(sides[0])
    told = np.zeros(rows, np.int64) if label is None else labels(label, rows, "label")
    inside = told >= 0
    if not inside.any():
        raise ValueError("no response is in a bin: all labels are negative")
    some: Any = slice(None) if inside.all() else inside
    owner = ranks(labels(particle, rows, "particle")[some])
    if owner.max() < 1:
        raise TooFewError("equivalent statistics need responses of at least 2 particles, found 1")
    member = ranks(told[some])
    part = parts(owner, min(PARTS, int(owner.max()) + 1), seed, "equivalent")
    pairs, bins = _Pairs(member, owner, part), int(member.max()) + 1
    del told, member, owner, part  # of a large sample they are large
    found = [
        pairs.relative(first[some], second[some])
        for first, second in zip(sides[0].T, sides[1].T, strict=True)
    ]
    values = np.array(found)  # (C, 1 + parts)
    known = ~np.isnan(values[:, 0])
    if not known.any():
        raise TooFewError("nothing to measure: the reference does not vary in any bin")
    whole, *without = np.nanmean(values[known], axis=0)
    error = jackknife_error(without)

    def worth(excess: float) -> float:
        return float(bins / excess) if excess > 0 else float("inf")

    return Equivalent(
        number=worth(whole),
        low=worth(whole + error),
        high=worth(whole - error),
        relative=float(whole),
        error=error,
        bins=bins,
        columns=values[:, 0],
    )


class _Pairs:
    """Which pairs of N rows are compared: same bin, different particles, and all parts but one.

    Args:
        member: (N,) the bin of each row.
        owner: (N,) its particle.
        part: (N,) its part; a particle is in one part.
    """

    def __init__(self, member: Integers, owner: Integers, part: Integers) -> None:
        self._bins, self._parts = int(member.max()) + 1, int(part.max()) + 1
        self._member = member
        self._place = member * self._parts + part  # a bin's part
        self._by_particle = ranks(member * (owner.max() + 1) + owner)
        size = np.bincount(member)
        in_part = np.bincount(self._place, minlength=self._bins * self._parts).reshape(-1, self._parts)
        of_place = np.zeros(self._by_particle.max() + 1, np.int64)
        of_place[self._by_particle] = self._place
        same = np.bincount(
            of_place, weights=np.bincount(self._by_particle) ** 2.0, minlength=self._bins * self._parts
        ).reshape(-1, self._parts)
        left = np.concatenate([size[:, None], size[:, None] - in_part], axis=1).astype(np.float64)
        self._count = left**2 - np.concatenate(
            [same.sum(axis=1, keepdims=True), same.sum(axis=1, keepdims=True) - same], axis=1
        )
        self._share = left / left.sum(axis=0)

    def relative(self, first: Floats, second: Floats) -> Floats:
        """(1 + parts,) the relative squared distance of all rows, and without each part."""
        groups = (
            (self._member, self._bins),
            (self._place, self._bins * self._parts),
            (self._by_particle, int(self._by_particle.max()) + 1),
        )
        found = (absolute_sums(first, group, second, group, many) for group, many in groups)
        sums = [[[self._summed(each) for each in side] for side in sides] for sides in found]
        across = self._total([own[1] for own, _ in sums], [other[0] for _, other in sums])
        within = self._total(*[[own[0] for own, _ in sums]] * 2)
        generated = self._total(*[[other[1] for _, other in sums]] * 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = within / self._count
            excess = (2 * across - within - generated) / self._count / spread
        usable = (self._count > 0) & (spread > 0)
        share = np.where(usable, self._share, 0)
        total = share.sum(axis=0)
        with np.errstate(invalid="ignore"):
            return np.asarray((np.where(usable, excess, 0) * share).sum(axis=0) / total)

    def _total(self, forth: list[Floats], back: list[Floats]) -> Floats:
        """(bins, 1 + parts) sum over the compared pairs, of all rows, and without each part.

        Args:
            forth: (bins, parts) each: of the rows of one side, their sums to the other side's rows in the
                same bin, in the same bin and part, and in the same bin and of the same particle.
            back: the same of the rows of the other side.
        """
        # pairs that leave with a part: those with one row in it, counted from each side, less those with
        # both; pairs of one particle, never counted, lie in one part
        leave = forth[0] + back[0] - forth[1] - forth[2]
        whole = (forth[0] - forth[2]).sum(axis=1, keepdims=True)
        return np.concatenate([whole, whole - leave], axis=1)

    def _summed(self, values: Floats) -> Floats:
        """(bins, parts) sums of (N,) values."""
        found = np.bincount(self._place, weights=values, minlength=self._bins * self._parts)
        return np.asarray(found, dtype=np.float64).reshape(self._bins, self._parts)
