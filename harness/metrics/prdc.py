"""Are generated responses where the data's are, and are all of those reached? By nearest neighbours.

Precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020,
arXiv:2002.09797). A ball around each response reaches to its k-th nearest neighbour of its own side.

None of the four is "the higher the better": a simulator that repeats the middle of the distribution has a
high precision and a density above 1. Compare with what the Monte Carlo has at the same size of the sample;
all of them depend on it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from .tools.arrays import Floats, Integers, capped, labels, pair

NEIGHBOURS = 5
ROWS = 5_000  # responses of each side that are compared at most, as whole particles
HELD = 1_000_000  # distances at a time
_EQUAL = 1e-13  # of the sum of two squares, below which their points are one


@dataclass(frozen=True)
class Prdc:
    """Four shares.

    Attributes:
        precision: of generated responses that are in the ball of some response of the reference.
        recall: of the reference's that are in the ball of some generated one.
        density: balls of the reference that a generated response is in, on average, over k; may exceed 1.
        coverage: of the reference's with some generated response in their ball.
        rows: how many responses of the reference and of the simulator were compared.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    rows: tuple[int, int]


def prdc(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    k: int = NEIGHBOURS,
    particle: npt.ArrayLike | None = None,
    generated_particle: npt.ArrayLike | None = None,
    rows: int = ROWS,
    seed: int = 0,
    distances: Callable[[Floats, Floats], Floats] = cdist,
    held: int = HELD,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> Prdc:
    """Precision, recall, density and coverage; Euclidean distances, a point on a ball's edge is outside.

    A block of distances is held at a time, never all of them; the cost is 3 D rows^2.

    Args:
        reference: (N, D) finite numbers, of comparable units, such as standardised observables.
        generated: (M, D) the same of the simulator.
        k: neighbours that a ball reaches to.
        particle: (N,) which of the reference's rows are taken together if there are more than ``rows``.
        generated_particle: (M,) the simulator's; by default the reference's, if there are any.
        rows: at most so many rows of each side are compared.
        seed: of the choice of rows.
        distances: of (n, D) and (m, D), gives (n, m); :func:`products` is fast where D is large.
        held: how many distances at a time.
        seen: told how many rows are done, of how many.

    Raises:
        ValueError: the arrays are empty, not finite or do not fit together; a side has k rows or fewer.
    """
    sides = pair(reference, generated, lean=True)
    others = particle if generated_particle is None else generated_particle
    owners = [_owner(one, len(side)) for side, one in zip(sides, (particle, others), strict=True)]
    kept = [
        side if len(side) <= rows else side[capped(owner, rows, seed)]
        for side, owner in zip(sides, owners, strict=True)
    ]
    for side, name in zip(kept, ("reference", "generated"), strict=True):
        if k < 1 or len(side) <= k:
            raise ValueError(f"prdc with k = {k} needs 1 neighbour and {k + 1} rows, {name} has {len(side)}")
    real, made = kept
    total = 2 * len(real) + len(made)
    real_radius = radii(real, k, distances, held, lambda done: seen(done, total))
    made_radius = radii(made, k, distances, held, lambda done: seen(len(real) + done, total))
    balls = np.zeros(len(made), np.int64)
    reached, covered = np.zeros((2, len(real)), np.bool_)
    step = max(1, held // len(made))
    for start in range(0, len(real), step):
        block = slice(start, start + step)
        distance = distances(real[block], made)
        inside = distance < real_radius[block, None]
        balls += inside.sum(axis=0)
        covered[block] = inside.any(axis=1)
        reached[block] = (distance < made_radius).any(axis=1)
        seen(len(real) + len(made) + min(start + step, len(real)), total)
    return Prdc(
        precision=float((balls > 0).mean()),
        recall=float(reached.mean()),
        density=float(balls.sum() / (k * len(made))),
        coverage=float(covered.mean()),
        rows=(len(real), len(made)),
    )


def radii(
    values: Floats,
    k: int,
    distances: Callable[[Floats, Floats], Floats] = cdist,
    held: int = HELD,
    seen: Callable[[int], None] = lambda _: None,
) -> Floats:
    """(N,) distance of each of (N, D) points to its k-th nearest other one."""
    found = np.empty(len(values))
    step = max(1, held // len(values))
    for start in range(0, len(values), step):
        block = slice(start, start + step)
        found[block] = np.partition(distances(values[block], values), k, axis=1)[:, k]
        seen(min(start + step, len(values)))
    return found


def products(first: Floats, second: Floats) -> Floats:
    """(n, m) Euclidean distances by a matrix product; what is within rounding of 0 is 0.

    Some of (m, D) at a time are turned into double precision.
    """
    x = np.asarray(first, dtype=np.float64)
    own, found = (x**2).sum(axis=1)[:, None], np.empty((len(first), len(second)))
    for start in range(0, len(second), len(first)):
        block = slice(start, start + len(first))
        y = np.asarray(second[block], dtype=np.float64)
        whole = own + (y**2).sum(axis=1)
        square = whole - 2 * (x @ y.T)
        found[:, block] = np.sqrt(np.where(square < _EQUAL * whole, 0, square))
    return found


def _owner(particle: npt.ArrayLike | None, rows: int) -> Integers:
    return np.arange(rows) if particle is None else labels(particle, rows, "particle")
