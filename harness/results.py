"""From the sums of every run to ``result.json`` and ``scores.csv``."""

import importlib.metadata
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .files import write_text
from .folder import Unit
from .metrics import Metric, Scored, Value, quartile_bins, quartile_bounds
from .runner import Outcome

SUBSETS = ("q1", "q2", "q3", "q4")
COLUMNS = ("model", "detector", "metric", "subset", "channel", "run", "value")


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) of the runs' values; ``None`` where there is none to give."""
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }


def evaluate(metrics: Sequence[Metric], runs: Sequence[Scored]) -> dict[str, list[list[Value]]]:
    """Every metric's values, run by run.

    Raises:
        ValueError: a metric gives a value that is not finite, or none for all responses and channels.
    """
    values = {metric.name: [list(metric.function(run)) for run in runs] for metric in metrics}
    for name, by_run in values.items():
        for run in by_run:
            bad = [value for value in run if value.value is not None and not math.isfinite(value.value)]
            if bad:
                raise ValueError(f"metric {name!r} should give finite values, found {bad[0]}")
            if not any((value.subset, value.channel) == ("all", "mean") for value in run):
                raise ValueError(f"metric {name!r} gives no value of subset 'all' and channel 'mean'")
    return values


def model_entry(
    outcome: Outcome, values: Mapping[str, list[list[Value]]], runs: Sequence[Scored]
) -> dict[str, Any]:
    """The object that ``result.json`` holds for a model."""
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
    if runs:
        entry |= score_entry(values, runs)
    if outcome.training is not None:
        entry["training"] = dict(outcome.training)
    if outcome.timing is not None:
        entry["timing"] = dict(outcome.timing)
    if runs:
        entry |= expert_load(outcome.units[0], outcome.training)
    return entry


def score_entry(values: Mapping[str, list[list[Value]]], runs: Sequence[Scored]) -> dict[str, Any]:
    """What a model's entry says of its scores: each metric, ``quartiles`` and ``below_threshold``."""
    entry: dict[str, Any] = {}
    quartiles: dict[str, Any] = {}
    for name, by_run in values.items():
        tables = [{(value.subset, value.channel): value.value for value in run} for run in by_run]
        overall = [table["all", "mean"] for table in tables]
        channels = [channel for subset, channel in tables[0] if subset == "all" and channel != "mean"]
        entry[name] = {**spread(overall), "runs": overall}
        if channels:
            entry[name]["channels"] = {
                channel: spread(table["all", channel] for table in tables) for channel in channels
            }
        if any((subset, "mean") in tables[0] for subset in SUBSETS):
            quartiles[name] = [spread(table.get((q, "mean")) for table in tables) for q in SUBSETS]
    photons = runs[0].reference_photons
    counts = [int(rows.sum()) for rows in quartile_bins(photons)]
    entry["quartiles"] = {"bounds": list(quartile_bounds(photons)), "counts": counts, **quartiles}
    entry["below_threshold"] = [int((run.generated_photons < run.min_photons).sum()) for run in runs]
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


def score_rows(
    label: str, detector: str, values: Mapping[str, list[list[Value]]]
) -> list[tuple[str, str, str, str, str, int, float | None]]:
    """The rows of ``scores.csv`` for a model."""
    return [
        (label, detector, metric, value.subset, value.channel, run, value.value)
        for metric, by_run in values.items()
        for run, values_of_run in enumerate(by_run)
        for value in values_of_run
    ]


def write_scores(path: Path, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write ``scores.csv``: tidy, one value a row, full precision, the same bytes for the same values."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


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
