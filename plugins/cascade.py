"""Models that draw a photon sum first: the cascade (of energies, too), mixtures of cascades, and the flow."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simbench.harness.hooks import (
    Context,
    Detector,
    Progress,
    Simulator,
    SimulatorOffer,
    TrainingRequest,
    hookimpl,
)

from ._trained import Kind, TrainedModel, provenance

if TYPE_CHECKING:
    from simbench.baselines.cascade.energies import Calorimeter
    from simbench.baselines.cascade.energies.simulator import EnergySimulator
    from simbench.baselines.cascade.job import Progress as CascadeProgress
    from simbench.baselines.cascade.mixture.simulator import MixtureSimulator
    from simbench.baselines.cascade.simulator import CascadeSimulator
    from simbench.baselines.flow.simulator import FlowSimulator

NAME = "cascade"
MIXTURE = "mixture-of-cascades"
FLOW = "flow"


class _Cascade:
    """Loads cascades: they know one engine and one device."""

    @staticmethod
    def load(file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> "CascadeSimulator":
        from simbench.baselines.cascade.simulator import CascadeSimulator

        del device, engine, graphs
        return CascadeSimulator.load(file_or_dir)


class _Mixture:
    """Loads mixtures of cascades."""

    @staticmethod
    def load(file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> "MixtureSimulator":
        from simbench.baselines.cascade.mixture.simulator import MixtureSimulator

        del device, engine, graphs
        return MixtureSimulator.load(file_or_dir)


class _Flow:
    """Loads flows."""

    @staticmethod
    def load(file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> "FlowSimulator":
        from simbench.baselines.flow.simulator import FlowSimulator

        del device, engine, graphs
        return FlowSimulator.load(file_or_dir)


class _Energies:
    """Loads cascades of energies for one calorimeter."""

    def __init__(self, calorimeter: "Calorimeter") -> None:
        self._calorimeter = calorimeter

    def load(self, file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> "EnergySimulator":
        from simbench.baselines.cascade.energies.simulator import EnergySimulator

        del device, engine, graphs
        return EnergySimulator.load(file_or_dir, self._calorimeter)


class CountModel(TrainedModel):
    """A model with its weights that draws the photon sum first, conditioned on the dataset's threshold."""

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.int32]:
        """Photon counts (N, H, W), each response at or above the threshold: nothing is redrawn."""
        responses: npt.NDArray[np.int32] = self._simulator.generate(
            conditions, seed=seed, min_photons=self._min_photons
        )
        return responses


class CascadeModel(CountModel):
    """A cascade, or a mixture of them, with its weights, conditioned on the dataset's photon threshold."""

    def __init__(self, context: Context, model: str = NAME, kind: Kind = _Cascade) -> None:
        super().__init__(model, context, kind, "simbench.baselines")

    def log_prob(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """(N,) log p(response | condition, N >= threshold) in nats; -inf for the impossible."""
        found: npt.NDArray[np.float64] = self._simulator.log_prob(conditions, responses, self._min_photons)
        return found

    def log_prob_levels(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """The terms of :meth:`log_prob` by level of the tree, (N,) each: ``sum``, then coarse to pixel."""
        found: dict[str, npt.NDArray[np.float64]] = self._simulator.log_prob_levels(
            conditions, responses, self._min_photons
        )
        return found


class EnergyModel(TrainedModel):
    """A cascade of energies with its weights."""

    def __init__(self, context: Context) -> None:
        super().__init__(NAME, context, _Energies(_calorimeter(context.detector)), "simbench.baselines")

    def log_prob(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """(N,) log density of the showers, in nats; see docs/cascade.md for what it is a density over."""
        found: npt.NDArray[np.float64] = self._simulator.log_prob(conditions, responses)
        return found

    def log_prob_levels(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """The terms of :meth:`log_prob`, (N,) each: ``total``, ``layers``, ``rings``, ``angles``."""
        found: dict[str, npt.NDArray[np.float64]] = self._simulator.log_prob_levels(conditions, responses)
        return found


def _calorimeter(detector: Detector) -> "Calorimeter":
    """A detector's layers.

    Raises:
        ValueError: it has none.
    """
    from simbench.baselines.cascade.energies import Calorimeter

    geometry = detector.geometry
    if geometry is None:
        raise ValueError(f"a cascade of energies needs a calorimeter of layers; {detector.name!r} has none")
    layers = tuple((layer.rings, layer.angles) for layer in geometry.layers)
    return Calorimeter(layers, geometry.threshold)


def _simulator(context: Context) -> Simulator:
    return CascadeModel(context) if context.detector.counted else EnergyModel(context)


def _mixture(context: Context) -> Simulator:
    return CascadeModel(context, MIXTURE, _Mixture)


def _flow(context: Context) -> Simulator:
    return CountModel(FLOW, context, _Flow, "simbench.baselines")


def _train(request: TrainingRequest) -> Path:
    from simbench.baselines.cascade import energies, training
    from simbench.baselines.cascade.energies.job import EnergyJob
    from simbench.baselines.cascade.job import CascadeJob

    asked = _asked(NAME, request)
    if request.detector.counted:
        return training.train(CascadeJob(**asked))
    return energies.train(EnergyJob(**asked, calorimeter=_calorimeter(request.detector)))


def _train_mixture(request: TrainingRequest) -> Path:
    from simbench.baselines.cascade.job import CascadeJob
    from simbench.baselines.cascade.mixture.training import train

    return train(CascadeJob(**_asked(MIXTURE, request)))


def _train_flow(request: TrainingRequest) -> Path:
    from simbench.baselines.cascade.job import CascadeJob
    from simbench.baselines.flow.training import train

    return train(CascadeJob(**_asked(FLOW, request)))


def _asked(model: str, request: TrainingRequest) -> dict[str, Any]:
    """What a job of either kind is given."""
    from simbench.baselines.conditions import geometry_of

    detector, trained_on = request.detector, request.trained_on
    geometry = geometry_of(detector.half_size, detector.centre, detector.distance, detector.feature_names)

    def tell(news: "CascadeProgress") -> None:
        request.progress(Progress(news.step, news.steps, news.losses, news.validation))

    return {
        "model": model,
        "preset": request.preset,
        "detector": detector.name,
        "shape": detector.shape,
        "geometry": geometry,
        "feature_names": detector.feature_names,
        "conditions": request.conditions,
        "showers": request.showers,
        "particle": request.particle,
        "min_photons": request.min_photons,
        "seed": request.seed,
        "out": request.out,
        "overrides": request.overrides,
        "provenance": provenance(trained_on),
        "training_particles": trained_on.particles,
        "progress": tell,
    }


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """``cascade``, of photons for detectors that count, of energies for calorimeters; mixtures; ``flow``."""
    yield SimulatorOffer(
        name=NAME,
        title="Cascade: exact likelihood, down a tree",
        factory=_simulator,
        detectors=("proton", "neutron", "calochallenge-electrons", "calochallenge-photons"),
        family="cascade",
        reference="simbench documentation, The cascade",
        trainer=_train,
    )
    yield SimulatorOffer(
        name=MIXTURE,
        title="Mixture of cascades, by exact likelihood",
        factory=_mixture,
        detectors=("proton",),
        family="cascade",
        reference="simbench documentation, The cascade",
        trainer=_train_mixture,
    )
    yield SimulatorOffer(
        name=FLOW,
        title="Flow matching of dequantised counts",
        factory=_flow,
        detectors=(),  # it comes without weights
        family="flow",
        reference="Lipman et al. 2023, arXiv:2210.02747; for the ZDC Wojnar 2025, arXiv:2507.18811",
        trainer=_train_flow,
    )
