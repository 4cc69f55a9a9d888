"""The plugin author's manual: every hook, and the records that hooks return.

A plugin is a module (or any object) with functions named like the hooks below and marked with
:data:`hookimpl`. An installed package announces its module in the entry-point group ``simbench``::

    [project.entry-points.simbench]
    my-simulators = "my_package.simbench_plugin"

A complete plugin, which generates one photon in a random pixel whatever the condition::

    import numpy as np
    from simbench.harness.hooks import SimulatorOffer, hookimpl


    class OnePhoton:
        def __init__(self, context):
            self.shape = context.detector.shape

        def generate(self, conditions, *, seed):
            rows, (height, width) = len(conditions), self.shape
            responses = np.zeros((rows, height * width), np.int32)
            pixel = np.random.default_rng(seed).integers(height * width, size=rows)
            responses[np.arange(rows), pixel] = 1
            return responses.reshape(rows, height, width)


    @hookimpl
    def simbench_simulators():
        yield SimulatorOffer(name="one-photon", title="One photon", factory=OnePhoton)

Hooks return records and do no work: nothing heavy is imported or loaded until a factory is called. The
models, detectors, dataset makers, readers, metrics and sweeps that come with simbench use these same hooks.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pluggy

from .detectors import Detector
from .metrics import Metric

PROJECT = "simbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


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
        particles: sorted 64-bit hashes (:func:`simbench.harness.split.particle_hashes`) of the training
            particles, where known; lets a leak be seen across different files.
    """

    dataset: str
    split: str
    split_seed: int
    test_fraction: float
    particles: npt.NDArray[np.uint64] | None = field(default=None, repr=False)


@runtime_checkable
class Trained(Protocol):
    """Optional ability: a simulator that was trained says on what."""

    @property
    def trained_on(self) -> TrainedOn | None:
        """What it was trained on; ``None`` if unknown."""
        ...


