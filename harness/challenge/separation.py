"""Separation powers of the challenge's histograms, in its bins.

Modes and bins are those of the challenge's evaluation; those of sparsity and of centres and widths in r come
from functions of it whose use for the published numbers is not documented, so **these bins are not certain**.
What lies outside a histogram is left out on its side, as the challenge has it: layers without energy, and all
that is above the reference's largest value.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..metrics.separation import separation_of_counts
from ..plugin.geometry import Cylinders, Floats
from .features import Features, divided

_HADRONIC = (12, 13)  # layers of data set 1 with wider histograms in eta and phi
_BACK = (12, 13, 14)  # ... and in r
_VOXELS = 50  # edges of the histogram of single voxels
_LAYERS = 40  # ... of a layer's energy


def in_rows(geometry: Cylinders) -> bool:
    """Whether all layers are alike: data sets 2 and 3."""
    return len({(layer.edges, layer.angles) for layer in geometry.layers}) == 1


def voxel_edges(geometry: Cylinders, largest: float) -> Floats:
    """Of the histogram of voxel energies: 49 bins by logarithm up to the reference's largest voxel."""
    return _by_logarithm(geometry.threshold, largest, _VOXELS)


def voxel_histogram(blocks: Iterable[npt.NDArray[np.floating]], edges: Floats) -> Floats:
    """(49,) how many voxels of all showers are in each bin."""
    counts = np.zeros(len(edges) - 1)
    for block in blocks:
        counts += np.histogram(block[block > 0], edges)[0]
    return counts


def separations(geometry: Cylinders, reference: Features, generated: Features) -> dict[str, float | None]:
    """The separation power of each histogram of features, by its name.

    Args:
        geometry: of both sides.
        reference: the showers of the challenge.
        generated: of a submission.
    """
    return dict(_separations(geometry, reference, generated))


def _separations(
    geometry: Cylinders, reference: Features, generated: Features
) -> Iterator[tuple[str, float | None]]:
    numbers = [layer.number for layer in geometry.layers]
    angled = [numbers[place] for place in divided(geometry)]
    rows = in_rows(geometry)
    ratios = [side.total / side.incident for side in (reference, generated)]
    yield "Etot / Einc", _power(ratios, np.linspace(0.5, 1.5, 101))
    if not rows:
        for energy in np.unique(reference.incident):
            edges = np.linspace(0.4, 1.4, 21)
            if numbers[-1] == 12 and energy >= 4096:  # photons, whose resolution is better
                edges = np.linspace(0.9, 1.1, 21)
            chosen = [
                ratio[side.incident == energy]
                for ratio, side in zip(ratios, (reference, generated), strict=True)
            ]
            yield f"Etot / Einc at {energy:.0f} MeV", _power(chosen, edges)
    for place, number in enumerate(numbers):
        sides = [side.energy[:, place] for side in (reference, generated)]
        edges = _by_logarithm(geometry.threshold, sides[0].max(), _LAYERS)
        yield f"E layer {number}", _power(sides, edges)
    for axis in ("eta", "phi"):
        for column, number in enumerate(angled):
            reach = 30 if rows else 500 if number in _HADRONIC else 100
            sides = [getattr(side, f"centre_{axis}")[:, column] for side in (reference, generated)]
            yield f"EC {axis.capitalize()} layer {number}", _power(sides, np.linspace(-reach, reach, 101))
    for axis in ("eta", "phi"):
        for column, number in enumerate(angled):
            reach = 30 if rows else 400 if number in _HADRONIC else 100
            sides = [getattr(side, f"width_{axis}")[:, column] for side in (reference, generated)]
            yield f"Width {axis.capitalize()} layer {number}", _power(sides, np.linspace(0, reach, 101))
    for place, number in enumerate(numbers):
        sides = [side.sparsity[:, place] for side in (reference, generated)]
        yield f"Sparsity layer {number}", _power(sides, np.linspace(0, 1, 21))
    for text, name, short in (("EC r", "centre_r", 42), ("Width r", "width_r", 20)):
        for place, number in enumerate(numbers):
            reach = short if rows else 1500 if number in _BACK else 500
            sides = [getattr(side, name)[:, place] for side in (reference, generated)]
            yield f"{text} layer {number}", _power(sides, np.linspace(0, reach, 101))


def _by_logarithm(low: float, high: float, count: int) -> Floats:
    return np.logspace(np.log10(low), np.log10(max(high, low)), count)


def _power(sides: Sequence[Floats], edges: Floats) -> float | None:
    """``None`` where the reference has nothing within the edges, or no edges can be drawn."""
    if not (np.diff(edges) > 0).all():
        return None
    h, g = (np.histogram(side, edges)[0].astype(np.float64) for side in sides)
    return separation_of_counts(h, g) if h.sum() else None
