"""The answer of a run in a few lines: who is best by what, what is noise, what gives models away, how fast.

Like the remarks of :mod:`.verdict`, the lines follow fixed rules. They speak of candidates only, not of the
reference simulation, which is the floor, nor of anchors.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..text.results import Labelled, by_detector, one_line
from ..text.rounding import rounded
from .build import metrics_of, ok_models
from .timing import crowded
from .verdict import CHANCE, CLASSIFIER, at_floor, leaning, ratio

FEW = 4  # models of which all seconds are told


def answer(results: Labelled) -> tuple[str, ...]:
    """The lines, for one detector after the other; none where no candidate has a score with a floor."""
    return tuple(line for _, group in by_detector(results) for line in _answer(group))


def _answer(results: Labelled) -> Iterator[str]:
    models = candidates(results)
    metrics = metrics_of(results)
    best = {name: found for name, about in metrics.items() if (found := _best(models, name, about))}
    if best:
        yield _best_line(models, best, metrics)
        yield from _noise(results, best)
        yield from _given_away(models)
    yield from _seconds(models, ", beside other processes" if crowded(results) else "")


def candidates(results: Labelled) -> list[Mapping[str, Any]]:
    """The models that ran, less those that only stand beside."""
    return [one for one in ok_models(results) if one.get("family") not in ("reference", "anchor")]


def _best(
    models: Sequence[Mapping[str, Any]], name: str, about: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The model that is best by a metric with a floor; ``None`` where all are alike or there is no choice."""
    scored = [
        model
        for model in models
        if (score := model.get(name) or {}).get("mean") is not None and score.get("floor") is not None
    ]
    means = {model[name]["mean"] for model in scored}
    if not scored or (len(scored) > 1 and len(means) == 1):
        return None
    sign = 1 if about["better"] == "lower" else -1
    return min(scored, key=lambda model: sign * model[name]["mean"])


def _best_line(
    models: Sequence[Mapping[str, Any]],
    best: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, Any]],
) -> str:
    above: dict[str, list[str]] = {}
    level: dict[str, list[str]] = {}
    for name, model in best.items():
        label, score, about = one_line(model["name"]), model[name], metrics[name]
        if at_floor(score, about):
            level.setdefault(label, []).append(one_line(name))
        else:
            above.setdefault(label, []).append(f"{one_line(name)} ({_far(score, about)})")
    said = []
    for label in dict.fromkeys(one_line(model["name"]) for model in best.values()):
        parts = [f"in {', '.join(above[label])}"] if label in above else []
        parts += [f"at the floor in {', '.join(level[label])}"] if label in level else []
        said.append(f"{label} {' and '.join(parts)}")
    text = f"{'; '.join(said)} (x: times the floor)."
    return f"Best of {len(models)}: {text}" if len(models) > 1 else text


def _far(score: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    times = ratio(score, about)
    return f"{rounded(score['mean'], None)}, floor zero" if times is None else f"{times:.3g} x"


def _noise(results: Labelled, best: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Who is not told apart from the best, by the metrics of which a run has tested that."""
    for _, result in results:
        tested = result.get("significance") or {}
        names = [model["name"] for model in candidates([("", result)])]
        alike = []
        for metric, groups in (tested.get("groups") or {}).items():
            first = best[metric]["name"] if metric in best else None
            others = [name for name in names if name in groups and name != first]
            if first in groups and others:
                same = [name for name in others if set(groups[name]) & set(groups[first])]
                alike.append(f"by {one_line(metric)} {_some(same, others)}")
        if alike:
            sure = f"{100 * tested['confidence']:g} %"
            yield f"Not told apart from the best, with {sure} confidence: {'; '.join(alike)}."


def _some(chosen: Sequence[str], names: Sequence[str]) -> str:
    """Some of several names, or those that are left out where these are fewer."""
    if len(chosen) <= len(names) / 2 or len(chosen) < 3:
        return ", ".join(map(one_line, chosen)) or "nobody"
    left = [one_line(name) for name in names if name not in chosen]
    return f"all others but {', '.join(left)}" if left else "all others"


def _given_away(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """For each family, the observable on which a classifier leans most, all its models together."""
    families: dict[str, list[Mapping[str, Any]]] = {}
    for model in models:
        if (model.get(CLASSIFIER) or {}).get("mean") is not None:
            families.setdefault(one_line(model.get("family") or "other"), []).append(model)
    said = []
    for family, members in families.items():
        scores = [model[CLASSIFIER]["mean"] for model in members]
        span = (
            f"{min(scores):.2f}"
            if max(scores) - min(scores) < 0.005
            else f"{min(scores):.2f} to {max(scores):.2f}"
        )
        weights: dict[str, float] = {}
        for model in members:
            if model[CLASSIFIER]["mean"] - (model[CLASSIFIER].get("floor") or 0.5) >= CHANCE:
                for name, weight in leaning(model).items():
                    weights[name] = weights.get(name, 0.0) + weight
        what = f"by {one_line(max(weights, key=lambda name: weights[name]))}" if weights else "hardly"
        said.append(f"{family} {what} ({CLASSIFIER} {span})")
    if said:
        yield f"Given away: {'; '.join(said)}."


def _seconds(models: Sequence[Mapping[str, Any]], busy: str) -> Iterator[str]:
    """Seconds for 10,000 responses on each device: of all, or of the fastest and the slowest."""
    devices = dict.fromkeys(device for model in models for device in model.get("timing") or {})
    for device in devices:
        timed = [
            (model["timing"][device], model) for model in models if device in (model.get("timing") or {})
        ]
        timed.sort(key=lambda one: one[0]["seconds_per_10k"])
        shown = timed if len(timed) <= FEW else [timed[0], timed[-1]]
        brief = ", timed in passing" if any(record.get("brief") for record, _ in timed) else ""
        each = [f"{one_line(model['name'])} {record['seconds_per_10k']:.2g}" for record, model in shown]
        joined = (", " if shown is timed else " to ").join(each)
        yield f"Seconds for 10,000 on the {device.upper()}{brief}{busy}: {joined}."
