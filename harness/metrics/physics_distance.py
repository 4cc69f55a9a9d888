"""Distances between the joint distributions of observables: Frechet (FPD) and kernel (KPD) physics distance.

Both compare D observables at once, correlations included (Kansal et al. 2023, arXiv:2211.10295).

**FPD** is the Frechet distance of two normal distributions with the samples' means m and covariances C,
``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``. **KPD** is the squared maximum mean discrepancy for the
kernel ``k(x, y) = (x . y / D + 1)^4``: ``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``.

Observables are in units of the reference's standard deviation, and both are unbiased: 0 is expected of a
perfect simulator, at any size of the sample. The published definitions are in
:mod:`simbench.harness.metrics.jetnet`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import TooFewError
from .tools.arrays import (
    Floats,
    Integers,
    Standard,
    capped,
    jackknife_error,
    labels,
    pair,
    parts,
)

PARTS = 20  # of the jackknife
ROWS = 10_000  # responses of each side that KPD compares at most, as whole particles
DEGREE = 4
_HELD = 10_000_000  # kernel values at a time


@dataclass(frozen=True)
class Distance:
    """A distance and its standard error: of the sample, but for the published definitions."""

    value: float
    error: float


def frechet(
    first_mean: Floats, first_covariance: Floats, second_mean: Floats, second_covariance: Floats
) -> float:
    """The squared Frechet distance of two normal distributions (Dowson, Landau 1982), of (D,) and (D, D).

    The trace of ``(C1 C2)^(1/2)`` is the sum of the roots of the eigenvalues of ``S C2 S``, S the root of C1.
    """
    values, vectors = np.linalg.eigh(first_covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second_covariance @ root).clip(0)).sum()
    step = first_mean - second_mean
    return float(step @ step + np.trace(first_covariance) + np.trace(second_covariance) - 2 * cross)


def frechet_of(first: Floats, second: Floats) -> float:
    """:func:`frechet` of two samples (N, D) and (M, D), covariances with n - 1."""
    sides = [
        (side.mean(axis=0), np.atleast_2d(np.cov(side, rowvar=False, bias=False))) for side in (first, second)
    ]
    return frechet(*sides[0], *sides[1])


def fpd(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike | None = None,
    generated_particle: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Distance:
    """FPD of standardised observables without the bias of the sample's size.

    The plain distance t of two finite samples is too large by a term in 1 / N. With each of G = 20 parts of
    the particles left out in turn, on both sides, ``G t - (G - 1) mean t_g`` is free of it (Quenouille 1956,
    doi:10.1093/biomet/43.3-4.353), and the spread of the t_g gives the error.

    Args:
        reference: (N, D) observables, any units; NaN is filled by the common rule.
        generated: (M, D) the same of the simulator.
        particle: (N,) which of the reference's rows belong together; by default none do.
        generated_particle: (M,) the simulator's; by default the reference's, if there are any.
        seed: of the parts.

    Raises:
        ValueError: the arrays are empty, infinite or do not fit together; fewer than 3 particles or rows.
    """
    sides = pair(reference, generated, missing=True, lean=True)
    standard = Standard.of(sides[0])
    owners = _owners(sides, particle, generated_particle)
    count = min(PARTS, min(len(np.unique(owner)) for owner in owners))
    if count < 3:
        raise TooFewError(f"fpd needs at least 3 particles on either side, found {count}")
    if owners[0] is owners[1]:
        halves = (parts(owners[0], count, seed, "fpd"),) * 2
    else:
        part = parts(np.concatenate(owners), count, seed, "fpd")
        halves = part[: len(sides[0])], part[len(sides[0]) :]
    moments = [_Moments.of(*side, count, standard) for side in zip(sides, halves, strict=True)]
    if any((side.rows == side.rows.sum()).any() for side in moments):
        raise ValueError("fpd needs the particles of either side in more than one part")
    whole = frechet(*moments[0].normal(), *moments[1].normal())
    left = np.array([frechet(*moments[0].normal(one), *moments[1].normal(one)) for one in range(count)])
    return Distance(float(count * whole - (count - 1) * left.mean()), jackknife_error(left))


@dataclass(frozen=True)
class _Moments:
    """Of a sample in G parts: (G,) rows, (G, D) sums and (G, D, D) sums of products."""

    rows: Integers
    sums: Floats
    products: Floats

    @classmethod
    def of(cls, values: Floats, part: Integers, count: int, standard: Standard) -> "_Moments":
        blocks = (standard(values[part == one]) for one in range(count))
        found = [(len(block), block.sum(axis=0), block.T @ block) for block in blocks]
        return cls(*(np.array(each) for each in zip(*found, strict=True)))

    def normal(self, left_out: int | None = None) -> tuple[Floats, Floats]:
        """(D,) mean and (D, D) covariance (n - 1) of all rows, or of those without a part."""
        kept = np.arange(len(self.rows)) != left_out
        rows, sums = self.rows[kept].sum(), self.sums[kept].sum(axis=0)
        covariance = (self.products[kept].sum(axis=0) - np.outer(sums, sums) / rows) / (rows - 1)
        return sums / rows, covariance


def kpd(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike | None = None,
    generated_particle: npt.ArrayLike | None = None,
    seed: int = 0,
    rows: int = ROWS,
) -> Distance:
    """KPD of standardised observables, with the sample's error from a jackknife over 20 parts.

    The U-statistic, in which pairs of the same particle are left out of all three terms: what they share
    would count on one side more than on the other (Gretton et al. 2012, JMLR 13, 723, Lemma 6).

    Args:
        reference: (N, D) observables, any units; NaN is filled by the common rule.
        generated: (M, D) the same of the simulator.
        particle: (N,) which of the reference's rows belong together; by default none do.
        generated_particle: (M,) the simulator's; by default the reference's, if there are any.
        seed: of the parts, and of the choice of rows.
        rows: at most so many rows of each side are compared, as whole particles.

    Raises:
        ValueError: the arrays are empty, infinite or do not fit together; fewer than 3 particles or rows.
    """
    whole = pair(reference, generated, missing=True, lean=True)
    standard = Standard.of(whole[0])
    owners = _owners(whole, particle, generated_particle)
    kept = [capped(owner, rows, seed) for owner in owners]
    sides = (standard(whole[0][kept[0]]), standard(whole[1][kept[1]]))
    owners = (owners[0][kept[0]], owners[1][kept[1]])
    count = min(PARTS, min(len(np.unique(owner)) for owner in owners))
    if count < 3:
        raise TooFewError(f"kpd needs at least 3 particles on either side, found {count}")
    part = parts(np.concatenate(owners), count, seed, "kpd")
    split = len(sides[0])
    first = _by_part(sides[0], owners[0], part[:split], count)
    second = _by_part(sides[1], owners[1], part[split:], count)
    values = np.zeros(1 + count)
    for one, other, sign in ((first, first, 1.0), (second, second, 1.0), (first, second, -2.0)):
        total, pairs = (_without_each(table) for table in _kernel_sums(one, other))
        if not (pairs > 0).all():
            raise ValueError("kpd needs pairs of different particles whichever part is left out")
        values += sign * total / pairs
    return Distance(float(values[0]), jackknife_error(values[1:]))


Part = tuple[Floats, Integers]


def _by_part(values: Floats, owner: Integers, part: Integers, count: int) -> list[Part]:
    return [(values[part == one], owner[part == one]) for one in range(count)]


def _kernel_sums(first: Sequence[Part], second: Sequence[Part]) -> tuple[Floats, Floats]:
    """(G, G) sums of the kernel over the pairs of two parts, and how many; none of the same particle."""
    sums, pairs = np.zeros((2, len(first), len(second)))
    for i, (x, x_owner) in enumerate(first):
        for j, (y, y_owner) in enumerate(second):
            if first is second and j < i:
                sums[i, j], pairs[i, j] = sums[j, i], pairs[j, i]
                continue
            kernel = _kernel(x, y)
            if i == j:  # a particle is in one part
                other = x_owner[:, None] != y_owner
                sums[i, j], pairs[i, j] = kernel[other].sum(), other.sum()
            else:
                sums[i, j], pairs[i, j] = kernel.sum(), kernel.size
    return sums, pairs


def _without_each(table: Floats) -> Floats:
    """(1 + G,) the sum over all parts, and without each."""
    whole = table.sum()
    left = whole - table.sum(axis=0) - table.sum(axis=1) + np.diagonal(table)
    return np.concatenate([[whole], left])


def _owners(
    sides: tuple[Floats, Floats], particle: npt.ArrayLike | None, generated_particle: npt.ArrayLike | None
) -> tuple[Integers, Integers]:
    """Whose the rows are; where nobody says, every row of either side is one of its own."""
    if particle is None:
        if generated_particle is not None:
            raise ValueError("generated_particle is given, but particle is not")
        first = np.arange(len(sides[0]))
        return first, len(first) + np.arange(len(sides[1]))
    other = particle if generated_particle is None else generated_particle
    name = "particle" if generated_particle is None else "generated_particle"
    return labels(particle, len(sides[0]), "particle"), labels(other, len(sides[1]), name)


def _kernel(first: Floats, second: Floats) -> Floats:
    kernel = first @ second.T
    kernel /= first.shape[1]
    kernel += 1
    kernel *= kernel
    kernel *= kernel
    return kernel


def mmd(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Unbiased squared MMD of (n, D) and (m, D) with the kernel ``(x . y / D + 1)^4``; rows independent.

    Raises:
        ValueError: a side has fewer than 2 rows, is not finite, or the columns differ.
    """
    x, y = pair(first, second)
    for side, name in ((x, "first"), (y, "second")):
        if len(side) < 2:
            raise ValueError(f"mmd needs 2 rows or more, the {name} sample has {len(side)}")
    found = 0.0
    for side in (x, y):
        with_itself = ((side**2).sum(axis=1) / side.shape[1] + 1) ** DEGREE
        found += (_kernel_sum(side, side) - with_itself.sum()) / (len(side) * (len(side) - 1))
    return float(found - 2 * _kernel_sum(x, y) / (len(x) * len(y)))


def _kernel_sum(first: Floats, second: Floats) -> float:
    """Over all pairs; some rows of the kernel are held at a time."""
    step = max(1, _HELD // len(second))
    return float(
        sum(_kernel(first[start : start + step], second).sum() for start in range(0, len(first), step))
    )
