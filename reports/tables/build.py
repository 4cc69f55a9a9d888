"""How every table of results is made: a row for each model, ranked, with a caption and footnotes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..text import published
from ..text.results import Labelled, held_fixed, one_line
from .table import Cell, Column, Row, Setting, Table, ordered, ranked


def build_table(
    name: str,
    title: str,
    detector: str,
    results: Labelled,
    columns: tuple[Column, ...],
    cells: Callable[[Mapping[str, Any]], tuple[Cell, ...]],
    text: str = "",
    details: Mapping[str, Any] | None = None,
    settings: tuple[str, ...] = (),
    runs: str = "",
) -> Table:
    """A table of one detector: a row for each model of each result, ranked, with caption and footnotes.

    ``cells`` gives a model's values, one a column; ``text`` begins the caption; ``details`` go into JSON;
    ``settings`` are the headings of each model's entry ``settings``; ``runs`` is said by ``held_fixed``.
    """
    footnotes: dict[str, int] = {}
    rows = []
    for label, result in results:
        for model in result["models"]:
            notes = _notes(model, label if len(results) > 1 else "")
            known = {key: model[key] for key in ("name", "settings") if key in model}
            rows.append(
                Row(
                    model=one_line(model["name"]),
                    result=label,
                    status=one_line(model["status"]),
                    error=one_line(model.get("error") or ""),
                    marks=tuple(one_line(mark) for mark in model.get("marks") or ()),
                    floor=model["name"] == "mc" or model.get("family") == "reference",
                    anchor=model.get("family") == "anchor",
                    cells=cells(model if model["status"] == "ok" else known),
                    notes=tuple(footnotes.setdefault(note, len(footnotes) + 1) for note in notes),
                    settings=tuple(_setting(value) for value in model["settings"]) if settings else (),
                )
            )
    quoted = published.NOTE if any(column.source == "published" for column in columns) else ""
    caption = " ".join(part for part in (text, held_fixed(results, runs), quoted) if part)
    return Table(
        name=one_line(name),
        title=f"{title}: {detector}",
        detector=detector,
        columns=columns,
        rows=tuple(ordered(columns, ranked(columns, rows))) if not settings else tuple(ranked(columns, rows)),
        caption=caption,
        footnotes=tuple(footnotes),
        details={"protocol": results[0][1]["protocol"], **(details or {})},
        settings=settings,
        notes=tuple(part for part in (text, quoted) if part),
    )


def _setting(value: Setting) -> Setting:
    return one_line(value) if isinstance(value, str) else value


def _notes(model: Mapping[str, Any], label: str) -> list[str]:
    notes = [one_line(mark) for mark in model.get("marks") or ()]
    if model["status"] != "ok":
        parts = (label, model["name"], model["status"], model.get("error") or "")
        notes.append(": ".join(one_line(part) for part in parts if part))
    return notes


def places_by(results: Labelled, metric: str) -> dict[tuple[str, str], float]:
    """The place of each (result, model) by its mean of a metric: the lower the better.

    Raises:
        ValueError: no result has the metric.
    """
    known = metrics_of(results)
    if metric not in known:
        raise ValueError(f"no run is scored by {metric!r}; they have {', '.join(known)}")
    sign = 1 if known[metric]["better"] == "lower" else -1
    return {
        (label, one_line(model["name"])): sign * mean
        for label, result in results
        for model in result["models"]
        if (mean := (model.get(metric) or {}).get("mean")) is not None
    }


def metric_column(
    name: str, metric: Mapping[str, Any], heading: str, subset: str = "all", channel: str = "mean"
) -> Column:
    """A measured column of ``metric``, as a result describes it."""
    return Column(
        heading, one_line(name), one_line(metric["unit"]), metric["better"], subset, one_line(channel)
    )


def metric_heading(name: str, metric: Mapping[str, Any]) -> str:
    """The metric's title and unit, ``WS (photons)``."""
    title = "WS" if name == "ws" else one_line(metric["title"])
    return f"{title} ({one_line(metric['unit'])})" if metric["unit"] else title


def metrics_of(results: Labelled) -> dict[str, Mapping[str, Any]]:
    """The metrics of all results by name, as the results describe them."""
    return {name: metric for _, result in results for name, metric in result["metrics"].items()}


def models_of(results: Labelled) -> Iterator[Mapping[str, Any]]:
    """The entries of all models."""
    for _, result in results:
        yield from result["models"]


def ok_models(results: Labelled) -> Iterator[Mapping[str, Any]]:
    """The entries of all models that ran."""
    return (model for model in models_of(results) if model["status"] == "ok")
