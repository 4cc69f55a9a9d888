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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

from .data_offers import DatasetMaker, DatasetReader, Embedded, MakeRequest, Particles, ReadRequest, Responses
from .detectors import Detector
from .metrics import Metric
from .simulators import (
    Check,
    Context,
    Executing,
    Exported,
    ExportRequest,
    Likelihood,
    Noted,
    Progress,
    Recorded,
    Routing,
    Simulator,
    SimulatorOffer,
    Trained,
    TrainedOn,
    TrainingRequest,
)

__all__ = [
    "PROJECT",
    "Check",
    "Context",
    "DatasetMaker",
    "DatasetReader",
    "Embedded",
    "Executing",
    "ExportRequest",
    "Exported",
    "Likelihood",
    "MakeRequest",
    "Noted",
    "Particles",
    "Progress",
    "ReadRequest",
    "Recorded",
    "ReportFormat",
    "Responses",
    "Routing",
    "Simulator",
    "SimulatorOffer",
    "Sweep",
    "SweepPoint",
    "SweepRequest",
    "Trained",
    "TrainedOn",
    "TrainingRequest",
    "hookimpl",
    "hookspec",
    "simbench_datasets",
    "simbench_detectors",
    "simbench_metrics",
    "simbench_readers",
    "simbench_reports",
    "simbench_simulators",
    "simbench_sweeps",
]

PROJECT = "simbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


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
