"""Does a simulator repeat what it has learned from? Distances to the nearest training response.

New responses of the truth lie at some distance from the nearest training response; those of a simulator that
repeats lie closer. The probability that a generated response is closer than one of the reference, ties by
halves, is 0.5 for a perfect simulator, and 1 for one that copies (a two-sample form of the test of Meehan,
Chaudhuri, Dasgupta 2020, arXiv:2004.05675). Below 0.5 it is further away than the truth: wrong, not copied.

A share of the truth's own responses is equal to a training response, of few photons most often, so that
copies are told only beside those of the reference.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .classifier import area, area_error
from .tools.arrays import capped, labels, pair, standardised

ROWS = 5_000  # responses of each side that are looked up at most, as whole particles
TRAINING = 50_000  # training responses that are looked among at most, every n-th


@dataclass(frozen=True)
class Memorisation:
    """How close to the training responses a simulator is.

    Attributes:
        closer: probability that a generated response is closer than one of the reference, ties by halves.
        error: its standard error, from the particles.
        copies: share of generated responses that are equal to a training response in all observables.
        reference_copies: the same of the reference.
    """

    closer: float
    error: float
    copies: float
    reference_copies: float


def memorisation(
    training: npt.ArrayLike,
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    particle: npt.ArrayLike,
    rows: int = ROWS,
    seed: int = 0,
) -> Memorisation:
    """How close to the nearest training response, in standardised observables.

    Args:
        training: (T, D) observables of the responses learned from, any units; NaN is filled by the common
            rule, with the training responses as reference.
        reference: (N, D) of responses of other particles.
        generated: (N, D) of the simulator's, to the same conditions row for row.
        particle: (N,) which rows share their conditions.
        rows: at most so many rows of each side are looked up.
        seed: of their choice.

    Raises:
        ValueError: the arrays are empty, infinite or do not fit together; there is only one particle.
    """
    from scipy.spatial import KDTree

    learned, truth = pair(training, reference, missing=True)
    made = pair(training, generated, missing=True)[1]
    if len(truth) != len(made):
        raise ValueError(
            f"reference and generated should have the same rows, found {len(truth)} and {len(made)}"
        )
    owner = labels(particle, len(truth), "particle")
    kept = capped(owner, rows, seed)
    owner, truth, made = owner[kept], truth[kept], made[kept]
    learned = learned[:: -(-len(learned) // TRAINING)]
    places, asked = standardised(learned, np.concatenate([truth, made]))
    distance = np.asarray(KDTree(places).query(asked)[0])
    first, second = distance[: len(truth)], distance[len(truth) :]
    return Memorisation(
        closer=area(first, second),
        error=area_error(first, second, owner, owner),
        copies=float((second == 0).mean()),
        reference_copies=float((first == 0).mean()),
    )
