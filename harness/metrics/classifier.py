"""Can a classifier tell a simulator's responses from the data's, given the conditions?

The area under the ROC curve of gradient-boosted trees (scikit-learn's HistGradientBoostingClassifier) on
observables and conditions: the probability that a response of the data is scored above a generated one
(Lopez-Paz, Oquab 2017, arXiv:1610.06545; as a score of simulators Krause, Shih 2021, arXiv:2106.05285).
0.5: not told apart; 1: every one of them. It is a lower bound: a better classifier may tell more.

The trees are trained on one half of the particles and judged on the other, then the other way round, so that
no response is judged by trees that have seen its particle; the area is the mean over the two halves, and
areas below 0.5 are chance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from .. import rng
from ..errors import TooFewError
from .tools.arrays import Floats, Integers, capped, column_names, labels, pair, parts

ROWS = 20_000  # responses of each side that are used at most, as whole particles
JUDGED = 1_000  # of each side and half, on which the importances are measured
FOLDS = 2
TREES, RATE, LEAVES, BINS = 60, 0.15, 31, 128


@dataclass(frozen=True)
class Discrimination:
    """What the classifier found.

    Attributes:
        auc: area under the ROC curve, the mean over the folds.
        error: its standard error, from the particles that it was judged on.
        importance: (name, how far the area falls when the column is shuffled), greatest first.
        rows: how many responses of the reference and of the simulator were used.
    """

    auc: float
    error: float
    importance: tuple[tuple[str, float], ...]
    rows: tuple[int, int]


def area(positive: npt.ArrayLike, negative: npt.ArrayLike) -> float:
    """Area under the ROC curve: the share of pairs in which the positive one is higher, ties by halves.

    Args:
        positive: (n,) scores that should be high.
        negative: (m,) scores that should be low.

    Raises:
        ValueError: a side is empty or not finite.
    """
    return float(_placements(*pair(positive, negative))[0].mean())


def area_error(
    positive: npt.ArrayLike,
    negative: npt.ArrayLike,
    positive_particle: npt.ArrayLike,
    negative_particle: npt.ArrayLike,
) -> float:
    """Standard error of :func:`area` when the responses of a particle, of both sides, go together.

    The sum over particles of the squared deviation that each brings into the area, times P / (P - 1):
    Obuchowski 1997 (doi:10.2307/2533958), which for particles of one response each is DeLong, DeLong,
    Clarke-Pearson 1988 (doi:10.2307/2531595).

    Args:
        positive: (n,) scores that should be high.
        negative: (m,) scores that should be low.
        positive_particle: (n,) whose they are.
        negative_particle: (m,) whose they are.

    Raises:
        ValueError: a side is empty or not finite, or there is only one particle.
    """
    sides = _placements(*pair(positive, negative))
    told = [
        labels(particle, len(side), name)
        for particle, side, name in (
            (positive_particle, sides[0], "positive_particle"),
            (negative_particle, sides[1], "negative_particle"),
        )
    ]
    units, unit_of = np.unique(np.concatenate(told), return_inverse=True)
    if len(units) < 2:
        raise TooFewError("the error of an area needs at least 2 particles, found 1")
    brings = np.concatenate([(side - side.mean()) / len(side) for side in sides])
    by_particle = np.bincount(unit_of, weights=brings)
    return float(np.sqrt((by_particle**2).sum() * len(units) / (len(units) - 1)))


def _placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """(n,) share of negatives below each positive, (m,) share of positives above each negative."""
    above, below = positive.ravel(), negative.ravel()
    ranks = rankdata(np.concatenate([above, below]))
    n, m = len(above), len(below)
    return (ranks[:n] - rankdata(above)) / m, 1 - (ranks[n:] - rankdata(below)) / n


def auc(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike,
    generated_particle: npt.ArrayLike | None = None,
    conditions: npt.ArrayLike | None = None,
    generated_conditions: npt.ArrayLike | None = None,
    names: tuple[str, ...] | None = None,
    seed: int = 0,
    rows: int = ROWS,
    importance: bool = True,
) -> Discrimination:
    """The area that the classifier reaches, its error, and what it leans on.

    What is undefined (NaN) is left to the trees, which have a branch for it.

    Args:
        reference: (N, D) observables of the reference.
        generated: (M, D) observables of the simulator.
        particle: (N,) the reference's particles.
        generated_particle: (M,) the simulator's; by default the rows are the reference's.
        conditions: (N, F) the reference's, given to the classifier beside the observables.
        generated_conditions: (M, F) the simulator's; by default the reference's.
        names: of the D observables.
        seed: of the halves, the trees and the shuffles.
        rows: at most so many responses of each side are used.
        importance: whether to measure it; it takes a quarter of the time.

    Raises:
        ValueError: the arrays are empty, infinite, or do not fit together; fewer than 4 particles.
    """
    whole = np.asarray(reference), np.asarray(generated)
    for side, name in zip(whole, ("reference", "generated"), strict=True):
        if not side.size:
            raise ValueError(f"{name} is empty: its shape is {side.shape}")
    owners = [
        labels(particle, len(whole[0]), "particle"),
        labels(particle if generated_particle is None else generated_particle, len(whole[1]), "particle"),
    ]
    kept = [capped(owner, rows, seed) for owner in owners]  # first: the rest is never looked at
    sides = pair(whole[0][kept[0]], whole[1][kept[1]], missing=True)
    names = column_names(names, sides[0].shape[1])
    if conditions is not None:
        given = [np.asarray(one) for one in (conditions, generated_conditions) if one is not None]
        for told, side, name in zip((given[0], given[-1]), whole, ("reference", "generated"), strict=True):
            if len(told) != len(side):
                raise ValueError(f"the {name} has {len(side)} responses, but conditions for {len(told)}")
        facts = pair(given[0][kept[0]], given[-1][kept[1]])
        sides = (np.hstack([sides[0], facts[0]]), np.hstack([sides[1], facts[1]]))
    owner = np.concatenate([one[keep] for one, keep in zip(owners, kept, strict=True)])
    values = np.concatenate(sides)
    counts = int(kept[0].sum()), int(kept[1].sum())
    truth = np.repeat([True, False], counts)
    if len(np.unique(owner)) < 2 * FOLDS:
        raise TooFewError(f"auc needs at least {2 * FOLDS} particles, found {len(np.unique(owner))}")
    fold = parts(owner, FOLDS, seed, "auc")
    areas, variances, falls = [], [], np.zeros(len(names))
    for part in range(FOLDS):
        found = _judge(values, truth, owner, fold == part, len(names) if importance else 0, seed + part)
        areas.append(found[0])
        variances.append(found[1] ** 2)
        falls[: len(found[2])] += found[2] / FOLDS
    order = np.argsort(-falls, kind="stable")
    return Discrimination(
        auc=float(np.mean(areas)),
        error=float(np.sqrt(np.sum(variances)) / FOLDS),
        importance=tuple((names[place], float(falls[place])) for place in order) if importance else (),
        rows=counts,
    )


def _judge(
    values: Floats,
    truth: npt.NDArray[np.bool_],
    owner: Integers,
    held: npt.NDArray[np.bool_],
    observables: int,
    seed: int,
) -> tuple[float, float, Floats]:
    """Area, error and (observables,) importances on the held-out rows of trees trained on the others."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    for known, what in ((held, "judge"), (~held, "train")):
        if len(np.unique(truth[known])) < 2:
            raise ValueError(f"auc needs responses of both sides to {what} on; one side has none there")
    trees = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        max_bins=BINS,
        early_stopping=False,
        random_state=rng.derive(seed, "trees") % 2**32,
    )
    with threadpool_limits(1, user_api="openmp"):
        trees.fit(values[~held], truth[~held])
        score = trees.decision_function(values[held])
        real, owners = truth[held], owner[held]
        found = area(score[real], score[~real])
        error = area_error(score[real], score[~real], owners[real], owners[~real])
        judged = np.zeros(len(real), np.bool_)
        for side in (real, ~real):
            judged[np.flatnonzero(side)[capped(owners[side], JUDGED, seed)]] = True
        rows, real = values[held][judged], real[judged]
        whole = area(score[judged][real], score[judged][~real])
        falls = np.zeros(observables)
        for column in range(observables):
            order = np.argsort(rng.keys(rng.derive(seed, "shuffle", column), np.arange(len(rows))))
            shuffled = rows.copy()
            shuffled[:, column] = rows[order, column]
            score_shuffled = trees.decision_function(shuffled)
            falls[column] = whole - area(score_shuffled[real], score_shuffled[~real])
    return found, error, falls
