"""From mean energies to energies in voxels: the last step of a simulator of layers, rings and sectors.

Energy comes in spots: a Poisson number of them, each of an exponentially distributed energy, in every voxel
independently of the others. So a mean m fluctuates by sqrt(2 s m), s being the mean energy of a spot, and
many voxels stay empty. The voxels of a ring share its mean: showers have no direction in the angle.

The uniforms are addressed by keys (see :mod:`simbench.harness.rng`), one key a response.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from simbench.harness import rng

Floats = npt.NDArray[np.float64]

_ROWS = 16  # responses drawn together: they stay within a CPU's cache
_FEW = 16.0  # expected spots up to which their number is found term by term
_SUMMED = 8  # spots in a voxel up to which their energies are drawn one by one


@dataclass(frozen=True)
class Rings:
    """The rings of all layers, M of them, each divided into equal sectors: V voxels.

    Rings are counted layer by layer from the innermost; voxels layer by layer, within a layer by sector, and
    within a sector by ring, as :class:`simbench.harness.plugin.geometry.Cylinders` counts them.

    Attributes:
        edges: of each layer, the radii between its rings, ascending.
        angles: of each layer, in how many sectors a ring is divided.
        threshold: a voxel below it is empty.
    """

    edges: tuple[tuple[float, ...], ...]
    angles: tuple[int, ...]
    threshold: float = 0.0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Rings":
        """The rings of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        edges = tuple(tuple(float(edge) for edge in layer) for layer in stored["edges"])
        return cls(edges, tuple(int(number) for number in stored["angles"]), float(stored["threshold"]))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return {
            "edges": [list(layer) for layer in self.edges],
            "angles": list(self.angles),
            "threshold": self.threshold,
        }

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many rings each layer has."""
        return tuple(len(layer) - 1 for layer in self.edges)

    def __len__(self) -> int:
        return sum(self.counts)

    @cached_property
    def layer(self) -> npt.NDArray[np.int64]:
        """(M,) the layer of each ring."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def number(self) -> npt.NDArray[np.int64]:
        """(M,) which one of its layer each ring is, from the innermost."""
        return np.concatenate([np.arange(count) for count in self.counts])

    @cached_property
    def radius(self) -> Floats:
        """(M,) the middle of each ring, in units of the outermost edge of all."""
        middle = [(np.array(layer[1:]) + np.array(layer[:-1])) / 2 for layer in self.edges]
        return np.concatenate(middle) / max(layer[-1] for layer in self.edges)

    @cached_property
    def of_voxel(self) -> npt.NDArray[np.int64]:
        """(V,) the ring of each voxel."""
        first = np.cumsum(self.counts) - self.counts
        each = zip(first, self.counts, self.angles, strict=True)
        return np.concatenate([np.tile(start + np.arange(count), angles) for start, count, angles in each])

    def sums(self, showers: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(N, M) the energy in each ring of showers (N, ...) of V voxels."""
        found = np.empty((len(showers), len(self)), np.float32)
        for place, by_sector in zip(self._places(), self._by_sector(showers), strict=True):
            found[:, place] = by_sector.sum(axis=1, dtype=np.float64)
        return found

    def spot(self, showers: npt.NDArray[Any]) -> Floats:
        """(M,) the mean energy of a spot in each ring, as found in showers (N, ...) of V voxels.

        The sectors of a ring have one mean m and the variance 2 s m: s of a layer is half the sum of the
        variances between sectors over the sum of the means, over its rings and all showers. Layers without
        sectors have that of all others together.

        Raises:
            ValueError: no layer has two sectors with energy in them.
        """
        terms = np.zeros((len(self.counts), 2))
        for layer, by_sector in enumerate(self._by_sector(showers)):
            if self.angles[layer] > 1:
                values = by_sector.astype(np.float64)
                terms[layer] = values.var(axis=1, ddof=1).sum(), values.mean(axis=1).sum()
        variance, mean = terms.sum(axis=0)
        if not variance > 0:
            raise ValueError("how energy fluctuates is seen between sectors; no layer has any with energy")
        known = (terms > 0).all(axis=1)
        size = np.full(len(terms), variance / mean / 2)
        size[known] = terms[known, 0] / terms[known, 1] / 2
        return np.asarray(size[self.layer])

    def _places(self) -> list[slice]:
        ends = np.cumsum(self.counts).tolist()
        return [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]

    def _by_sector(self, showers: npt.NDArray[Any]) -> "list[npt.NDArray[Any]]":
        """Of each layer, its voxels (N, angles, rings)."""
        flat = showers.reshape(len(showers), -1)
        sizes = [count * angles for count, angles in zip(self.counts, self.angles, strict=True)]
        parts = np.split(flat, np.cumsum(sizes)[:-1], axis=1)
        shapes = zip(parts, self.angles, self.counts, strict=True)
        return [part.reshape(len(flat), angles, count) for part, angles, count in shapes]


def draw(
    means: npt.ArrayLike, keys: rng.Keys, rings: Rings, spot: Sequence[float] | Floats
) -> npt.NDArray[np.float32]:
    """Energies of showers, voxel by voxel.

    The number of spots in voxel v is found by inversion of draw number v. Their energies are drawn one by one
    with uniforms of the voxel's own key, number V + v, and beyond 8 spots together, by the Wilson-Hilferty
    approximation (PNAS 17 (1931) 684) to the gamma distribution.

    Args:
        means: the expected energy (N, M) in each ring, finite and >= 0.
        keys: (N,) keys of the uniforms.
        rings: where the voxels are.
        spot: (M,) mean energy of a spot in each ring.

    Returns:
        (N, V) energies.

    Raises:
        ValueError: a mean is negative or not finite.
    """
    means = np.asarray(means)
    if means.size and not (means.min() >= 0 and means.max() < np.inf):  # NaN is neither
        raise ValueError(f"mean energies must be finite and >= 0; found {means.min()} to {means.max()}")
    size = np.asarray(spot, dtype=np.float64)
    sectors = np.asarray(rings.angles)[rings.layer]
    out = np.zeros((len(means), len(rings.of_voxel)), np.float32)
    for start in range(0, len(means), _ROWS):
        rows = slice(start, start + _ROWS)
        _draw_rows(means[rows] / (size * sectors), keys[rows], rings, size, out[rows])
    return out


def _draw_rows(
    expected: Floats, keys: rng.Keys, rings: Rings, size: Floats, out: npt.NDArray[np.float32]
) -> None:
    """Draw rows of (R, M) spots expected in a voxel of each ring into ``out``, which is all zeros."""
    voxels = len(rings.of_voxel)
    uniform = rng.uniform(keys[:, None], np.arange(voxels))
    row, voxel = np.nonzero(uniform > np.exp(-expected)[:, rings.of_voxel])
    ring = rings.of_voxel[voxel]
    number = _spots(uniform[row, voxel], expected[row, ring])
    energy = size[ring] * _energies(number, rng.split(keys[row], voxels + voxel))
    out[row, voxel] = np.where(energy < rings.threshold, 0, energy)


def _spots(uniform: Floats, expected: Floats) -> Floats:
    """(n,) Poisson numbers, 1 or more, of uniforms that exceed the probability of none.

    Term by term up to an expectation of 16; above, by the normal quantile with the terms of the
    Cornish-Fisher expansion, of which the error is a small part of a spot.
    """
    number = np.ones(len(uniform))
    many = np.flatnonzero(expected > _FEW)
    root, deviate = np.sqrt(expected[many]), ndtri(uniform[many])
    skew = (deviate**2 - 1) / 6 + (deviate - deviate**3) / (72 * root)
    number[many] = np.maximum(np.ceil(expected[many] + root * deviate + skew - 0.5), 1)
    left = np.flatnonzero(expected <= _FEW)
    mean, above = expected[left], uniform[left]
    term = mean * np.exp(-mean)
    above = above - np.exp(-mean) - term  # what is left of the uniform beyond none and one
    count = 1.0
    while len(more := np.flatnonzero(above > 0)) and count < 100:
        left, mean, above, term = left[more], mean[more], above[more], term[more]
        count += 1
        number[left] = count
        term = term * mean / count
        above = above - term
    return number


def _energies(number: Floats, keys: rng.Keys) -> Floats:
    """(n,) sums of so many exponential variates of mean 1."""
    total = np.zeros(len(number))
    few = np.flatnonzero(number <= _SUMMED)
    for spot in range(_SUMMED):
        few = few[number[few] > spot]
        total[few] -= np.log(rng.uniform(keys[few], spot))
    many = np.flatnonzero(number > _SUMMED)
    n, deviate = number[many], rng.normal(keys[many], 0)
    total[many] = n * (1 - 1 / (9 * n) + deviate / (3 * np.sqrt(n))) ** 3
    return total
