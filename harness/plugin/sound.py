"""What is wrong with a record that a plugin offers, seen before anything is computed with it."""

import re
from dataclasses import replace

import numpy as np

from ..errors import UserError
from .detectors import Detector
from .metric import NEEDS, Metric
from .observables import observables_of

BETTER = ("lower", "higher")
# What a model's entry in result.json holds besides scores, and words that commands read otherwise.
TAKEN = (
    "name", "status", "error", "title", "family", "reference", "plugin", "marks", "engine", "batch",
    "training", "timing", "experts", "identity", "settings", "quartiles", "below_threshold", "speed", "all",
)  # fmt: skip
_NAME = re.compile(r"[^\s,=]+")


def metric_fault(metric: Metric) -> str | None:
    """What is wrong with a metric, or ``None``."""
    if not isinstance(metric.name, str) or not _NAME.fullmatch(metric.name):
        return f"a metric's name should have no space, comma or '=', found {metric.name!r}"
    label = f"metric {metric.name!r}"
    if metric.name in TAKEN:
        return f"{label}: the name is one of a result's own: {', '.join(TAKEN)}"
    if metric.better not in BETTER:
        return f"{label}: better should be {' or '.join(BETTER)}, found {metric.better!r}"
    if not callable(metric.function) or not (metric.resampled is None or callable(metric.resampled)):
        return f"{label}: function and resampled should be functions"
    for field in ("title", "unit", "meaning", "cost"):
        if not isinstance(getattr(metric, field), str):
            return f"{label}: {field} should be a text, found {getattr(metric, field)!r}"
    if not isinstance(metric.version, int):
        return f"{label}: version should be a whole number, found {metric.version!r}"
    if metric.runs is not None and not (isinstance(metric.runs, int) and metric.runs > 0):
        return f"{label}: runs should be a number above 0, or None, found {metric.runs!r}"
    unknown = [need for need in metric.needs if need not in NEEDS]
    if unknown:
        return f"{label}: needs should be of {', '.join(NEEDS)}, found {unknown[0]!r}"
    return None


def with_sound_observables(detector: Detector) -> tuple[Detector, list[str]]:
    """The detector less the observables that fail on two responses, a dark one and one of single counts.

    With it, a line for each that is left out.
    """
    images = np.zeros((2, *detector.shape), np.uint16)
    images[1] = 1
    kept, faults = [], []
    for one in detector.observables:
        try:
            observables_of([one], images)
        except UserError as error:
            faults.append(f"detector {detector.name!r}: {error}")
        else:
            kept.append(one)
    return (replace(detector, observables=tuple(kept)) if faults else detector), faults
