"""What is wrong with a record that a plugin offers, seen before anything is computed with it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import UserError
from ..forms import fault
from .classifiers import ClassifierOffer
from .datasets import DatasetMaker, DatasetReader, Embedded
from .detectors import ChannelMap, Detector, Feature
from .geometry import Cylinders
from .metric import NEEDS, Metric
from .observables import Observable, observables_of
from .reports import ReportFormat
from .simulators import SimulatorOffer
from .sweeps import Sweep

BETTER = ("lower", "higher")
# What a model's entry in result.json holds besides scores, and words that commands read otherwise.
TAKEN = (
    "name", "status", "error", "title", "family", "reference", "plugin", "marks", "engine", "batch",
    "training", "timing", "experts", "identity", "settings", "quartiles", "below_threshold", "speed", "all",
)  # fmt: skip
_NAME = re.compile(r"[^\s,=@]+")  # what commands take a name out of has these around it
_RESERVED: Mapping[type, tuple[str, ...]] = {SimulatorOffer: ("all",), DatasetReader: ("embedded",)}
_TEXTS: Mapping[type, tuple[str, ...]] = {
    SimulatorOffer: ("title", "family", "reference"),
    ClassifierOffer: ("title",),
    Detector: ("title", "unit", "default_channels"),
    DatasetMaker: ("title", "provenance"),
    DatasetReader: ("title", "files", "provenance"),
    Metric: ("title", "unit", "meaning", "cost"),
    Sweep: ("title", "caption", "reference"),
    ReportFormat: ("file",),
}
_TRUTHS: Mapping[type, tuple[str, ...]] = {
    SimulatorOffer: ("slow", "recalls"),
    Detector: ("counted",),
    Metric: ("default",),
}
_FUNCTIONS: Mapping[type, tuple[str, ...]] = {  # those with a ? may be None
    SimulatorOffer: ("factory", "trainer?", "exporter?"),
    ClassifierOffer: ("factory", "trainer", "exporter?"),
    DatasetMaker: ("make",),
    DatasetReader: ("read", "find", "test_file"),
    Metric: ("function", "resampled?"),
    Sweep: ("plan",),
    ReportFormat: ("render",),
}


def fault_of(record: Any, kind: str) -> str | None:
    """What is wrong with a record of any kind, called ``kind`` in messages, or ``None``."""
    if not isinstance(record.name, str) or not _NAME.fullmatch(record.name) or not record.name.isprintable():
        return f"the name of a {kind} should have no space, comma, '=' or '@', found {record.name!r:.60}"
    label = f"{kind} {record.name!r}"
    if record.name in _RESERVED.get(type(record), ()):
        return f"{label}: the name means something else"
    for field in _TEXTS.get(type(record), ()):
        if not isinstance(getattr(record, field), str):
            return f"{label}: {field} should be a text, found {getattr(record, field)!r:.60}"
    for field in _TRUTHS.get(type(record), ()):
        if not isinstance(getattr(record, field), bool):
            return f"{label}: {field} should be True or False, found {getattr(record, field)!r:.60}"
    for field in _FUNCTIONS.get(type(record), ()):
        value = getattr(record, field.removesuffix("?"))
        if not callable(value) and not (value is None and field.endswith("?")):
            return f"{label}: {field.removesuffix('?')} should be a function, found {value!r:.60}"
    if hasattr(record, "detectors") and not _names(
        record.detectors, none=not isinstance(record, DatasetMaker)
    ):
        return f"{label}: detectors should be a tuple of names, found {record.detectors!r:.60}"
    more = _MORE.get(type(record), lambda _: None)(record)
    return f"{label}: {more}" if more else None


def _names(values: Any, *, none: bool = False) -> bool:
    """Whether these are names; a single text would be taken letter by letter, or by its parts."""
    if values is None:
        return none
    return isinstance(values, tuple | list) and all(isinstance(value, str) for value in values)


def _of_metric(metric: Metric) -> str | None:
    if metric.name in TAKEN:
        return f"the name is one of a result's own: {', '.join(TAKEN)}"
    if metric.better not in BETTER:
        return f"better should be {' or '.join(BETTER)}, found {metric.better!r:.60}"
    if not _whole(metric.version, 0):
        return f"version should be a whole number, found {metric.version!r:.60}"
    if metric.runs is not None and not _whole(metric.runs, 1):
        return f"runs should be a number above 0, or None, found {metric.runs!r:.60}"
    unknown = [need for need in metric.needs if need not in NEEDS]
    return f"needs should be of {', '.join(NEEDS)}, found {unknown[0]!r}" if unknown else None


def _of_detector(detector: Detector) -> str | None:
    shape = detector.shape
    if not isinstance(shape, tuple) or len(shape) != 2 or not all(_whole(size, 1) for size in shape):
        return f"shape should be two numbers (H, W) of 1 or more, found {shape!r:.60}"
    features = detector.features
    if not isinstance(features, tuple | list) or not features:
        return f"features should be a tuple of Feature records, found {features!r:.60}"
    for feature in features:
        if not isinstance(feature, Feature) or not all(
            isinstance(t, str) for t in (feature.name, feature.unit)
        ):
            return f"features should be Feature records of texts, found {feature!r:.60}"
    names = [feature.name for feature in features]
    if len(set(names)) < len(names):
        return f"features of one name: {', '.join(sorted(names))}"
    if not isinstance(detector.channels, Mapping) or not detector.channels:
        return f"channels should be channel maps by name, found {detector.channels!r:.60}"
    for name, channels in detector.channels.items():
        wrong = _of_channels(name, channels, shape)
        if wrong:
            return wrong
    if detector.default_channels not in detector.channels:
        return (
            f"the default channel convention {detector.default_channels!r} is not one of its own: "
            f"{', '.join(detector.channels)}"
        )
    for field in ("half_size", "centre"):
        pair = getattr(detector, field)
        if pair is not None and (len(pair) != 2 or not np.isfinite(pair).all()):
            return f"{field} should be two numbers (x, y) in cm, found {pair!r:.60}"
    geometry = detector.geometry
    if geometry is not None and (
        not isinstance(geometry, Cylinders) or geometry.voxels != detector.shape[0] * detector.shape[1]
    ):
        found = f"{geometry.voxels} voxels" if isinstance(geometry, Cylinders) else f"{geometry!r:.60}"
        return f"geometry should be Cylinders of as many voxels as the shape {shape}, found {found}"
    if not isinstance(detector.counted, bool):
        return f"counted should be true or false, found {detector.counted!r:.60}"
    return None


def _of_channels(name: Any, channels: Any, shape: tuple[int, int]) -> str | None:
    if not isinstance(name, str) or not name or "/" in name:
        return f"a channel convention's name has no '/': {name!r:.60}"
    if not isinstance(channels, ChannelMap) or not _names(channels.names) or not channels.names:
        return f"the channel convention {name!r} should be a ChannelMap with names, found {channels!r:.60}"
    if len(set(channels.names)) < len(channels.names) or "mean" in channels.names:
        return f"the names of channel convention {name!r} should differ, and none be mean: {channels.names}"
    masks, expected = channels.masks, (len(channels.names), *shape)
    if type(masks) is not np.ndarray or masks.dtype != np.bool_ or masks.shape != expected:
        found = (
            f"{masks.dtype} of shape {masks.shape}" if isinstance(masks, np.ndarray) else type(masks).__name__
        )
        if isinstance(masks, np.ma.MaskedArray):
            found = f"a masked array ({found})"
        return f"the masks of channel convention {name!r} should be bool of shape {expected}, found {found}"
    return None


def _of_maker(maker: DatasetMaker) -> str | None:
    if not isinstance(maker.embedded, Mapping) or not isinstance(maker.former, Mapping):
        return "embedded and former should be dictionaries"
    for name, spec in maker.embedded.items():
        if not isinstance(spec, Embedded) or not all(_whole(n, 1) for n in (spec.particles, spec.repeats)):
            return f"embedded should be Embedded records by detector, found {spec!r:.60} of {name!r:.60}"
        if name not in maker.detectors:
            return f"it embeds {name!r:.60}, which is none of its detectors"
    return None


def _of_reader(reader: DatasetReader) -> str | None:
    if reader.min_photons is not None and not _whole(reader.min_photons, 0):
        return f"min_photons should be 0 or more, found {reader.min_photons!r}"
    if fault(reader.options, {"*": "text"}) or not all(isinstance(name, str) for name in reader.options):
        return f"options should be a dictionary of texts, found {reader.options!r:.60}"
    return None


def _of_sweep(sweep: Sweep) -> str | None:
    if not _names(sweep.parameters) or len(set(sweep.parameters)) < len(sweep.parameters):
        return f"parameters should be a tuple of different names, found {sweep.parameters!r:.60}"
    return None


def _of_format(report: ReportFormat) -> str | None:
    fits = re.fullmatch(r"report\.\w[\w.-]*", report.file)
    return None if fits else f"file should be report. and a suffix, found {report.file!r:.60}"


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


_MORE: Mapping[type, Any] = {
    Metric: _of_metric,
    Detector: _of_detector,
    DatasetMaker: _of_maker,
    DatasetReader: _of_reader,
    Sweep: _of_sweep,
    ReportFormat: _of_format,
}


def with_sound_observables(detector: Detector) -> tuple[Detector, list[str]]:
    """The detector less the observables that fail on two responses, a dark one and one of single counts.

    Also without those that take the name of an earlier one. With it, a line for each that is left out.
    """
    images = np.zeros((2, *detector.shape), np.uint16 if detector.counted else np.float32)
    images[1] = 1
    kept: list[Observable] = []
    faults = []
    for one in detector.observables:
        try:
            _check(one, kept)
            observables_of([one], images)
        except UserError as error:
            faults.append(f"detector {detector.name!r}: {error}")
        else:
            kept.append(one)
    return (replace(detector, observables=tuple(kept)) if faults else detector), faults


def _check(one: Any, others: list[Observable]) -> None:
    if not isinstance(one, Observable):
        raise UserError(f"an observable should be an Observable record, found {one!r:.60}")
    if not all(isinstance(text, str) for text in (one.name, one.unit, one.formula)) or not one.name:
        raise UserError(f"observable {one.name!r:.60}: name, unit and formula should be texts")
    if one.name in [other.name for other in others]:
        raise UserError(f"observable {one.name!r}: another has this name")
