"""The hooks: functions that a plugin may have, with the records that each returns."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import pluggy

from .classifiers import ClassifierOffer
from .datasets import DatasetMaker, DatasetReader
from .detectors import Detector
from .metric import Metric
from .reports import ReportFormat
from .simulators import SimulatorOffer
from .sweeps import Sweep

PROJECT = "simbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def own_version() -> str:
    """The version of the installed package, or ``checkout`` where the sources are used without it."""
    try:
        return version("simbench-hep")
    except PackageNotFoundError:
        return "checkout"


@hookspec
def simbench_simulators() -> Iterable[SimulatorOffer]:  # type: ignore[empty-body]
    """Simulators to be compared."""


@hookspec
def simbench_classifiers() -> Iterable[ClassifierOffer]:  # type: ignore[empty-body]
    """Classifiers of hits: whether a particle leaves anything in a detector."""


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
