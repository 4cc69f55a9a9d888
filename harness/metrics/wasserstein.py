"""The two metrics that every run has: the Wasserstein score of channel sums, and the empty rate."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..plugin.metric import Metric, Resampling, Scored, Value
from .tools.replicates import mean_replicates, wasserstein_replicates

Floats = npt.NDArray[np.floating]


def wasserstein(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """First Wasserstein distance between two samples, in the unit of the samples.

    W1 = integral over x of ``|F(x) - G(x)|``, F and G being the empirical distribution functions of the n
    and m values given (Ramdas, Garcia, Cuturi 2017, doi:10.3390/e19020047). Never negative, symmetric, zero
    only for samples of equal distribution. For n = m it is the mean distance of the sorted values.

    Raises:
        ValueError: a sample is empty, or holds NaN or infinity.
    """
    a, b = (np.sort(np.asarray(sample, dtype=np.float64), axis=None) for sample in (first, second))
    for sample, which in ((a, "first"), (b, "second")):
        if not len(sample):
            raise ValueError(
                f"the Wasserstein distance needs at least one value; the {which} sample is empty"
            )
        if not (np.isfinite(sample[0]) and np.isfinite(sample[-1])):
            raise ValueError(f"the Wasserstein distance needs finite values; the {which} sample has others")
    if len(a) == len(b):
        a -= b
        return float(np.abs(a, out=a).mean())
    points = np.sort(np.concatenate([a, b]), kind="stable")
    below_a = np.searchsorted(a, points[:-1], side="right") / len(a)
    below_b = np.searchsorted(b, points[:-1], side="right") / len(b)
    return float((np.abs(below_a - below_b) * np.diff(points)).sum())


def quartile_bounds(photons: Floats) -> tuple[float, float, float]:
    """The three quartiles of (N,) photon sums: NumPy's linear quantiles."""
    low, middle, high = np.quantile(photons, (0.25, 0.5, 0.75))
    return float(low), float(middle), float(high)


def quartile_bins(photons: Floats) -> list[npt.NDArray[np.bool_]]:
    """Four (N,) masks, the bins (-inf, q1], (q1, q2], (q2, q3], (q3, inf) of the sample's own quartiles."""
    place = np.searchsorted(quartile_bounds(photons), photons, side="left")
    return [place == quarter for quarter in range(4)]


def wasserstein_score(scored: Scored) -> Iterator[Value]:
    """WS: W1 between generated and reference sums of each channel, and the mean over channels, in photons.

    For all responses, and for each quarter of them by the photon sum of their reference response (ExpertSim,
    arXiv:2508.20991, Tables 1 and 2).
    """
    everything = np.ones(len(scored.reference), dtype=np.bool_)
    subsets = zip(
        ("all", "q1", "q2", "q3", "q4"), (everything, *quartile_bins(scored.reference_photons)), strict=True
    )
    for name, rows in subsets:
        if not rows.any():
            yield Value(name, "mean", None)
            continue
        sides = zip(scored.reference.T, scored.generated.T, strict=True)
        distances = [wasserstein(reference[rows], generated[rows]) for reference, generated in sides]
        yield Value(name, "mean", float(np.mean(distances)))
        for channel, distance in zip(scored.channels, distances, strict=True):
            yield Value(name, channel, distance)


def empty_rate(scored: Scored) -> Iterator[Value]:
    """Fraction of generated responses with a photon sum below the dataset's threshold; the data have none."""
    yield Value("all", "mean", float(np.mean(scored.generated_photons < scored.min_photons)))


def _resampled_score(scored: Scored, resampling: Resampling) -> npt.NDArray[np.float64]:
    by_channel = [
        wasserstein_replicates(reference, generated, resampling)
        for reference, generated in zip(scored.reference.T, scored.generated.T, strict=True)
    ]
    return np.asarray(np.mean(by_channel, axis=0))


def _resampled_rate(scored: Scored, resampling: Resampling) -> npt.NDArray[np.float64]:
    return mean_replicates(scored.generated_photons < scored.min_photons, resampling)


WASSERSTEIN = Metric("ws", "Wasserstein score", "{unit}", 1, wasserstein_score, resampled=_resampled_score)
EMPTY = Metric("empty", "Empty-response rate", "fraction", 1, empty_rate, resampled=_resampled_rate)
