"""From units to scores, the one path: a run that has just ended and a folder of long ago are scored alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.unit import Unit
from ..errors import TooFewError, traced
from ..files import write_text
from ..metrics.wasserstein import quartile_bins, quartile_bounds
from ..plugin.metric import NOT_MEASURED, Floats, Metric, Resampling, Scored, Value
from ..processes.workers import one_thread

Blocks = Callable[[], Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]
Measured = tuple[list[list[Value]], str | None]  # of a metric: values run by run, or why there are none

SCORE_KEYS = (  # of a metric, in result.json
    "mean",
    "std",
    "runs",
    "error",
    "over_particles",
    "problem",
    "channels",
    "floor",
)
SUBSETS = ("q1", "q2", "q3", "q4")
COLUMNS = ("model", "detector", "metric", "subset", "channel", "run", "value")


class NotMeasuredError(Exception):
    """A run has not kept what a metric needs; the message says what to do."""


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) of the runs' values; ``None`` where there is none to give."""
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    }


def scored(
    reference: Unit,
    generated: Unit,
    protocol: Mapping[str, Any],
    training: Unit | None = None,
    blocks: Blocks | None = None,
) -> Scored:
    """What a metric is given of one run, in the channels of the protocol's convention."""
    convention = protocol["channels"]
    arrays = {
        "reference": reference.channels(convention),
        "generated": generated.channels(convention),
        "reference_photons": reference.photons,
        "generated_photons": generated.photons,
        "particle": reference.particle,
        "conditions": reference.conditions,
        "reference_observables": reference.observables,
        "generated_observables": generated.observables,
        "reference_image": reference.image,
        "generated_image": generated.image,
        "training": None if training is None else training.observables,
    }
    for name, array in arrays.items():
        if array is not None:  # a metric that writes would change what the next one sees
            arrays[name] = array = array.view()
            array.flags.writeable = False
    return Scored(
        **arrays,  # type: ignore[arg-type]
        channels=reference.conventions[convention],
        min_photons=protocol["min_photons"],
        features=reference.features or (),
        observed=reference.observed or (),
        blocks=blocks,
    )


def measure(metric: Metric, run: Scored) -> list[Value]:
    """A metric's values of one run.

    Raises:
        NotMeasuredError: the run has not kept what the metric needs, or has too few responses.
        ValueError: the metric gives what is not finite, or no value for all responses and channels.
        Exception: whatever the metric raises.
    """
    missing = metric.missing(run)
    if missing:
        raise NotMeasuredError(missing)
    try:
        values = list(metric.function(run))
    except TooFewError as error:
        raise NotMeasuredError(f"{NOT_MEASURED}: {error}") from error
    values = [_plain_value(metric.name, value) for value in values]
    places = [(value.subset, value.channel) for value in values]
    if len(set(places)) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise ValueError(f"metric {metric.name!r} gives two values of subset and channel {twice}")
    hidden = [subset for subset, _ in places if subset in SCORE_KEYS]
    if hidden:
        raise ValueError(
            f"metric {metric.name!r} gives a subset {hidden[0]!r}, which a score's entry has its own"
        )
    if ("all", "mean") not in places:
        raise ValueError(f"metric {metric.name!r} gives no value of subset 'all' and channel 'mean'")
    return values


def _plain_value(metric: str, value: Any) -> Value:
    """A value with floats, as JSON has them, where a metric gave numbers of another kind.

    Raises:
        TypeError: it is no :class:`Value`, its place is no text, or what it holds is no single real number.
        ValueError: that is not finite.
    """
    if not isinstance(value, Value):
        raise TypeError(f"metric {metric!r} should give Value records, found {type(value).__name__}")
    if not isinstance(value.subset, str) or not isinstance(value.channel, str):
        raise TypeError(f"metric {metric!r} should name subset and channel by texts, found {value}")
    numbers = [value.value, value.error]
    for place, number in enumerate(numbers):
        if number is None:
            continue
        if not isinstance(number, Real) or isinstance(number, bool | np.bool_):
            raise TypeError(f"metric {metric!r} should give real numbers, found {value}")
        numbers[place] = float(number)
        if not np.isfinite(numbers[place]):
            raise ValueError(f"metric {metric!r} should give finite values, found {value}")
    return replace(value, value=numbers[0], error=numbers[1])


def measure_all(metric: Metric, run: Scored) -> list[Value]:
    """As :func:`measure`, and how far the score hangs on the particles of the test part, where that is known.

    That is the standard deviation over a bootstrap of the particles, of metrics that resample themselves.
    """
    values = measure(metric, run)
    if metric.resampled is None or run.particle is None or overall(values) is None:
        return values
    if (run.particle == run.particle[:1]).all():  # nothing to draw from
        return values
    found = float(np.std(metric.resampled(run, Resampling.of(run.particle)), ddof=1))
    if not np.isfinite(found):
        return values
    return [replace(value, over_particles=found) if _is_overall(value) else value for value in values]


