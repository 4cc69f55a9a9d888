"""How far from the floor: every metric of every model beside what a perfect simulator scores, and in words.

The words follow fixed rules. A score within two standard errors of its floor, or no worse than it, is *at the
floor*; any other is so many times the floor, or, where that is zero but for chance, worse than it. Scores of
which more is better are compared the other way round. A model is *as good as* so many true responses: n*.
What gives a model away is the observable on which a classifier (``auc``) leans most.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..text.results import Labelled, by_detector, one_line
from .build import build_table, metric_column, metrics_of, ok_models
from .table import Cell, Table

CLASSIFIER = "auc"
EQUIVALENT = "energy-conditional"  # which tells n*, the number of true responses that are as wrong
CHANCE = 0.05  # of an AUC around its floor: less is no fault worth naming
FAR = 1.5  # times the floor from which on a model is said to be far from it


def verdict_table(results: Labelled) -> list[Table]:
    """A table of scores with their multiples of the floor, and remarks; none where no score has a floor."""
    known = [(detector, group) for detector, group in by_detector(results) if _any_floor(group)]
    return [_verdict(detector, group) for detector, group in known]


def _verdict(detector: str, results: Labelled) -> Table:
    metrics = metrics_of(results)
    columns = tuple(metric_column(name, about, one_line(name)) for name, about in metrics.items())

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        return tuple(
            Cell.measured(model.get(name), ratio=ratio(model.get(name) or {}, about))
            for name, about in metrics.items()
        )

    text = "In brackets: times the floor, which is what the reference simulation scores, or else one half of "
    text += "the reference beside the other."
    table = build_table("verdict", "How far from the floor", detector, results, columns, cells, text)
    return table.with_remarks(remarks(results))


def _any_floor(results: Labelled) -> bool:
    names = metrics_of(results)
    return any("floor" in (model.get(name) or {}) for model in ok_models(results) for name in names)


def ratio(score: Mapping[str, Any], about: Mapping[str, Any]) -> float | None:
    """How many times the floor a score is; ``None`` where there is no floor, or none that is clear of zero.

    An unbiased score has a floor of zero but for chance, and no multiples: one within two errors is none.
    """
    mean, floor, error = score.get("mean"), score.get("floor"), score.get("error") or 0.0
    if mean is None or floor is None or floor <= 2 * error or mean <= 0:
        return None
    times = mean / floor if about["better"] == "lower" else floor / mean
    return float(times)


def remarks(results: Labelled) -> tuple[str, ...]:
    """A line for each model that was scored, but the reference simulation, and for each score missing."""
    metrics = metrics_of(results)
    said = [
        f"{one_line(model['name'])}: {'; '.join(_said(model, metrics))}."
        for model in ok_models(results)
        if model.get("family") != "reference"
    ]
    missing: dict[str, list[str]] = {}
    for model in ok_models(results):
        for name in metrics:
            problem = (model.get(name) or {}).get("problem")
            if problem:
                missing.setdefault(f"{one_line(name)}, {one_line(problem)}", []).append(
                    one_line(model["name"])
                )
    return (*said, *(f"{problem} ({', '.join(models)})." for problem, models in missing.items()))


def _said(model: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    level, near, far, beyond = [], [], [], []
    for name, about in metrics.items():
        score = model.get(name) or {}
        times = ratio(score, about)
        if at_floor(score, about):
            level.append(name)
        elif times is not None and times < FAR:
            near.append(f"{name} {times:.2f}")
        elif times is not None:
            far.append(f"{name} {times:.3g}")
        elif score.get("mean") is not None and score.get("floor") is not None:
            beyond.append(name)
    if level:
        yield f"at the floor in {', '.join(level)}"
    if near:
        yield f"near it in {', '.join(near)} (times the floor)"
    if far:
        yield f"far from it in {', '.join(far)}"
    if beyond:
        yield f"worse than it, which is zero, in {', '.join(beyond)}"
    if not (level or near or far or beyond):
        yield "no score with a floor"
    worth = _worth(model)
    if worth:
        yield worth
    given_away = _given_away(model)
    if given_away:
        yield given_away


def _worth(model: Mapping[str, Any]) -> str | None:
    """How many true responses would be as wrong, with the range of one error."""
    told = (model.get(EQUIVALENT) or {}).get("worth") or {}
    number, low, high = ((told.get(name) or {}).get("mean") for name in ("number", "low", "high"))
    if number is None:
        return f"as good as {_two_digits(low)} true responses or more" if low is not None else None
    most = f"to {_two_digits(high)}" if high is not None else "or more"
    least = f"{_two_digits(low)} {most}" if low is not None else most
    return f"as good as {_two_digits(number)} true responses ({least})"


def _two_digits(number: float) -> str:
    """``5,300``."""
    return f"{float(f'{number:.2g}'):,.0f}"


def at_floor(score: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether a score is no worse than its floor by more than two standard errors of the mean."""
    mean, floor, std = score.get("mean"), score.get("floor"), score.get("std")
    if mean is None or floor is None:
        return False
    runs = max(1, len(score.get("runs") or ()))
    error = score.get("error") or (std or 0.0) / math.sqrt(runs)
    worse = (mean - floor) * (1 if about["better"] == "lower" else -1)
    return bool(worse <= 2 * math.hypot(error, error))


def _given_away(model: Mapping[str, Any]) -> str | None:
    """The observable that tells the model's responses from the data's, where a classifier can."""
    score, weights = model.get(CLASSIFIER) or {}, leaning(model)
    mean, floor = score.get("mean"), score.get("floor")
    if mean is None or floor is None or mean - floor < CHANCE or not weights:
        return None
    return f"given away by {one_line(max(weights, key=lambda name: weights[name]))}"


def leaning(model: Mapping[str, Any]) -> dict[str, float]:
    """How much the classifier leans on each observable that helps it at all."""
    told = (model.get(CLASSIFIER) or {}).get("importance") or {}
    return {name: value["mean"] for name, value in told.items() if (value["mean"] or 0) > 0}
