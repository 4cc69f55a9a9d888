"""Which differences between scores are more than noise.

The variance of a difference comes from resampling the particles of the test part: it holds what comes with
the responses, of the reference and of the simulators. What the replicates of all runs have in common is the
test part's; what each run has on its own is the noise of its generation. If the runs spread more than that,
as they do where the responses of a run share noise, the spread takes its place.

There are two ways of resampling. A **bootstrap**: replicates of particles drawn with replacement, of metrics
that have a short cut for it. A **jackknife** for all others: the metric on the test part without each of some
parts of the particles (Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6, 8 and 11).
Both are paired: the same particles for every model, so that what models share cancels. How often either
raises a false alarm, and what it sees, is measured in docs/ci.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtr, stdtrit

from ..metrics.tools.replicates import Floats

CONFIDENCE = 0.99  # of a whole family of tests: the chance of any false verdict is 1 %
POWER = 0.8  # chance to see a change that is called visible


@dataclass(frozen=True)
class Estimate:
    """A score of one model.

    Attributes:
        runs: its value in each run.
        replicates: (R, B) each run's value in each replicate of the bootstrap or, with ``parts``, without
            each part of the particles; ``None`` for what cannot be resampled, such as a timing.
        particles: how many the bootstrap draws from.
        parts: of the particles, each left out once; 0 of a bootstrap.
        stream: seed and model of the generation; with equal ones, run i of two estimates has the same random
            numbers.
    """

    runs: tuple[float, ...]
    replicates: Floats | None = field(default=None, repr=False)
    particles: int = 0
    parts: int = 0
    stream: tuple[int, str] | None = None

    @property
    def mean(self) -> float:
        """Over the runs."""
        return float(np.mean(self.runs))

    @property
    def std(self) -> float | None:
        """Standard deviation (n - 1) over the runs; ``None`` of a single run."""
        return float(np.std(self.runs, ddof=1)) if len(self.runs) > 1 else None


@dataclass(frozen=True)
class Difference:
    """Of two scores: ``change``, its standard ``error``, and the two-sided ``p`` of no change at all.

    ``freedom`` is that of the error.
    """

    change: float
    error: float
    p: float
    freedom: float = math.inf

    def visible(self, level: float) -> float:
        """The smallest change that would have been significant at this level four times in five."""
        return float(self.error * (stdtrit(self.freedom, 1 - level / 2) + stdtrit(self.freedom, POWER)))


def difference(first: Estimate, second: Estimate) -> Difference:
    """``second`` less ``first``, measured on the same test part and resampled with the same particles.

    The p-value is of Student's t with the degrees of freedom of Welch and Satterthwaite: the bootstrap has
    P - 1 of P particles, the jackknife one less than parts, the spread as many as there are runs in both,
    less 2. Runs with the same random numbers are taken in pairs: what the numbers do to both cancels, and
    there is one degree less than pairs.

    Raises:
        ValueError: there are neither replicates nor runs enough to tell the noise.
    """
    change = second.mean - first.mean
    between, between_freedom = _between_runs(first, second)
    total, freedom = between, float(between_freedom)
    if first.replicates is not None and second.replicates is not None:
        whole, own = _resampled(first, second)
        total, freedom = whole, float(_resampling_freedom(first, second))
        if between > own:
            total = whole - own + between
            freedom = total**2 / ((whole - own) ** 2 / freedom + between**2 / between_freedom)
    elif between_freedom == 0:
        raise ValueError("a difference of single values without replicates has no known noise")
    if total == 0:
        return Difference(change, 0.0, float(change == 0))
    error = math.sqrt(total)
    return Difference(change, error, float(2 * stdtr(freedom, -abs(change) / error)), freedom)


def _paired(first: Estimate, second: Estimate) -> bool:
    """Whether run i of both has the same random numbers, for every i."""
    return first.stream is not None and first.stream == second.stream and len(first.runs) == len(second.runs)


def _between_runs(first: Estimate, second: Estimate) -> tuple[float, int]:
    """Variance of the difference of two means over runs, and its degrees of freedom.

    The spread is pooled, or with the same random numbers that of the runs' differences.
    """
    counts = len(first.runs), len(second.runs)
    if _paired(first, second) and counts[0] > 1:
        changes = np.subtract(second.runs, first.runs)
        return float(np.var(changes, ddof=1)) / counts[0], counts[0] - 1
    freedom = sum(counts) - 2
    if freedom == 0:
        return 0.0, 0
    squares = sum(float(np.var(one.runs)) * len(one.runs) for one in (first, second))
    return squares / freedom * (1 / counts[0] + 1 / counts[1]), freedom


def _resampling_freedom(first: Estimate, second: Estimate) -> int:
    return (first.parts or min(first.particles, second.particles)) - 1


def _resampled(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Variance of the difference by resampling, and how much of it the runs have on their own."""
    sides = [np.atleast_2d(np.asarray(one.replicates)) for one in (first, second)]
    whole = float(np.var(sides[1].mean(axis=0) - sides[0].mean(axis=0), ddof=1))
    if _paired(first, second):
        own = _own(sides[1] - sides[0])[0] / len(sides[0])
    else:
        squares, counts = zip(*map(_own, sides), strict=True)
        pooled = float(np.average(squares, weights=counts)) if sum(counts) else 0.0
        own = pooled * (1 / len(sides[0]) + 1 / len(sides[1]))
    freedom = _resampling_freedom(first, second)
    # leaving one of G parts out moves a mean by 1 / (G - 1) of what the part's own mean would; drawing P
    # particles gives (P - 1) / P of the variance
    scale = freedom**2 / (freedom + 1) if first.parts else (freedom + 1) / freedom
    return whole * scale, min(own, whole) * scale


def _own(replicates: Floats) -> tuple[float, int]:
    """Variance of the replicates of each of R runs that those of other runs do not share, and R - 1."""
    runs = len(replicates)
    if runs == 1:
        return 0.0, 0
    each = float(np.var(replicates, axis=1, ddof=1).mean())
    mean = float(np.var(replicates.mean(axis=0), ddof=1))
    return max(each - mean, 0.0) * runs / (runs - 1), runs - 1


def holm(p: Sequence[float]) -> list[float]:
    """The p-values adjusted for having been tested together (Holm 1979, Scand. J. Statist. 6, 65).

    The smallest is multiplied by their number, the next by one less and so on, none below the one before it,
    none above 1. Those at or below a level are significant with that level for the whole family.
    """
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        largest = max(largest, min(1.0, p[index] * (len(p) - rank)))
        adjusted[index] = largest
    return adjusted


def groups(count: int, different: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The groups of each of ``count`` things: two of them share a group unless the pair is ``different``.

    A compact letter display by insertion and absorption (Piepho 2004, J. Comput. Graph. Stat. 13, 456).
    Groups are numbered from 0 in the order of their first member.
    """
    sets = [frozenset(range(count))]
    for first, second in different:
        split = [s - {one} for s in sets if {first, second} <= s for one in (first, second)]
        found = list(dict.fromkeys([s for s in sets if not {first, second} <= s] + split))
        sets = [s for s in found if not any(s < other for other in found)]
    sets.sort(key=sorted)
    return [[number for number, members in enumerate(sets) if one in members] for one in range(count)]
