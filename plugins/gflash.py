"""The shower Monte Carlo of the CaloChallenge's detectors: simulator ``gflash`` and embedded datasets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.hooks import (
    Context,
    DatasetMaker,
    Detector,
    Embedded,
    MakeRequest,
    Responses,
    Simulator,
    SimulatorOffer,
    hookimpl,
)

from .calochallenge import PDG, PERIOD

if TYPE_CHECKING:
    from simbench.baselines.gflash import Calorimeter, Gflash

RANGE = {  # MeV, between which incident energies are drawn, evenly by logarithm
    "calochallenge-photons": (256.0, 4_194_304.0),
    "calochallenge-electrons": (1e3, 1e6),
}
DETECTORS = tuple(RANGE)
_ATLAS = ((2.0, 2.3), (2.5, 6.8), (6.8, 22.8), (22.8, 25.3), (25.5, 27.0))  # radiation lengths; an assumption
_BLOCK = 500  # showers
EMBEDDED = {
    "calochallenge-photons": Embedded(
        5000, 4, 20261125, "6a137313750e9c38129a6f421648f07fffa4d8905bb3bdbd2b63572728ba1d07"
    ),
    "calochallenge-electrons": Embedded(
        5000, 4, 20261125, "75b8206e791576a99a960461f1af23079b99d39a17b0ef49bd49f85f525a27ea"
    ),
}


def calorimeter(detector: Detector) -> "Calorimeter":
    """What the simulator needs of a detector: its rings and angles, and how deep its layers lie."""
    from simbench.baselines.gflash import LEAD_ARGON, TUNGSTEN_SILICON, Calorimeter

    if detector.geometry is None:
        raise ValueError(f"detector {detector.name!r} has no layers of rings and angles")
    layers = detector.geometry.layers
    photons = PDG[detector.name] == 22
    thickness = PERIOD / TUNGSTEN_SILICON.radiation_length
    even = thickness * (np.arange(len(layers), dtype=np.float64)[:, None] + np.arange(2))
    return Calorimeter(
        medium=LEAD_ARGON if photons else TUNGSTEN_SILICON,
        edges=tuple(layer.edges for layer in layers),
        angles=tuple(layer.angles for layer in layers),
        bounds=np.array(_ATLAS, np.float64) if photons else even,
        sampling=0.1 if photons else 0.2,
        threshold=detector.geometry.threshold,
        photons=photons,
    )


@dataclass(frozen=True)
class _Simulator:
    gflash: "Gflash"
    shape: tuple[int, int]

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
        """(N, H, W) energies in MeV of showers of (N, 1) incident energies in MeV."""
        return self.gflash.generate(conditions, seed=seed).reshape(-1, *self.shape)


def _simulator(context: Context) -> Simulator:
    from simbench.baselines.gflash import Gflash

    return _Simulator(Gflash(calorimeter(context.detector)), context.detector.shape)


def _make(request: MakeRequest) -> Iterator[Responses]:
    from simbench.baselines.gflash import Gflash

    detector = request.detector
    simulated = Gflash(calorimeter(detector))
    low, high = np.log(RANGE[detector.name])
    key = rng.keys(rng.derive(request.seed, "gflash-energy", detector.name), np.arange(request.particles))
    energies = np.exp(low + (high - low) * rng.uniform(key, 0)).astype(np.float32)
    particle = np.arange(request.particles, dtype=np.int64).repeat(request.repeats)
    for start in range(0, len(particle), _BLOCK):
        owner = particle[start : start + _BLOCK]
        showers = simulated.generate(
            energies[owner, None], seed=rng.derive(request.seed, "gflash-showers", start)
        )
        yield Responses(
            showers.reshape(-1, *detector.shape),
            energies[owner, None],
            owner,
            np.full(len(owner), PDG[detector.name], np.int32),
        )


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """``gflash``: no learning, an independent seed; the floor of every table of these detectors."""
    yield SimulatorOffer(
        name="gflash",
        title="GFlash shower parametrisation (not Geant4)",
        factory=_simulator,
        detectors=DETECTORS,
        family="reference",
        reference="Grindhammer, Peters, hep-ex/0001020",
    )


@hookimpl
def simbench_datasets() -> Iterable[DatasetMaker]:
    """``gflash``: showers of energies drawn evenly by logarithm, four of each energy."""
    from simbench.baselines.gflash import SENTENCE

    yield DatasetMaker(
        name="gflash",
        title="GFlash showers in the CaloChallenge's geometry",
        detectors=DETECTORS,
        make=_make,
        provenance=SENTENCE,
        embedded=EMBEDDED,
    )
