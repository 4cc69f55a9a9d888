"""Simulators: what each promises, what else it may be able to do, and how a plugin offers it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .detectors import Detector

ANCHOR = "anchor"  # family of what shows what a score is worth, and is no candidate: it takes no rank


class Simulator(Protocol):
    """Anything that turns conditions into detector responses."""

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[Any]:
        """Responses to ``conditions``.

        Args:
            conditions: (N, F) float32, physical units, the detector's feature order; N may be 0.
            seed: 0 <= seed < 2**63. The same conditions and seed give the same responses.

        Returns:
            (N, H, W) float32 or integers in the detector's unit, finite and not negative.
        """
        ...


@dataclass(frozen=True)
class TrainedOn:
    """What a trained simulator has seen: enough to refuse a test that it has already read.

    Attributes:
        dataset: fingerprint of the training dataset.
        split, split_seed, test_fraction: the split whose training part was used.
        particles: sorted 64-bit hashes (:func:`simbench.harness.hooks.particle_hashes`) of the training
            particles, where known; lets a leak be seen across different files.
    """

    dataset: str
    split: str
    split_seed: int
    test_fraction: float
    particles: npt.NDArray[np.uint64] | None = field(default=None, repr=False)


@runtime_checkable
class Routing(Protocol):
    """Optional ability: a mixture of experts tells which expert serves which condition."""

    def route(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The expert, counted from 0, that serves each of (N, F) conditions: (N,) integers."""
        ...


@runtime_checkable
class Likelihood(Protocol):
    """Optional ability: a simulator knows how probable a response is, exactly."""

    def log_prob(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """(N,) natural logarithms of the probability of each response to its condition, in nats.

        The probability is that of the distribution which ``generate`` draws from: given that the photon sum
        reaches the context's ``min_photons``. ``-inf`` for a response that is never generated, never NaN.

        Args:
            conditions: (N, F) float32, physical units, the detector's feature order.
            responses: (N, H, W) in the detector's unit.
        """
        ...


@dataclass(frozen=True)
class Context:
    """What a simulator's factory is told.

    Attributes:
        detector: whose responses are asked for.
        min_photons: the dataset holds only responses with at least this photon sum; a simulator is asked
            for draws of that conditioned distribution.
        device: ``cpu`` or ``cuda``.
        weights: a folder that ``simbench train`` wrote, or ``None`` for the simulator's own weights.
        engine: ``torch``, ``onnx``, or ``auto``: what the simulator does best, by a fixed rule of its own.
            A simulator that has no choice ignores it.
        cache: a folder for files that a simulator makes of its weights, such as exported graphs; they may be
            deleted at any time. ``None``: nothing is to be kept.
        training: for an offer that ``recalls``: the file of the training part of the run's split, which
            :func:`simbench.harness.hooks.read_training` reads.
    """

    detector: Detector
    min_photons: int = 1
    device: str = "cpu"
    weights: Path | None = None
    engine: str = "auto"
    cache: Path | None = None
    training: Path | None = None


@dataclass(frozen=True)
class Progress:
    """One line of news from a training.

    Attributes:
        step, steps: where it stands.
        losses: the latest, by name.
        validation: the last validation score.
        warnings: of the last evaluation, a line each.
        experts: of a mixture at its last evaluation: ``share``, ``entropy`` and ``intensity``, and
            ``elsewhere``, if the training draws experts: how often another than the one that will serve.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    validation: float | None = None
    warnings: tuple[str, ...] = ()
    experts: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TrainingRequest:
    """What a trainer is asked to do. Arrays are the training part of the split, less a validation part.

    Attributes:
        detector: whose responses are to be learned.
        preset: ``compact`` or ``paper``.
        conditions: (N, F) float32, physical units.
        showers: (N, H, W) unsigned integers.
        particle: (N,) which responses share a condition.
        validation_conditions: (M, F) float32.
        score: ``score(conditions, responses)`` of responses to ``validation_conditions``, for choosing a
            checkpoint; smaller is better. It sees conditions and images:
            ``simbench.harness.training.validation`` has its formula.
        scores: the same by name: ``validation`` is that score, beside it are its parts and the mean ``ws``.
        trained_on: to be stored with the weights, and told as ``trained_on``.
        min_photons: the dataset's photon threshold.
        seed: of all that is random in the training.
        overrides: settings given by ``--set name=value``.
        out: folder to write to; what is there already is resumed.
        device: ``cpu`` or ``cuda``.
        progress: to be called now and then.
    """

    detector: Detector
    preset: str
    conditions: npt.NDArray[np.float32]
    showers: npt.NDArray[Any]
    particle: npt.NDArray[np.int64]
    validation_conditions: npt.NDArray[np.float32]
    score: Callable[[npt.NDArray[np.float32], npt.NDArray[Any]], float]
    scores: Callable[[npt.NDArray[np.float32], npt.NDArray[Any]], Mapping[str, float]]
    trained_on: TrainedOn
    min_photons: int
    seed: int
    overrides: Mapping[str, str]
    out: Path
    device: str
    progress: Callable[[Progress], None]


@dataclass(frozen=True)
class Check:
    """Something that was compared: one line that says what, how far it agrees, and whether that will do."""

    text: str
    passed: bool


@dataclass(frozen=True)
class Exported:
    """A simulator as an ONNX graph, as ALICE's O2 runs one.

    Attributes:
        graph: the model, serialised. Two float32 inputs, noise (batch, Z) and scaled conditions (batch, F),
            in this order; first output (batch, H, W) or alike, log(1 + photons). The batch is dynamic.
        noise: Z.
        mean, scale: (F,) the scaled conditions are (x - mean) / scale.
        checks: how far it agrees with the simulator.
        facts: what a model card tells besides, by name, such as ``preset`` or ``parameters``.
        limits: sentences of the card on what not to expect of it.
    """

    graph: bytes = field(repr=False)
    noise: int
    mean: Sequence[float]
    scale: Sequence[float]
    checks: tuple[Check, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class SimulatorOffer:
    """A simulator that a plugin offers.

    Attributes:
        name: what the command line and every table call it.
        title: its name in prose.
        factory: makes it; called in every process that generates with it, and once more to time it.
        detectors: names of the detectors it serves as it comes; ``None``: every detector. Weights of its own
            training (``NAME@DIR``) may serve others.
        family: groups models of one kind (``gan``, ...). Two have a meaning: ``reference`` is the floor of
            every table, ``anchor`` is shown beside it; neither is ranked.
        reference: where it is described (a paper, a page).
        slow: left out of ``--models all``.
        trainer: trains it; ``None``: it does not learn.
        exporter: ``exporter(context, conditions)`` makes an ONNX graph of it, for ``simbench export``, and
            compares the two on (N, F) conditions; the context is as its factory is told, on the CPU.
            ``None``: it has none. What it refuses is a ``ValueError``.
        recalls: it draws from the training part itself; the run gives it that of its own split.
    """

    name: str
    title: str
    factory: Callable[[Context], Simulator]
    detectors: tuple[str, ...] | None = None
    family: str = "other"
    reference: str = ""
    slow: bool = False
    trainer: Callable[[TrainingRequest], Path] | None = None
    exporter: Callable[[Context, npt.NDArray[np.float32]], Exported] | None = None
    recalls: bool = False

    def serves(self, detector: Detector) -> bool:
        """Whether it can simulate ``detector`` as it comes, without weights of a training."""
        return self.detectors is None or detector.name in self.detectors
