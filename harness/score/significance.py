"""Which differences between scores are more than noise.

The variance of a difference is estimated as the sum of two. The bootstrap over the particles of the test part
gives what comes with the responses, of the reference and of the simulators. The spread between the runs gives
what comes with the generation seed, noise that the responses of a run share among it. Noise of independent
draws is in both and so counted twice: rather a missed change of that size than a false alarm, for either
estimate alone can be too small, the bootstrap for shared noise and the spread by luck, of a few runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtr

from ..metrics.tools.replicates import Floats

CONFIDENCE = 0.99  # of a whole family of tests: the chance of any false verdict is 1 %


@dataclass(frozen=True)
class Estimate:
    """A score of one model.

    Attributes:
        runs: its value in each run.
        replicates: (B,) mean over the runs in each replicate of the bootstrap; ``None`` for what has no
            responses to draw, such as a timing.
        particles: how many the bootstrap draws from.
        stream: seed and model of the generation; with equal ones, run i of two estimates has the same random
            numbers.
    """

    runs: tuple[float, ...]
    replicates: Floats | None = field(default=None, repr=False)
    particles: int = 0
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
    """Of two scores: ``change``, its standard ``error``, and the two-sided ``p`` of no change at all."""

    change: float
    error: float
    p: float


def difference(first: Estimate, second: Estimate) -> Difference:
    """``second`` less ``first``, measured on the same test part and resampled with the same particles.

    The p-value is of Student's t with the degrees of freedom of Welch and Satterthwaite: the bootstrap has
    P - 1 of P particles, the spread as many as there are runs in both, less 2. Runs with the same random
    numbers are taken in pairs: what the numbers do to both cancels, and there is one degree less than pairs.

    Raises:
        ValueError: there are neither replicates nor runs enough to tell the noise.
    """
    change = second.mean - first.mean
    between, between_freedom = _between_runs(first, second)
    within, within_freedom = 0.0, 1
    if first.replicates is not None and second.replicates is not None:
        particles = min(first.particles, second.particles)
        # Resampling P particles gives (P - 1) / P of the variance.
        variance = np.var(second.replicates - first.replicates, ddof=1)
        within, within_freedom = float(variance) * particles / (particles - 1), particles - 1
    elif between_freedom == 0:
        raise ValueError("a difference of single values without replicates has no known noise")
    total = within + between
    if total == 0:
        return Difference(change, 0.0, float(change == 0))
    freedom = total**2 / (within**2 / within_freedom + between**2 / max(between_freedom, 1))
    error = float(np.sqrt(total))
    return Difference(change, error, float(2 * stdtr(freedom, -abs(change) / error)))


def _between_runs(first: Estimate, second: Estimate) -> tuple[float, int]:
    """Variance of the difference of two means over runs, and its degrees of freedom.

    The spread is pooled, or with the same random numbers that of the runs' differences.
    """
    counts = len(first.runs), len(second.runs)
    if first.stream is not None and first.stream == second.stream and counts[0] == counts[1] > 1:
        changes = np.subtract(second.runs, first.runs)
        return float(np.var(changes, ddof=1)) / counts[0], counts[0] - 1
    freedom = sum(counts) - 2
    if freedom == 0:
        return 0.0, 0
    squares = sum(float(np.var(one.runs)) * len(one.runs) for one in (first, second))
    return squares / freedom * (1 / counts[0] + 1 / counts[1]), freedom


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
