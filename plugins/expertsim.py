"""ExpertSim: mixtures of two to five GANs, each condition served by the one expert that a router names."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simbench.harness.hooks import Context, Exported, Simulator, SimulatorOffer, TrainingRequest, hookimpl

from ._trained import SERVED, TrainedModel, train

if TYPE_CHECKING:
    from simbench.expertsim.simulator import MixtureSimulator

EXPERTS = (2, 3, 4, 5)


class TrainedMixture(TrainedModel):
    """A mixture with its weights; it also tells its routing."""

    _simulator: "MixtureSimulator"

    def __init__(self, model: str, context: Context) -> None:
        from simbench.expertsim.simulator import MixtureSimulator

        super().__init__(model, context, MixtureSimulator, "simbench.expertsim")

    def route(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The expert, counted from 0, that serves each of (N, F) conditions: (N,)."""
        return self._simulator.route(conditions)


def _simulator(model: str, context: Context) -> Simulator:
    return TrainedMixture(model, context)


def _train(model: str, request: TrainingRequest) -> Path:
    from simbench.expertsim.training import train as train_mixture

    return train(model, request, train_mixture)


def _export(model: str, context: Context, conditions: npt.NDArray[np.float32]) -> Exported:
    from ._exported import exported

    return exported(TrainedMixture(model, context), conditions)


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """The mixtures. Weights of their own come for some detectors; they can be trained for any."""
    for experts in EXPERTS:
        name = f"expertsim-{experts}"
        yield SimulatorOffer(
            name=name,
            title=f"ExpertSim with {experts} experts",
            factory=partial(_simulator, name),
            detectors=SERVED,
            family="mixture of experts",
            reference="arXiv:2508.20991",
            trainer=partial(_train, name),
            exporter=partial(_export, name),
        )