@runtime_checkable
class Routing(Protocol):
    """Optional ability: a mixture of experts tells which expert serves which condition."""

    def route(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The expert, counted from 0, that serves each of (N, F) conditions: (N,) integers."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """Optional ability: a trained simulator shows how its training went."""

    @property
    def training_record(self) -> Mapping[str, Any]:
        """The JSON values ``preset``, ``seed``, ``steps``, ``best_step``, ``validation`` and ``history``.

        ``history`` is a list of objects with ``step``, ``epoch``, ``losses`` and ``validation``, and with
        ``seconds``, counted from the start of the training, where they are known. ``parameters`` may tell the
        number of trained parameters.
        """
        ...


@runtime_checkable
class Noted(Protocol):
    """Optional ability: there is something to be said wherever the simulator's scores are shown."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Phrases such as ``output taken for log(1 + photons), undeclared``, for the marks of tables."""
        ...


@runtime_checkable
class Executing(Protocol):
    """Optional ability: a simulator says how it computes, for tables of speed."""

    @property
    def execution(self) -> Mapping[str, Any]:
        """``engine``, the library that runs it, and ``batch``, how many responses it computes together."""
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
    """

    detector: Detector
    min_photons: int = 1
    device: str = "cpu"
    weights: Path | None = None
    engine: str = "auto"
    cache: Path | None = None


@dataclass(frozen=True)
class Progress:
    """One line of news from a training.

    Attributes:
        step, steps: where it stands.
        losses: the latest, by name.
        validation: the last validation score.
        warnings: of the last evaluation, a line each.
        experts: of a mixture at its last evaluation: ``share``, ``entropy`` and ``intensity``.
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
        score: ``score(conditions, responses)``: the mean WS of responses to ``validation_conditions``, for
            choosing a checkpoint; smaller is better.
        trained_on: to be stored with the weights, and told by :class:`Trained`.
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
    trained_on: TrainedOn
    min_photons: int
    seed: int
    overrides: Mapping[str, str]
    out: Path
    device: str
    progress: Callable[[Progress], None]


@dataclass(frozen=True)
class ExportRequest:
    """What an exporter is asked for: a simulator as an ONNX graph.

    Attributes:
        context: which simulator, as its factory is told; the device is ``cpu``.
        conditions: (N, F) float32, physical units, to compare the graph with the simulator on.
    """

    context: Context
    conditions: npt.NDArray[np.float32]


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
        family: groups models of one kind (``gan``, ``reference``, ...).
        reference: where it is described (a paper, a page).
        slow: left out of ``--models all``.
        trainer: trains it; ``None``: it does not learn.
        exporter: makes an ONNX graph of it, for ``simbench export``; ``None``: it has none. What it refuses
            is a ``ValueError``.
    """

    name: str
    title: str
    factory: Callable[[Context], Simulator]
    detectors: tuple[str, ...] | None = None
    family: str = "other"
    reference: str = ""
    slow: bool = False
    trainer: Callable[[TrainingRequest], Path] | None = None
    exporter: Callable[[ExportRequest], Exported] | None = None

    def serves(self, detector: Detector) -> bool:
        """Whether it can simulate ``detector`` as it comes, without weights of a training."""
        return self.detectors is None or detector.name in self.detectors


@dataclass(frozen=True)
class Responses:
    """A block of labelled responses, N of them.

    Attributes:
        showers: (N, H, W) unsigned integers, the detector's unit.
        conditions: (N, F) float32, physical units.
        particle: (N,) int64; equal numbers share a condition.
        pdg: (N,) int32 particle identity (PDG numbering), 0 if unknown.
    """

    showers: npt.NDArray[Any]
    conditions: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int64]
    pdg: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Particles:
    """Particles of which responses are asked for, P of them.

    Attributes:
        conditions: (P, F) float32, physical units.
        pdg: (P,) int32 particle identity (PDG numbering), 0 if unknown.
        repeats: (P,) int64, how many responses of each.
    """

    conditions: npt.NDArray[np.float32]
    pdg: npt.NDArray[np.int32]
    repeats: npt.NDArray[np.int64]


@dataclass(frozen=True)
class MakeRequest:
    """What a dataset maker is asked for: ``particles`` x ``repeats`` responses of ``detector``.

    With ``like``, the responses are to be of those particles, as many of each as it says, in its order, and a
    response that never reaches the threshold is left out; only makers with :attr:`DatasetMaker.draws_like`
    are asked so.
    """

    detector: Detector
    particles: int
    repeats: int
    seed: int
    min_photons: int = 1
    like: Particles | None = None


@dataclass(frozen=True)
class Embedded:
    """The dataset that a maker stands for when no data are named: its size, seed and fingerprint."""

    particles: int
    repeats: int
    seed: int
    fingerprint: str | None = None


@dataclass(frozen=True)
class DatasetMaker:
    """A source of labelled responses that a plugin offers.

    Attributes:
        name: what ``simbench data make --simulator`` calls it.
        title: its name in prose.
        detectors: names of the detectors it serves.
        make: yields blocks of :class:`Responses` in order.
        provenance: the sentence that every file and table made from it carries.
        embedded: by detector name, the dataset that ``--data embedded`` means.
        draws_like: whether it draws responses of given particles, :attr:`MakeRequest.like`.
    """

    name: str
    title: str
    detectors: tuple[str, ...]
    make: Callable[[MakeRequest], Iterator[Responses]]
    provenance: str
    embedded: Mapping[str, Embedded] = field(default_factory=dict)
    draws_like: bool = False


@dataclass(frozen=True)
class ReadRequest:
    """What a dataset reader is asked to read.

    Attributes:
        detector: whose responses the files should hold.
        files: in the order of :attr:`DatasetReader.files`; each is there, and no folder.
        min_photons: the importer drops responses with a smaller photon sum. Only a reader of files that were
            filtered before needs to look at it.
    """

    detector: Detector
    files: tuple[Path, ...]
    min_photons: int = 1


def _finds_nothing(_detector: Detector, _path: Path) -> tuple[Path, ...] | None:
    return None


@dataclass(frozen=True)
class DatasetReader:
    """A kind of users' files that a plugin can read, for ``simbench data import`` and ``--data``.

    Attributes:
        name: the KIND of ``simbench data import KIND FILES`` and of ``--data KIND:FILE,FILE``.
        title: its name in prose.
        files: which files, in which order: ``IMAGES CONDITIONS [POSITIONS]``.
        read: yields blocks of :class:`Responses` in the files' order, in flat memory, empty responses
            included: the importer drops and counts what is below the threshold, groups equal conditions
            (``particle`` may be anything) and stores counts as unsigned integers. What is wrong with a file
            is a :class:`simbench.harness.errors.UserError` of one line: file, place, expected, found.
        provenance: a sentence about files of this kind; the importer adds their names and a hash.
        detectors: names of the detectors that it reads; ``None``: any.
        find: ``find(detector, path)``: the files of this kind that a file belongs to, or that a folder holds,
            in order; ``None`` if there are none. It looks at names, or at the head of a file, no more.
        min_photons: the threshold of an import unless another is asked for.
    """

    name: str
    title: str
    files: str
    read: Callable[[ReadRequest], Iterator[Responses]]
    provenance: str
    detectors: tuple[str, ...] | None = None
    find: Callable[[Detector, Path], tuple[Path, ...] | None] = _finds_nothing
    min_photons: int = 1


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep is to be planned for.

    Attributes:
        detector: whose responses are to be learned.
        preset: ``compact`` or ``paper``.
        budget: 0 < budget <= 1, the share of the preset's passes over the data that every training gets.
        seeds: of the trainings, each once.
        overrides: settings given by ``--set name=value``, for every point.
    """

    detector: Detector
    preset: str
    budget: float
    seeds: tuple[int, ...]
    overrides: Mapping[str, str]


@dataclass(frozen=True)
class SweepPoint:
    """One training of a sweep.

    Attributes:
        name: unique in its sweep, and the same whatever other seeds are asked for; lower-case letters,
            digits, dots and hyphens, for it names a folder.
        model: a registered simulator that has a trainer.
        seed: of the training, one of those asked for.
        overrides: all settings that the trainer is given: the point's own, the request's, and the length of
            the training that the budget comes to.
        parameters: what tables show for the point, by the names in :attr:`Sweep.parameters`; equal for
            points that differ by their seed only.
    """

    name: str
    model: str
    seed: int
    overrides: Mapping[str, str]
    parameters: Mapping[str, str | int | float]


@dataclass(frozen=True)
class Sweep:
    """Trainings that differ in a few settings, to be scored and shown side by side.

    Attributes:
        name: what ``simbench sweep`` calls it.
        title: its name in prose.
        parameters: names of what differs between points, the columns of its tables.
        plan: its points, in the order of its tables. A ``ValueError`` is shown to the user as one line.
        caption: a sentence for its tables.
        reference: where the like was published.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    plan: Callable[[SweepRequest], Iterable[SweepPoint]]
    caption: str = ""
    reference: str = ""


@dataclass(frozen=True)
class ReportFormat:
    """A format of tables as text that a plugin offers, for ``--format`` of ``run`` and ``report``.

    Attributes:
        name: what ``--format`` calls it.
        file: what it is written to, ``report.`` and a suffix.
        render: the text of a list of ``simbench.reports.Table``; it ends with a newline.
    """

    name: str
    file: str
    render: Callable[[list[Any]], str]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"report\.\w[\w.-]*", self.file):
            raise ValueError(
                f"report format {self.name!r}: file should be report. and a suffix, found {self.file!r}"
            )


@hookspec
def simbench_simulators() -> Iterable[SimulatorOffer]:  # type: ignore[empty-body]
    """Simulators to be compared."""


@hookspec
def simbench_detectors() -> Iterable[Detector]:  # type: ignore[empty-body]
    """Detectors: shapes, conditions and channel maps."""


@hookspec
def simbench_datasets() -> Iterable[DatasetMaker]:  # type: ignore[empty-body]
    """Makers of datasets, for ``simbench data make`` and ``--data embedded``."""


@hookspec
def simbench_readers() -> Iterable[DatasetReader]:  # type: ignore[empty-body]
    """Readers of users' files, for ``simbench data import`` and ``--data``."""


@hookspec
def simbench_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Metrics: pure functions of the reference's and a simulator's channel sums."""


@hookspec
def simbench_sweeps() -> Iterable[Sweep]:  # type: ignore[empty-body]
    """Sweeps: trainings that differ in a few settings, for ``simbench sweep``."""


@hookspec
def simbench_reports() -> Iterable[ReportFormat]:  # type: ignore[empty-body]
    """Formats of reports: tables as text, for ``--format``."""
