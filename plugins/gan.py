"""The GANs of the ExpertSim paper's ladder: each adds one idea, and so one loss term, to the one before."""

import hashlib
from collections.abc import Iterable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.hooks import (
    Context,
    Progress,
    Simulator,
    SimulatorOffer,
    TrainedOn,
    TrainingRequest,
    hookimpl,
)

REDRAWS = 1000  # attempts at a response that reaches a threshold higher than the training's

LADDER = {
    "gan": ("GAN", "arXiv:2508.20991"),
    "sdi-gan": ("SDI-GAN: + selective diversity loss", "Dubinski et al. 2023; arXiv:2508.20991, Eq. 1"),
    "sdi-gan-ir": ("SDI-GAN + intensity regularisation", "arXiv:2508.20991, Eqs. 2-3"),
    "sdi-gan-ir-ar": ("SDI-GAN + IR + auxiliary regressor", "arXiv:2406.03263; arXiv:2508.20991, Eq. 4"),
}


class TrainedGan:
    """A generator with its weights, our own or a training's; it says what it was trained on.

    Raises:
        ValueError: the weights are missing, damaged, or another model's or detector's.
    """

    def __init__(self, model: str, context: Context) -> None:
        from simbench.baselines.simulator import GanSimulator
        from simbench.baselines.weights import FILE_NAME

        detector = context.detector
        own = Path(str(files("simbench.baselines"))) / "trained" / f"{detector.name}-{model}.safetensors"
        path = context.weights / FILE_NAME if context.weights else own
        if not path.exists():
            raise ValueError(
                f"no weights of {model} for detector {detector.name!r} at {path}; make some with "
                f"simbench train {model} --detector {detector.name} --out DIR, and name {model}@DIR"
            )
        self._simulator = GanSimulator.load(path, device=context.device)
        header = self._simulator.header
        for what, expected, found in (
            ("model", model, header["model"]),
            ("detector", detector.name, header["detector"]),
            ("features", list(detector.feature_names), list(header["features"])),
        ):
            if expected != found:
                raise ValueError(f"{path} holds weights of another {what}: {found}, expected {expected}")
        self._min_photons = context.min_photons
        data = header["data"]
        self.trained_on = TrainedOn(
            dataset=str(data["dataset"]),
            split=str(data["split"]),
            split_seed=int(data["split_seed"]),
            test_fraction=float(data["test_fraction"]),
            particles=self._simulator.training_particles,
        )
        self.training_record = {"preset": header["preset"], **header["training"]}
        self.fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.int32]:
        """Photon counts (N, H, W); what falls below the photon threshold is redrawn."""
        responses = self._simulator.generate(conditions, seed=seed)
        for attempt in range(1, REDRAWS):
            below = np.flatnonzero(responses.sum(axis=(1, 2)) < self._min_photons)
            if not len(below):
                break
            again = rng.derive(seed, "redraw", attempt)
            responses[below] = self._simulator.generate(conditions[below], seed=again)
        return responses


def train(model: str, request: TrainingRequest) -> Path:
    """Train a model of the ladder: the request in plain arrays and numbers."""
    from simbench.baselines.job import TrainingJob
    from simbench.baselines.training import train as train_gan

    detector, trained_on = request.detector, request.trained_on

    def tell(news: Any) -> None:
        request.progress(Progress(news.step, news.steps, news.losses, news.validation))

    job = TrainingJob(
        model=model,
        preset=request.preset,
        detector=detector.name,
        shape=detector.shape,
        channel_masks=detector.channel_map().masks,
        half_size=detector.half_size,
        distance=detector.distance,
        centre=detector.centre,
        feature_names=detector.feature_names,
        conditions=request.conditions,
        showers=request.showers,
        particle=request.particle,
        validation_conditions=request.validation_conditions,
        score=request.score,
        seed=request.seed,
        out=request.out,
        overrides=request.overrides,
        provenance={
            "dataset": trained_on.dataset,
            "split": trained_on.split,
            "split_seed": trained_on.split_seed,
            "test_fraction": trained_on.test_fraction,
        },
        progress=tell,
        device=request.device,
        min_photons=request.min_photons,
        training_particles=trained_on.particles,
    )
    return train_gan(job)


def _simulator(model: str, context: Context) -> Simulator:
    return TrainedGan(model, context)


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """The four GANs. Weights of their own come for the two ZDC detectors; they can be trained for any."""
    for name, (title, reference) in LADDER.items():
        yield SimulatorOffer(
            name=name,
            title=title,
            factory=partial(_simulator, name),
            detectors=("proton", "neutron"),
            family="gan",
            reference=reference,
            trainer=partial(train, name),
        )
