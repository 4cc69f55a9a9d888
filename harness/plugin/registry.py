"""Finds the plugins, each on its own: a broken one is named and skipped, never fatal to the others."""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

import pluggy

from ..errors import UserError, traced
from . import specs
from .classifiers import ClassifierOffer
from .datasets import DatasetMaker, DatasetReader
from .detectors import Detector
from .metric import Metric
from .reports import ReportFormat
from .simulators import SimulatorOffer
from .sound import fault_of, with_sound_observables
from .specs import PROJECT, own_version
from .sweeps import Sweep

Record = TypeVar(
    "Record",
    SimulatorOffer,
    ClassifierOffer,
    Detector,
    DatasetMaker,
    DatasetReader,
    Metric,
    Sweep,
    ReportFormat,
)


@dataclass(frozen=True)
class Source:
    """Which plugin a record came from, in which version; ``file``, its module, where others wrote it."""

    name: str
    version: str
    file: Path | None = field(default=None, compare=False)

    def code(self) -> str | None:
        """A digest of its source, which may change under one version; of a package, of all its modules."""
        return None if self.file is None else _code(self.file)


@cache
def _code(file: Path) -> str:
    files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    digest = hashlib.sha256()
    for each in files:
        try:
            content = each.read_bytes()
        except OSError:  # gone in the meantime
            continue
        digest.update(f"{each.relative_to(file.parent).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@dataclass
class Catalogue(Generic[Record]):
    """Records of one kind by name, and where each came from."""

    kind: str
    records: dict[str, Record] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Record:
        """The record of a name.

        Raises:
            UserError: there is none; the message lists those there are.
        """
        if name not in self.records:
            known = ", ".join(self.records) or "none at all"
            raise UserError(f"unknown {self.kind} {name!r}; known: {known}")
        return self.records[name]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())


class Registry:
    """All that the plugins offer.

    Attributes:
        simulators, classifiers, detectors, datasets, readers, metrics, sweeps, reports: one
            :class:`Catalogue` a hook.
        problems: one line for each plugin, or part of one, that was skipped.
    """

    def __init__(self) -> None:
        self.simulators: Catalogue[SimulatorOffer] = Catalogue("model")
        self.classifiers: Catalogue[ClassifierOffer] = Catalogue("classifier")
        self.detectors: Catalogue[Detector] = Catalogue("detector")
        self.datasets: Catalogue[DatasetMaker] = Catalogue("dataset maker")
        self.readers: Catalogue[DatasetReader] = Catalogue("kind of files")
        self.metrics: Catalogue[Metric] = Catalogue("metric")
        self.sweeps: Catalogue[Sweep] = Catalogue("sweep")
        self.reports: Catalogue[ReportFormat] = Catalogue("report format")
        self.problems: list[str] = []
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(specs)

    def add(self, plugin: object, source: Source) -> None:
        """Register a plugin and collect what it offers; what fails is added to ``problems``."""
        try:
            hash(plugin)  # pluggy keeps plugins in sets
            self._manager.register(plugin, name=source.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way
            self.problems.append(f"plugin {source.name} {source.version}: {traced(error)}")
            return
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        self._collect("simbench_simulators", self.simulators, SimulatorOffer, source, others)
        self._collect("simbench_classifiers", self.classifiers, ClassifierOffer, source, others)
        self._collect("simbench_detectors", self.detectors, Detector, source, others)
        self._collect("simbench_datasets", self.datasets, DatasetMaker, source, others)
        self._collect("simbench_readers", self.readers, DatasetReader, source, others)
        self._collect("simbench_metrics", self.metrics, Metric, source, others)
        self._collect("simbench_sweeps", self.sweeps, Sweep, source, others)
        self._collect("simbench_reports", self.reports, ReportFormat, source, others)

    def _collect(
        self,
        hook: str,
        catalogue: Catalogue[Record],
        record_type: type[Record],
        source: Source,
        others: Iterable[object],
    ) -> None:
        label = f"plugin {source.name} {source.version}, {hook}"
        records: list[Record] = []
        try:
            answers: list[Iterable[Record]] = self._manager.subset_hook_caller(hook, others)()
            for answer in answers:
                records.extend(answer)  # what comes before a failure stays
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way
            self.problems.append(f"{label}: {traced(error)}")
        for record in records:
            try:
                sound, faults = _examined(record, catalogue, record_type)
            except Exception as error:  # noqa: BLE001 - a plugin's record may be anything
                sound, faults = None, [traced(error)]
            self.problems += [f"{label}: {' '.join(fault.split())}" for fault in faults]
            if sound is not None:
                catalogue.records[sound.name] = sound
                catalogue.sources[sound.name] = source


def _examined(
    record: Any, catalogue: Catalogue[Record], record_type: type[Record]
) -> tuple[Record | None, list[str]]:
    """The record, less what is wrong with it, or ``None``; and a line for each thing that is."""
    if not isinstance(record, record_type):
        return None, [f"expected {record_type.__name__} records, found {type(record).__name__}"]
    fault = fault_of(record, catalogue.kind)
    if fault is None and record.name in catalogue.records:
        owner = catalogue.sources[record.name].name
        fault = f"the {catalogue.kind} {record.name!r} is already {owner}'s"
    if fault is not None:
        return None, [fault]
    sound: Any = record
    faults: list[str] = []
    if isinstance(record, Detector):
        sound, faults = with_sound_observables(record)
    return sound, faults


def load() -> Registry:
    """The registry of our own plugins and of all installed packages in the entry-point group ``simbench``."""
    registry = Registry()
    ours = own_version()
    folder = importlib.import_module("simbench.plugins")
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda found: found.name):
        if module.name.startswith("_"):  # what plugins share
            continue
        name = f"simbench.plugins.{module.name}"
        _add_module(registry, Source(name, ours), partial(importlib.import_module, name))
    for entry in sorted(entry_points(group=PROJECT), key=lambda found: found.name):
        dist_version = entry.dist.version if entry.dist else "?"
        _add_module(registry, Source(entry.name, dist_version, _file_of(entry)), entry.load)
    return registry


def _file_of(entry: EntryPoint) -> Path | None:
    """The file of what an entry point names: of its package, or of its module. Nothing is run."""
    try:
        top = find_spec(entry.module.partition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(top.origin) if top is not None and top.origin and top.has_location else None


def _add_module(registry: Registry, source: Source, load_module: Callable[[], object]) -> None:
    try:
        plugin = load_module()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way
        registry.problems.append(f"plugin {source.name} {source.version}: {traced(error)}")
        return
    registry.add(plugin, source)
