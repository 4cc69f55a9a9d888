"""The count cascade: an exact likelihood of photon counts, from the sum down a quadtree to the pixels."""

from collections.abc import Iterable
from pathlib import Path

from simbench.harness.hooks import (
    Context,
    Progress,
    Simulator,
    SimulatorOffer,
    TrainingRequest,
    hookimpl,
)

NAME = "cascade"


def _simulator(context: Context) -> Simulator:
    raise NotImplementedError


def _train(request: TrainingRequest) -> Path:
    from simbench.baselines.cascade.job import CascadeJob
    from simbench.baselines.cascade.training import train
    from simbench.baselines.conditions import Geometry, is_zdc

    detector, trained_on = request.detector, request.trained_on
    half_size, centre, distance = detector.half_size, detector.centre, detector.distance
    geometry = None
    if half_size and centre and distance and is_zdc(detector.feature_names):
        geometry = Geometry(half_size, centre, distance)

    def tell(step: int, steps: int, losses: dict[str, float], validation: float | None) -> None:
        request.progress(Progress(step, steps, losses, validation))

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
            provenance={
                "dataset": trained_on.dataset,
                "split": trained_on.split,
                "split_seed": trained_on.split_seed,
                "test_fraction": trained_on.test_fraction,
            },
            training_particles=trained_on.particles,
            progress=lambda news: tell(news.step, news.steps, news.losses, news.validation),
        )
    )


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """``cascade``. Weights of its own come for the two ZDC detectors; it can be trained for any that counts."""
    yield SimulatorOffer(
        name=NAME,
        title="Count cascade: exact likelihood on a quadtree",
        factory=_simulator,
        detectors=("proton", "neutron"),
        family="cascade",
        reference="simbench documentation, The count cascade",
        trainer=_train,
    )