def overall(values: Iterable[Value]) -> float | None:
    """The value over all responses and channels."""
    return next(value.value for value in values if _is_overall(value))


def _is_overall(value: Value) -> bool:
    return (value.subset, value.channel) == ("all", "mean")


def scored_by(metric: Metric, runs: Iterable[Scored]) -> Measured:
    """A metric's values run by run, or the one line that says why there are none."""
    try:
        with one_thread():
            return [measure_all(metric, run) for run in islice(runs, metric.runs)], None
    except NotMeasuredError as error:
        return [], str(error)
    except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
        return [], traced(error)


def score_entry(
    measured: Mapping[str, Measured], reference: Floats, generated: Sequence[Floats], min_photons: int
) -> dict[str, Any]:
    """What a model's entry says of its scores: each metric, ``quartiles`` and ``below_threshold``.

    Args:
        measured: by metric, its values run by run, or why there are none.
        reference: (N,) photon sums of the reference.
        generated: of each run.
        min_photons: the dataset's threshold.
    """
    entry: dict[str, Any] = {}
    quartiles: dict[str, Any] = {}
    for name, (by_run, problem) in measured.items():
        tables = [{(value.subset, value.channel): value for value in run} for run in by_run]
        overall = [table["all", "mean"] for table in tables]
        entry[name] = {**spread(value.value for value in overall), "runs": [value.value for value in overall]}
        for key in ("error", "over_particles"):
            told = [number for value in overall if (number := getattr(value, key)) is not None]
            if told:
                entry[name][key] = float(np.mean(told))
        if problem is not None:
            entry[name]["problem"] = problem
            continue
        channels = [channel for subset, channel in tables[0] if subset == "all" and channel != "mean"]
        if channels:
            entry[name]["channels"] = {
                channel: spread(table["all", channel].value for table in tables if ("all", channel) in table)
                for channel in channels
            }
        for subset in dict.fromkeys(subset for subset, _ in tables[0]):
            if subset != "all" and subset not in SUBSETS:  # what a metric tells besides, such as importance
                names = [channel for other, channel in tables[0] if other == subset]
                entry[name][subset] = {
                    each: spread(table[subset, each].value for table in tables if (subset, each) in table)
                    for each in names
                }
        if any((subset, "mean") in tables[0] for subset in SUBSETS):
            absent = Value("", "", None)
            quartiles[name] = [
                spread(table.get((q, "mean"), absent).value for table in tables) for q in SUBSETS
            ]
    counts = [int(rows.sum()) for rows in quartile_bins(reference)]
    entry["quartiles"] = {"bounds": list(quartile_bounds(reference)), "counts": counts, **quartiles}
    entry["below_threshold"] = [int((photons < min_photons).sum()) for photons in generated]
    return entry


def add_floors(
    entries: Iterable[dict[str, Any]], metrics: Iterable[str], halves: Mapping[str, Measured]
) -> None:
    """Write into every score of ``entries`` its ``floor``: what a perfect simulator scores.

    That is the score of the reference simulation or, where none is ``ok``, of ``halves``: one half of the
    reference's repeats beside the other. A test part of half the size has a higher floor.
    """
    scored = [entry for entry in entries if entry["status"] == "ok"]
    simulation = next((entry for entry in scored if entry.get("family") == "reference"), None)
    for metric in metrics:
        if simulation is not None:
            floor = simulation[metric]["mean"] if metric in simulation else None
        else:
            values, _ = halves.get(metric, ([], None))
            floor = spread(overall(run) for run in values)["mean"]
        for entry in scored:
            if metric in entry:
                entry[metric]["floor"] = floor


def has_floor(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether there is a reference simulation among them."""
    return any(entry["status"] == "ok" and entry.get("family") == "reference" for entry in entries)


def score_rows(
    label: str, detector: str, measured: Mapping[str, Measured]
) -> list[tuple[str, str, str, str, str, int, float | None]]:
    """The rows of ``scores.csv`` for a model."""
    return [
        (label, detector, metric, value.subset, value.channel, run, value.value)
        for metric, (by_run, _) in measured.items()
        for run, values_of_run in enumerate(by_run)
        for value in values_of_run
    ]


def write_scores(path: Path, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write ``scores.csv``: tidy, one value a row, full precision, the same bytes for the same values."""
    # As objects: Arrow's texts, where it is installed, hold no file's name in Latin-1.
    table = pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=object)
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
