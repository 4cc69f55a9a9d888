"""The count cascade: an exact likelihood of photon counts, from the sum down a quadtree to the pixels."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simbench.harness.hooks import Context, Progress, Simulator, SimulatorOffer, TrainingRequest, hookimpl

from ._trained import TrainedModel, provenance

if TYPE_CHECKING:
    from simbench.baselines.cascade.job import Progress as CascadeProgress
    from simbench.baselines.cascade.simulator import CascadeSimulator

NAME = "cascade"


class _Cascade:
    """Loads cascades: they know one engine and one device."""

    @staticmethod
    def load(file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> "CascadeSimulator":
        from simbench.baselines.cascade.simulator import CascadeSimulator

        del device, engine, graphs
        return CascadeSimulator.load(file_or_dir)


class CascadeModel(TrainedModel):
    """A cascade with its weights, conditioned on the dataset's photon threshold."""

    def __init__(self, context: Context) -> None:
        super().__init__(NAME, context, _Cascade(), "simbench.baselines")

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.int32]:
        """Photon counts (N, H, W), each response at or above the threshold: nothing is redrawn."""
        responses: npt.NDArray[np.int32] = self._simulator.generate(
            conditions, seed=seed, min_photons=self._min_photons
        )
        return responses

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


def _simulator(context: Context) -> Simulator:
    return CascadeModel(context)


def _train(request: TrainingRequest) -> Path:
    from simbench.baselines.cascade.job import CascadeJob
    from simbench.baselines.cascade.training import train
    from simbench.baselines.conditions import geometry_of

    detector, trained_on = request.detector, request.trained_on
    geometry = geometry_of(detector.half_size, detector.centre, detector.distance, detector.feature_names)

    def tell(news: "CascadeProgress") -> None:
        request.progress(Progress(news.step, news.steps, news.losses, news.validation))

    return train(
        CascadeJob(
            model=NAME,
            preset=request.preset,
            detector=detector.name,
            shape=detector.shape,
            geometry=geometry,
            feature_names=detector.feature_names,
            conditions=request.conditions,
            showers=request.showers,
            particle=request.particle,
            min_photons=request.min_photons,
            seed=request.seed,
            out=request.out,
            overrides=request.overrides,
            provenance=provenance(trained_on),
            training_particles=trained_on.particles,
            progress=tell,
        )
    )


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """``cascade``. Weights come for the two ZDC detectors; it can be trained for any that counts."""
    yield SimulatorOffer(
        name=NAME,
        title="Count cascade: exact likelihood on a quadtree",
        factory=_simulator,
        detectors=("proton", "neutron"),
        family="cascade",
        reference="simbench documentation, The count cascade",
        trainer=_train,
    )
