"""Classifiers of hits: whether a particle leaves anything in a detector, and how a plugin offers one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .detectors import Detector
from .simulators import Context, Progress, TrainedOn


class Classifier(Protocol):
    """How likely a response is not empty."""

    def probability(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(N,) in [0, 1], of conditions (N, F) in physical units."""
        ...


@dataclass(frozen=True)
class ClassifierRequest:
    """What the trainer of a classifier is asked. Arrays are of raw particles, those without a hit too.

    Attributes:
        detector: whose hits.
        conditions: (K, F) float32, physical units, of the training part.
        hit: (K, R) bool, whether each of a particle's raw responses held anything.
        validation_conditions, validation_hit: the same of a part that chooses the checkpoint.
        trained_on: to be stored with the weights.
        seed: of all that is random in the training.
        overrides: settings given by ``--set name=value``.
        out: folder to write to.
        progress: to be called now and then.
        validation_pdg: (K,) PDG ids of the validation part, for the record only; ``None`` if unknown.
    """

    detector: Detector
    conditions: npt.NDArray[np.float32]
    hit: npt.NDArray[np.bool_]
    validation_conditions: npt.NDArray[np.float32]
    validation_hit: npt.NDArray[np.bool_]
    trained_on: TrainedOn
    seed: int
    overrides: Mapping[str, str]
    out: Path
    progress: Callable[[Progress], None]
    validation_pdg: npt.NDArray[np.int32] | None = None


@dataclass(frozen=True)
class ClassifierOffer:
    """A classifier of hits that a plugin offers.

    Attributes:
        name: what the command line calls it.
        title: its name in prose.
        factory: makes it, with the weights that it comes with or those of the context.
        detectors: names of the detectors that it serves as it comes; ``None``: every detector.
        trainer: trains it.
        exporter: its ONNX graph: float32 conditions (batch, F) in physical units in, probabilities
            (batch, 1) float32 out. ``None``: it has none.
    """

    name: str
    title: str
    factory: Callable[[Context], Classifier]
    trainer: Callable[[ClassifierRequest], Path]
    detectors: tuple[str, ...] | None = None
    exporter: Callable[[Context], bytes] | None = None
