"""Spots of energy in voxels: the simulator.

The energy of a layer is carried by spots, a Poisson number of them with exponential energies of mean c^2 / 2.
So their sum has the sampling fluctuation of the calorimeter, sigma / E = c / sqrt(E), without drawing it by
itself (the paper draws it, and takes 10.3 / c E^0.959 spots: about as many). A spot's radius follows the core
or the tail, its angle is uniform; what lies beyond the last ring is lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from ..montecarlo.variates import poisson
from .medium import Medium
from .profiles import deposited, radii, shapes

CONVERSION = 9 / 7  # radiation lengths, the mean depth at which a photon converts
_SPOTS = 100_000  # held at a time
_SHOWERS = 256  # at a time, at most


@dataclass(frozen=True)
class Calorimeter:
    """What is hit.

    Attributes:
        medium: of all layers.
        edges: of each layer, radii between its rings in mm.
        angles: of each layer, into how many equal parts a ring is divided.
        bounds: (L, 2) where each layer begins and ends, in radiation lengths.
        sampling: c, the relative sampling fluctuation at 1 GeV.
        threshold: voxels below it, in MeV, give nothing.
        photons: whether photons hit it, which convert first, or electrons.
    """

    medium: Medium
    edges: tuple[tuple[float, ...], ...]
    angles: tuple[int, ...]
    bounds: Floats = field(repr=False)
    sampling: float
    threshold: float = 0.0
    photons: bool = False

    @property
    def voxels(self) -> int:
        """How many there are: by ring, then angle, then layer."""
        return sum((len(edges) - 1) * angles for edges, angles in zip(self.edges, self.angles, strict=True))


class Gflash:
    """Simulates showers of given energies."""

    def __init__(self, calorimeter: Calorimeter) -> None:
        self._calorimeter = calorimeter
        rings = np.array([len(edges) - 1 for edges in calorimeter.edges])
        self._rings, self._angles = rings, np.array(calorimeter.angles)
        self._first = np.cumsum(rings * self._angles) - rings * self._angles
        widest = max(rings) + 1
        self._squares = np.full((len(rings), widest), np.inf)
        for layer, edges in enumerate(calorimeter.edges):
            self._squares[layer, : len(edges)] = np.square(edges)
        steps = {round(step, 6) for edges in calorimeter.edges for step in np.diff(edges)}
        self._step = steps.pop() if len(steps) == 1 else None  # of all rings, if they are equally wide

    def generate(self, conditions: npt.NDArray[np.floating], *, seed: int) -> npt.NDArray[np.float32]:
        """(N, V) energies in MeV of showers of (N, 1) incident energies in MeV.

        A shower depends on the seed, its row and its energy alone.
        """
        energies = np.asarray(conditions, dtype=np.float64)[:, 0] / 1000
        found = np.empty((len(energies), self._calorimeter.voxels), np.float32)
        stream = rng.derive(seed, "simbench-gflash")
        for rows in self._blocks(energies):
            found[rows] = self._showers(energies[rows], rng.keys(stream, np.arange(rows.start, rows.stop)))
        return found

    def _blocks(self, energies: Floats) -> Iterator[slice]:
        """Rows whose spots fit into memory."""
        spots = np.cumsum(energies * 2 / self._calorimeter.sampling**2)
        start = 0
        while start < len(energies):
            before = spots[start - 1] if start else 0.0
            stop = int(np.searchsorted(spots, before + _SPOTS, side="right"))
            stop = min(max(stop, start + 1), start + _SHOWERS)
            yield slice(start, min(stop, len(energies)))
            start = stop

    def _showers(self, energy: Floats, key: Keys) -> Floats:
        calorimeter, count = self._calorimeter, len(energy)
        layers = len(calorimeter.bounds)
        depth, shape = shapes(calorimeter.medium, energy, rng.normal(key, 0), rng.normal(key, 1))
        start = -CONVERSION * np.log(rng.uniform(key, 2)) if calorimeter.photons else np.zeros(count)
        share = deposited(depth, shape, start, calorimeter.bounds)
        mean = calorimeter.sampling**2 / 2  # GeV, of a spot
        layer_key = rng.split(key[:, None], 3 + np.arange(layers))
        number = poisson(rng.uniform(layer_key, 0), energy[:, None] * share / mean)
        tau = np.maximum(calorimeter.bounds.mean(axis=1) - start[:, None], 0) / depth[:, None]
        core, tail, weight = radii(calorimeter.medium, energy[:, None], tau)
        flat = number.ravel()

        def spots(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            """Of each spot, what its shower and layer have."""
            return np.repeat(np.broadcast_to(values, number.shape).ravel(), flat)

        place = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
        spot = rng.split(spots(layer_key), 1 + place)
        which, turn = rng.uniform2(spot, 0)
        radius, light = rng.uniform2(spot, 1)
        square = np.where(which < spots(weight), spots(core**2), spots(tail**2)) * radius / (1 - radius)
        ring = self._ring(calorimeter.medium.moliere_radius**2 * square, spots)
        rings = spots(self._rings)
        voxel = (turn * spots(self._angles)).astype(np.int64) * rings + ring
        index = voxel + spots(self._first + calorimeter.voxels * np.arange(count)[:, None])
        inside = ring < rings
        energies = np.bincount(
            index[inside], weights=-1000 * mean * np.log(light[inside]), minlength=count * calorimeter.voxels
        ).reshape(count, calorimeter.voxels)
        energies[energies < calorimeter.threshold] = 0
        return np.asarray(energies)

    def _ring(
        self, square: Floats, spots: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
    ) -> npt.NDArray[np.int64]:
        """The ring of each spot, by its squared radius in mm; too large where it is outside."""
        if self._step is not None:
            return np.asarray(np.sqrt(np.minimum(square, 1e12)) / self._step, np.int64)
        layer = spots(np.arange(len(self._rings)))
        return np.asarray((square[:, None] >= self._squares[layer]).sum(axis=1) - 1)
