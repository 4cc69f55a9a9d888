"""From units to scores, the one path: a run that has just ended and a folder of long ago are scored alike."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..data.unit import Unit
from ..files import write_text
from ..metrics.wasserstein import quartile_bins, quartile_bounds
from ..plugin.metric import Metric, Scored, Value
from ..processes.workers import one_thread

Values = Mapping[str, list[list[Value]]]  # by metric, run by run

SUBSETS = ("q1", "q2", "q3", "q4")
COLUMNS = ("model", "detector", "metric", "subset", "channel", "run", "value")


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) of the runs' values; ``None`` where there is none to give."""
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }


def scored(reference: Unit, generated: Unit, convention: str, min_photons: int) -> Scored:
    """What a metric is given of one run, in the channels of a convention."""
    arrays = {
        "reference": reference.channels(convention),
        "generated": generated.channels(convention),
        "reference_photons": reference.photons,
        "generated_photons": generated.photons,
    }
    for array in arrays.values():
        array.flags.writeable = False  # a metric that writes would change what the next one sees
    return Scored(**arrays, channels=reference.conventions[convention], min_photons=min_photons)


def score(metrics: Sequence[Metric], runs: Sequence[Scored]) -> tuple[dict[str, Any], Values]:
    """What a model's entry says of its scores, and the values behind, of at least one run.

    The entry has each metric by its name, ``quartiles`` and ``below_threshold``. Scores are computed on one
    thread, as responses are.

    Raises:
        ValueError: a metric gives a value that is not finite, or none for all responses and channels.
        Exception: whatever a metric raises.
    """
    with one_thread():
        values = evaluate(metrics, runs)
    return _entry(values, runs), values


def evaluate(metrics: Sequence[Metric], runs: Sequence[Scored]) -> Values:
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


def _entry(values: Values, runs: Sequence[Scored]) -> dict[str, Any]:
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


def score_rows(
    label: str, detector: str, values: Values
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
