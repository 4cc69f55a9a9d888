"""What ``result.json`` says of a model and of the machine, besides scores."""

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data.unit import Unit
from ..score.evaluate import spread
from .runner import Outcome


def model_entry(outcome: Outcome) -> dict[str, Any]:
    """The object that ``result.json`` holds for a model, less its scores."""
    offer, source = outcome.model.offer, outcome.model.source
    entry: dict[str, Any] = {
        "name": outcome.model.label,
        "status": outcome.status,
        "error": outcome.error,
        "title": offer.title,
        "family": offer.family,
        "reference": offer.reference,
        "plugin": {"name": source.name, "version": source.version},
        "marks": list(outcome.marks),
        **{name: outcome.execution.get(name) for name in ("engine", "batch")},
    }
    if outcome.identity:
        entry["identity"] = dict(outcome.identity)
    if outcome.training is not None:
        entry["training"] = dict(outcome.training)
    if outcome.timing is not None:
        entry["timing"] = dict(outcome.timing)
    return entry


def expert_load(unit: Unit, training: Mapping[str, Any] | None) -> dict[str, Any]:
    """``experts``: for each expert, its share of responses, mean and deviation of their photon sums.

    Experts beyond the last that served a response are known only if the training's history tells of them.
    """
    if unit.experts is None:
        return {}
    history = (training or {}).get("history") or [{}]
    recorded = history[-1].get("experts") or {}
    load = []
    for expert in range(max(int(unit.experts.max()) + 1, len(recorded.get("share") or ()))):
        photons = unit.photons[unit.experts == expert]
        share = len(photons) / len(unit.experts)
        load.append({"share": share, **spread(photons.tolist())})
    return {"experts": load}


def environment() -> dict[str, Any]:
    """Versions and machine, as recorded in every result."""
    packages = ("simbench-hep", "numpy", "scipy", "torch")
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in packages},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
