"""``simbench list``."""

from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simbench import reports
from simbench.reports.output import FILES

from ..plugin.observables import Observable
from ..plugin.registry import Registry, Source
from ..plugin.specs import own_version
from .common.formats import offered_formats
from .common.plugins import load_registry


def list_(
    kind: Annotated[
        Literal[
            "models",
            "classifiers",
            "detectors",
            "datasets",
            "readers",
            "metrics",
            "observables",
            "sweeps",
            "formats",
        ],
        typer.Argument(help="What to list."),
    ],
) -> None:
    """List what the plugins offer.

    For example:

      simbench list models

      simbench list detectors
    """
    heads, rows = _TABLES[kind](load_registry())
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # Wider than any table: a name is never cut, a narrow terminal wraps.
    Console(highlight=False, width=10_000).print(table, soft_wrap=True)


def _models(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            offer.name,
            offer.title,
            offer.family,
            ", ".join(offer.detectors) if offer.detectors is not None else "every",
            "yes" if offer.trainer else "no",
            _source(registry.simulators.sources[offer.name]),
            offer.reference,
        ]
        for offer in registry.simulators
    ]
    return ["model", "title", "family", "detectors", "trains", "plugin", "reference"], rows


def _detectors(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            detector.name,
            detector.title,
            " x ".join(map(str, detector.shape)),
            detector.unit,
            ", ".join(f"{name}{'*' * (name == detector.default_channels)}" for name in detector.channels),
            ", ".join(f"{feature.name} [{feature.unit}]" for feature in detector.features),
        ]
        for detector in registry.detectors
    ]
    return ["detector", "title", "shape", "unit", "channel conventions (* default)", "features"], rows


def _classifiers(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            offer.name,
            offer.title,
            ", ".join(offer.detectors) if offer.detectors is not None else "every",
            _source(registry.classifiers.sources[offer.name]),
        ]
        for offer in registry.classifiers
    ]
    return ["classifier", "title", "detectors", "plugin"], rows


def _datasets(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            maker.name,
            maker.title,
            ", ".join(maker.detectors),
            ", ".join(f"{name} {spec.particles * spec.repeats}" for name, spec in maker.embedded.items()),
            maker.provenance,
        ]
        for maker in registry.datasets
    ]
    return ["dataset maker", "title", "detectors", "embedded responses", "provenance"], rows


def _readers(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            reader.name,
            reader.title,
            reader.files,
            ", ".join(reader.detectors) if reader.detectors is not None else "every",
            ", ".join(reader.options) or "-",
            _source(registry.readers.sources[reader.name]),
        ]
        for reader in registry.readers
    ]
    return ["kind of files", "title", "files", "detectors", "options", "plugin"], rows


def _metrics(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            metric.name,
            metric.title,
            metric.unit.replace("{unit}", "the detector's"),
            metric.better,
            "yes" if metric.default else "no",
            ", ".join(metric.needs) or "channel sums",
            metric.cost or "-",
            str(metric.version),
            metric.meaning,
        ]
        for metric in registry.metrics
    ]
    return ["metric", "title", "unit", "better", "default", "needs", "cost", "version", "meaning"], rows


def _observables(registry: Registry) -> tuple[list[str], list[list[str]]]:
    serving: dict[Observable, list[str]] = {}
    for detector in registry.detectors:
        for observable in detector.observables:
            serving.setdefault(observable, []).append(detector.name)
    rows = [
        [
            observable.name,
            observable.unit.replace("{unit}", "the detector's"),
            observable.formula,
            ", ".join(names) if len(names) < len(registry.detectors.records) else "every",
        ]
        for observable, names in serving.items()
    ]
    return ["observable", "unit", "formula", "detectors"], rows


def _sweeps(registry: Registry) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            sweep.name,
            sweep.title,
            ", ".join(sweep.parameters),
            _source(registry.sweeps.sources[sweep.name]),
            sweep.reference,
        ]
        for sweep in registry.sweeps
    ]
    return ["sweep", "title", "parameters", "plugin", "reference"], rows


def _formats(registry: Registry) -> tuple[list[str], list[list[str]]]:
    files = {**dict(zip((*reports.PRINTED, "html", "parquet"), FILES, strict=True)), "figures": "figures/"}
    own = _source(Source("simbench", own_version()))
    rows = [[name, files[name], "yes" if name in reports.PRINTED else "no", own] for name in reports.FORMATS]
    rows += [
        [each.name, each.file, "yes", _source(registry.reports.sources[each.name])]
        for each in offered_formats(registry).values()
    ]
    return ["format", "file", "printed", "plugin"], rows


def _source(source: Source) -> str:
    return f"{source.name} {source.version}"


_TABLES = {
    "models": _models,
    "classifiers": _classifiers,
    "detectors": _detectors,
    "datasets": _datasets,
    "readers": _readers,
    "metrics": _metrics,
    "observables": _observables,
    "sweeps": _sweeps,
    "formats": _formats,
}
