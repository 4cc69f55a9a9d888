"""FPD and KPD as they are published: JetNet 0.2.5's (Kansal et al. 2023, arXiv:2211.10295).

Both divide by the largest absolute value in the reference and draw rows with replacement, again and again. So
FPD is the distance of two finite samples, not of distributions: it falls as 1 / N, grows with D^2, and its
error is that of a fit. For comparisons with published numbers only.
"""

import numpy as np
import numpy.typing as npt

from .physics_distance import Distance, frechet_of, mmd
from .tools.arrays import Floats, pair


def batches(smallest: int, largest: int, points: int = 10) -> list[int]:
    """The sizes of JetNet's batches: 1 / N in equal steps."""
    return [int(1 / step) for step in np.linspace(1 / smallest, 1 / largest, points)]


def _by_largest(reference: npt.ArrayLike, generated: npt.ArrayLike) -> tuple[Floats, Floats]:
    sides = pair(reference, generated)
    scale = np.abs(sides[0]).max(axis=0)
    scale[scale == 0] = 1
    return sides[0] / scale, sides[1] / scale


def fpd_jetnet(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    smallest: int = 20_000,
    largest: int = 50_000,
    seed: int = 42,
) -> Distance:
    """FPD as published, with JetNet 0.2.5's random numbers; the CaloChallenge takes ``smallest=10_000``.

    Observables are divided by the reference's largest absolute value. For each of 10 sizes N, 20 times, N
    rows of either side are drawn with replacement; ``a + b / N`` with a, b >= 0 is fitted to the means of the
    20 distances. The value is a, the error that of the fit, not of the sample.

    Args:
        reference: (N, D) finite observables.
        generated: (M, D) the same of the simulator.
        smallest: of the sizes.
        largest: of the sizes.
        seed: of the draws.

    Raises:
        ValueError: the arrays are empty, not finite, or do not fit together.
    """
    from scipy.optimize import curve_fit

    first, second = _by_largest(reference, generated)
    draw = np.random.default_rng(seed)
    sizes = batches(smallest, largest)
    means = []
    for size in sizes:
        distances = []
        for _ in range(20):
            rows = draw.choice(len(first), size=size), draw.choice(len(second), size=size)
            distances.append(frechet_of(first[rows[0]], second[rows[1]]))
        means.append(np.mean(distances))
    (a, _), covariance = curve_fit(
        lambda x, a, b: a + b * x, 1 / np.array(sizes), means, bounds=([0, 0], [np.inf, np.inf])
    )
    return Distance(float(a), float(np.sqrt(covariance[0, 0])))


def kpd_jetnet(
    reference: npt.ArrayLike, generated: npt.ArrayLike, *, batch: int = 5_000, seed: int = 42
) -> Distance:
    """KPD as published, with JetNet 0.2.5's random numbers; the CaloChallenge takes ``batch=10_000``.

    Observables are divided by the reference's largest absolute value; the median of :func:`mmd` over 10
    batches drawn with replacement, and half the distance between the 16.275 and 83.725 percentiles.

    Raises:
        ValueError: the arrays are empty, not finite, or do not fit together.
    """
    first, second = _by_largest(reference, generated)
    found = []
    for number in range(10):
        draw = np.random.default_rng(seed + 1000 * number)
        rows = draw.choice(len(first), size=batch), draw.choice(len(second), size=batch)
        found.append(mmd(first[rows[0]], second[rows[1]]))
    low, high = np.percentile(found, (16.275, 83.725))
    return Distance(float(np.median(found)), float((high - low) / 2))
