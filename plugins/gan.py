"""The GANs of the ExpertSim paper's ladder: each adds one idea, and so one loss term, to the one before."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simbench.harness.hooks import Context, Exported, Simulator, SimulatorOffer, TrainingRequest, hookimpl

from ._trained import SERVED, TrainedModel, train

LADDER = {
    "gan": ("GAN", "arXiv:2508.20991"),
    "sdi-gan": ("SDI-GAN: + selective diversity loss", "Dubinski et al. 2023; arXiv:2508.20991, Eq. 1"),
    "sdi-gan-ir": ("SDI-GAN + intensity regularisation", "arXiv:2508.20991, Eqs. 2-3"),
    "sdi-gan-ir-ar": ("SDI-GAN + IR + auxiliary regressor", "arXiv:2406.03263; arXiv:2508.20991, Eq. 4"),
}


def _simulator(model: str, context: Context) -> Simulator:
    from simbench.baselines.gan.simulator import GanSimulator

    return TrainedModel(model, context, GanSimulator, "simbench.baselines")


def _train(model: str, request: TrainingRequest) -> Path:
    from simbench.baselines.gan.training import train as train_gan

    return train(model, request, train_gan)


def _export(model: str, context: Context, conditions: npt.NDArray[np.float32]) -> Exported:
    from simbench.baselines.gan.simulator import GanSimulator

    from ._exported import exported

    return exported(TrainedModel(model, context, GanSimulator, "simbench.baselines"), conditions)


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """The four GANs. Weights of their own come for some detectors; they can be trained for any."""
    for name, (title, reference) in LADDER.items():
        yield SimulatorOffer(
            name=name,
            title=title,
            factory=partial(_simulator, name),
            detectors=SERVED,
            family="gan",
            reference=reference,
            trainer=partial(_train, name),
            exporter=partial(_export, name),
        )
