"""What the repeats of a particle tell: what to expect of it, without the response in question.

To compare a simulator where the detector's response is small, and where it is large, responses must be sorted
by what they were expected to be. By their own sum will not do: what fluctuates upwards is put among the
large ones in the data but not in the simulation, and even a perfect simulator looks wrong. Neither will the
mean over all repeats of the particle, which holds the response itself: with 8 repeats an eighth of its
fluctuation still sorts it. The mean over the **other** repeats knows nothing of the response's own
fluctuation, so that a response of the data and one of a perfect simulator, sorted by it, have the same
distribution in every bin, whatever the number of repeats. Hence one rule for quartiles and bins.
"""

import numpy as np
import numpy.typing as npt

from ...arrays import ranks
from .arrays import Floats, Integers, labels, table

NEIGHBOURS = 8
BINS = 8  # of the expected sum: a constant of the protocol, for conditional scores and n* hang on it


def expected_sums(
    sums: npt.ArrayLike, particle: npt.ArrayLike, energy: npt.ArrayLike | None = None
) -> Floats:
    """(N,) what to expect of each response: the mean over the other responses of its particle.

    A particle with one response has no others. If energies are given, the mean over the responses of the
    :data:`NEIGHBOURS` other particles nearest in energy takes their place; if not, or if there is no other
    particle, the answer is NaN and :func:`equal_bins` leaves the response out.

    Args:
        sums: (N,) photon sums of the **reference**.
        particle: (N,) which responses share their conditions.
        energy: (N,) of the particle, for those with one response.

    Raises:
        ValueError: the arrays are empty, not finite, or of different lengths.
    """
    values = table(sums, "sums")[:, 0]
    owner = ranks(labels(particle, len(values), "particle"))
    count = np.bincount(owner)
    total = np.bincount(owner, weights=values)
    alone = count[owner] == 1
    with np.errstate(invalid="ignore"):
        found = (total[owner] - values) / (count[owner] - 1)
    if alone.any() and energy is not None and len(count) > 1:
        height = table(energy, "energy")[:, 0]
        if len(height) != len(values):
            raise ValueError(f"energy should have the shape ({len(values)},), found ({len(height)},)")
        found[alone] = _nearest(total / count, np.bincount(owner, weights=height) / count)[owner[alone]]
    return found


def _nearest(mean: Floats, energy: Floats) -> Floats:
    """(P,) the mean over the particles nearest in energy, without the particle itself.

    Those are looked for among as many on either side in the order of energies.
    """
    order = np.argsort(energy, kind="stable")
    reach = np.arange(1, NEIGHBOURS + 1)
    places = np.arange(len(order))[:, None] + np.concatenate([-reach, reach])
    outside = (places < 0) | (places >= len(order))
    places = places.clip(0, len(order) - 1)
    distance = np.abs(energy[order][places] - energy[order][:, None])
    distance[outside] = np.inf
    near = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    usable = np.isfinite(np.take_along_axis(distance, near, axis=1))
    values = mean[order][np.take_along_axis(places, near, axis=1)]
    found = np.empty(len(order))
    found[order] = (values * usable).sum(axis=1) / usable.sum(axis=1)
    return found


def equal_bins(values: npt.ArrayLike, count: int) -> tuple[Integers, Floats]:
    """(N,) the bin of each value, 0 to ``count`` - 1, and the ``count`` - 1 bounds between them.

    The bounds are NumPy's linear quantiles of the values; bins are ``(low, high]``. Equal values share a
    bin, so bins need not be of equal size, and some may be empty. NaN is in no bin: -1.

    Raises:
        ValueError: there are no values, or ``count`` is below 1.
    """
    array = table(values, "values", missing=True)[:, 0]
    if count < 1:
        raise ValueError(f"there should be 1 bin or more, found {count}")
    known = ~np.isnan(array)
    bins = np.full(len(array), -1, np.int64)
    if not known.any():
        return bins, np.zeros(0)
    bounds = np.quantile(array[known], np.arange(1, count) / count)
    bins[known] = np.searchsorted(bounds, array[known], side="left")
    return bins, bounds


def repeat_number(particle: npt.ArrayLike) -> Integers:
    """(N,) how many responses of the same particle come before each.

    ``repeat_number(particle) % 2`` halves a dataset without a Monte Carlo: one half of every particle's
    responses against the other is the floor of any metric at half the statistics.
    """
    owner = labels(particle, len(np.asarray(particle)), "particle")
    order = np.argsort(owner, kind="stable")
    ranked = owner[order]
    first = np.ones(len(ranked), np.bool_)
    first[1:] = ranked[1:] != ranked[:-1]
    number = np.empty(len(ranked), np.int64)
    places = np.arange(len(ranked))
    number[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    return number
