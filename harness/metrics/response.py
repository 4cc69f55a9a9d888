"""What a calorimeter is judged by: response and resolution against energy, centroids, channels that are hit.

In bins of energy that hold equally many responses: the mean photon sum, and the resolution, the spread of a
particle's photon sums over the mean, which is fitted by ``a / sqrt(E) + b`` (stochastic and constant term;
Fabjan, Gianotti 2003, doi:10.1103/RevModPhys.75.1243). The spread is that between repeats of a particle,
``sqrt(mean variance)``: in a bin particles differ, and what they differ by is no resolution.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .conditional import by_particle
from .tools.arrays import Floats, labels, pair, row_for_row, table
from .tools.repeats import equal_bins

BINS = 10


@dataclass(frozen=True)
class Response:
    """Both sides in bins of energy; the first of two axes is reference, generated.

    Attributes:
        energy: (B,) mean energy of each bin, in its unit.
        means: (2, B) mean photon sum.
        resolutions: (2, B) spread between repeats over the mean; NaN without repeats or photons.
        terms: (2, 2) stochastic term a, in roots of the energy's unit, and constant b; NaN if not fitted.
        error: mean over bins of ``|generated / reference - 1|`` of the mean photon sums.
        resolution_error: the same of the resolutions; NaN if there are none.
    """

    energy: Floats
    means: Floats
    resolutions: Floats
    terms: Floats
    error: float
    resolution_error: float


def response(
    reference: npt.ArrayLike,
    generated: npt.ArrayLike,
    *,
    energy: npt.ArrayLike,
    particle: npt.ArrayLike,
    bins: int = BINS,
) -> Response:
    """Mean response and resolution against energy.

    Args:
        reference: (N,) photon sums.
        generated: (N,) to the same conditions, row for row.
        energy: (N,) of the particle, above 0.
        particle: (N,) which rows share their conditions.
        bins: of energy, by equal content; equal energies share a bin.

    Raises:
        ValueError: the arrays are empty, not finite or do not fit together; an energy is not above 0; the
            reference has no photons in any bin.
    """
    sides = row_for_row(reference, generated)
    owner = labels(particle, len(sides[0]), "particle")
    height = table(energy, "energy")[:, 0]
    if len(height) != len(owner):
        raise ValueError(f"energy should have the shape ({len(owner)},), found ({len(height)},)")
    if not (height > 0).all():
        raise ValueError(f"energy should be above 0, found {height.min():g}")
    bin_of = np.unique(equal_bins(height, bins)[0], return_inverse=True)[1]
    count = int(bin_of.max()) + 1
    size = np.bincount(bin_of)
    means = np.stack([np.bincount(bin_of, weights=side[:, 0]) / size for side in sides])
    spreads = np.empty((2, count))
    for place in range(count):
        rows = bin_of == place
        found = by_particle(sides[0][rows], sides[1][rows], particle=owner[rows])
        repeated = (found.counts > 1).all(axis=0)
        spreads[:, place] = (
            np.sqrt(found.variances[:, repeated, 0].mean(axis=1)) if repeated.any() else np.nan
        )
    mean_energy = np.bincount(bin_of, weights=height) / size
    bright = means[0] > 0
    if not bright.any():
        raise ValueError("the reference has no photons in any bin of energy")
    with np.errstate(invalid="ignore", divide="ignore"):
        resolutions = np.where(means > 0, spreads / means, np.nan)
        step = np.abs(resolutions[1] / resolutions[0] - 1)
    known = np.isfinite(step)
    return Response(
        energy=mean_energy,
        means=means,
        resolutions=resolutions,
        terms=np.stack([fitted(mean_energy, one) for one in resolutions]),
        error=float(np.abs(means[1, bright] / means[0, bright] - 1).mean()),
        resolution_error=float(step[known].mean()) if known.any() else float("nan"),
    )


def fitted(energy: npt.ArrayLike, resolution: npt.ArrayLike) -> Floats:
    """(a, b) of ``a / sqrt(E) + b`` by least squares; NaN with fewer than two energies.

    Args:
        energy: (B,) above 0.
        resolution: (B,) at these energies; NaN is left out.
    """
    height = np.asarray(energy, dtype=np.float64)
    values = np.asarray(resolution, dtype=np.float64)
    known = np.isfinite(values)
    if len(np.unique(height[known])) < 2:
        return np.full(2, np.nan)
    design = np.column_stack([1 / np.sqrt(height[known]), np.ones(known.sum())])
    return np.asarray(np.linalg.lstsq(design, values[known], rcond=None)[0])


def efficiencies(reference: npt.ArrayLike, generated: npt.ArrayLike) -> tuple[Floats, Floats]:
    """(C,) share of responses in which each channel has something, of both sides.

    Args:
        reference: (N, C) channel sums.
        generated: (M, C) the simulator's.

    Raises:
        ValueError: the arrays are empty, not finite, or the channels differ.
    """
    first, second = pair(reference, generated)
    return (first > 0).mean(axis=0), (second > 0).mean(axis=0)


def centroid_resolutions(
    reference: npt.ArrayLike, generated: npt.ArrayLike, *, particle: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """(D,) spread of centroids between repeats of a particle, ``sqrt(mean variance)``, of both sides.

    Responses without photons have no centroid (NaN), and are left out on their side.

    Args:
        reference: (N, D) centroids, any unit.
        generated: (N, D) to the same conditions, row for row.
        particle: (N,) which rows share their conditions.

    Raises:
        ValueError: the arrays are empty, infinite, or do not fit together.
    """
    first, second = (
        table(side, name, missing=True) for side, name in ((reference, "reference"), (generated, "generated"))
    )
    if first.shape != second.shape:
        raise ValueError(f"both should have the same shape, found {first.shape} and {second.shape}")
    owner = np.unique(labels(particle, len(first), "particle"), return_inverse=True)[1]
    return _between_repeats(first, owner), _between_repeats(second, owner)


def _between_repeats(values: Floats, owner: npt.NDArray[np.int64]) -> Floats:
    found = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        one, group = values[known, column], owner[known]
        count = np.bincount(group, minlength=owner.max() + 1)
        mean = np.bincount(group, weights=one, minlength=len(count)) / np.maximum(count, 1)
        square = np.bincount(group, weights=(one - mean[group]) ** 2, minlength=len(count))
        several = count > 1
        if several.any():
            found[column] = np.sqrt((square[several] / (count[several] - 1)).mean())
    return found
