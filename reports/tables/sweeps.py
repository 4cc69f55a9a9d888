"""A sweep to a table: trainings that differ in their settings, a row a setting (the paper's Tables 4 and 5).

``sweep`` is everywhere the content of one ``sweep.json``, finished or not.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, TypeAlias

from ..text import published
from ..text.results import one_line
from ..text.rounding import finite
from .build import build_table, metric_column, metric_heading
from .experts import experts_of, health, share_cell, shares
from .table import Cell, Column, Setting, Table, spelled

Sweep: TypeAlias = Mapping[str, Any]
"""The content of one ``sweep.json``."""


def sweep_table(sweep: Sweep) -> Table:
    """A row for each setting in the order of the sweep, the floor last; published WS in its own column."""
    detector, metric = one_line(sweep["detector"]), sweep["metrics"]["ws"]
    settings = _settings(sweep)
    if sweep.get("floor"):
        settings.append({**sweep["floor"], "settings": [""] * len(sweep["parameters"])})
    mixed = any(_mixtures(setting) for setting in settings)
    quote = any(_quoted(sweep, setting) for setting in settings)
    columns = [
        Column("trainings", "trainings"),
        metric_column("ws", metric, metric_heading("ws", metric)),
        Column("validation", "validation"),
    ]
    if mixed:
        columns.append(Column("smallest share (%)", "smallest_share", "%"))
        columns.append(Column("largest share (%)", "largest_share", "%"))
    columns.append(Column("minutes", "training_minutes", "min"))
    if quote:
        columns.append(Column("published WS (photons)", "ws", "photons", source="published"))

    def cells(setting: Mapping[str, Any]) -> tuple[Cell, ...]:
        points = setting.get("points") or ()
        load = [share for experts in _mixtures(setting) for share in shares(experts)]
        seconds = _told(points, "seconds")
        return (
            Cell.count(len(points)) if points else Cell(),
            _score(points) if points else Cell.measured(setting.get("ws")),
            _over_trainings(_told(points, "validation")),
            *([share_cell(min(load)), share_cell(max(load))] if load else [Cell(), Cell()]) * mixed,
            Cell(fmean(seconds) / 60) if seconds else Cell(),
            *[Cell.published(_quoted(sweep, setting))] * quote,
        )

    return build_table(
        f"sweep-{sweep['sweep']}",
        one_line(sweep["title"]),
        detector,
        [(one_line(sweep["sweep"]), {**sweep, "models": settings})],
        tuple(columns),
        cells,
        _caption(sweep, settings, mixed),
        {key: sweep[key] for key in ("preset", "budget", "finished")},
        tuple(map(one_line, sweep["parameters"])),
        _runs(sweep),
    )


def _settings(sweep: Sweep) -> list[dict[str, Any]]:
    """An entry, as of a model in a result, for all points that share a model and parameters."""
    groups: dict[tuple[Setting, ...], list[Mapping[str, Any]]] = {}
    for point in sweep["points"]:
        values = [point["parameters"].get(name, "") for name in sweep["parameters"]]
        groups.setdefault((point["model"], *values), []).append(point)
    return [_setting(str(model), values, points) for (model, *values), points in groups.items()]


def _setting(model: str, values: list[Setting], points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One entry; a point that failed beside others that did not leaves a mark."""
    several = len(points) > 1

    def said(point: Mapping[str, Any], text: str) -> str:
        return f"seed {point['seed']}: {text}" if several else text

    done = [point for point in points if point["status"] == "ok"]
    errors = [said(point, point.get("error") or "failed") for point in points if point["status"] != "ok"]
    marks = [mark for point in done for mark in point.get("marks") or ()]
    marks += [said(point, note) for point in done for note in health(experts_of(point))]
    if done:
        marks += [f"failed: {error}" for error in errors]
    return {
        "name": model,
        "settings": values,
        "status": "ok" if done else "failed",
        "error": None if done else "; ".join(errors),
        "marks": list(dict.fromkeys(marks)),
        "points": done,
    }


def _mixtures(setting: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The experts of each training of a setting that has some."""
    return [experts for point in setting.get("points") or () if (experts := experts_of(point))]


def _score(points: Sequence[Mapping[str, Any]]) -> Cell:
    """WS of a setting: over its trainings, or, of a single one, over its runs."""
    if len(points) == 1:
        return Cell.measured(points[0].get("ws"))
    means = (finite((point.get("ws") or {}).get("mean")) for point in points)
    return _over_trainings([mean for mean in means if mean is not None])


def _over_trainings(values: Sequence[float]) -> Cell:
    return Cell(fmean(values), stdev(values) if len(values) > 1 else None) if values else Cell()


def _told(points: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """A number of the training of each point that has it."""
    values = (finite((point.get("training") or {}).get(name)) for point in points)
    return [value for value in values if value is not None]


def _quoted(sweep: Sweep, setting: Mapping[str, Any]) -> published.Figure | None:
    """The published WS of a setting of one of the paper's own sweeps."""
    detector = sweep["detector"]
    values = dict(zip(sweep["parameters"], setting["settings"], strict=True))
    if sweep["sweep"] == "experts":
        return published.WS.get(detector, {}).get(f"expertsim-{spelled(values.get('experts', ''))}")
    if (sweep["sweep"], values.get("router"), values.get("recipe")) == ("router", "learned", "paper"):
        weights = (values.get("lambda_util"), values.get("lambda_diff"))
        known = published.ROUTER_WS.get(detector, {})
        return next((figure for pair, figure in known.items() if pair == weights), None)
    return None


def _caption(sweep: Sweep, settings: Sequence[Mapping[str, Any]], mixed: bool) -> str:
    preset, budget = one_line(sweep["preset"]), sweep["budget"]
    share = "all" if budget == 1 else f"{100 * budget:.6g} %"
    changed = [f"{name}={value}" for name, value in (sweep["settings"].get("overrides") or {}).items()]
    preset += f" with {one_line(', '.join(changed))}" if changed else ""
    said = [f"Every training got {share} of the passes over the data that preset {preset} has."]
    if not sweep["finished"]:
        said.append("The sweep is not finished: settings or trainings are missing.")
    numbers = {len(setting["points"]) for setting in settings if setting.get("points")}
    if numbers and max(numbers) > 1:
        text = "± is the standard deviation between the trainings of a setting, which differ by their seed"
        alone = 1 in numbers or sweep.get("floor")
        said.append(f"{text}{'; of a row with one training or none, over its runs' if alone else ''}.")
    elif sweep["settings"]["runs"] > 1:
        text = "± is the standard deviation over runs"
        once = "; every setting was trained once, so the spread between trainings is not known"
        said.append(f"{text}{once if numbers else ''}.")
    if mixed:
        said.append("Shares are of the test responses, the extremes over experts and trainings, in run 0.")
    said.append("Minutes are the mean of a training's wall time on this machine.")
    own = (sweep.get("caption"), sweep.get("reference") and f"Reference: {sweep['reference']}")
    return " ".join([*(_sentence(one_line(text)) for text in own if text), *said])


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _runs(sweep: Sweep) -> str:
    runs = sweep["settings"]["runs"]
    return "1 run of each training" if runs == 1 else f"{runs} runs of each training"
