"""One self-contained HTML page: the tables, the figures, what was held fixed, and how to make it again.

The page asks no server for anything: style, script and figures are inside, and a content security policy
forbids the rest. Every name and message is escaped by the template engine; the script sets no markup.
"""

import base64
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

import jinja2

from ..figures.drawing import Drawing
from ..tables.table import Cell, Setting, Table, spelled
from ..tables.verdict import remarks
from ..text.results import Labelled, by_detector, held_fixed, one_line

SCREEN_DPI = 170
_SECTIONS = (
    ("protocol", "Protocol: held fixed"),
    ("settings", "Settings: recorded, free to differ"),
    ("dataset", "Data set"),
    ("environment", "Environment"),
)


@dataclass(frozen=True)
class Head:
    """What a page says of itself: its title, what it counts, and the ``commands`` that ``again`` explains."""

    title: str
    counts: str
    commands: Sequence[str]
    again: str


def run_head(results: Labelled) -> Head:
    """The head of a page on runs."""
    again = "The last line makes this page again from the run folders; nothing is generated for it."
    return Head(_title(results), _counts(results), _commands(results), again)


Shown: TypeAlias = tuple[str, Sequence[tuple[Drawing, bytes, str]], Sequence[str]]
"""A detector, its figures with their PNG and numbers, and sentences on what is missing."""

PARTS = (
    ("tradeoff", "Quality against time"),
    ("distributions", "Distributions"),
    ("response", "Response to the particle"),
    ("training", "Training"),
    ("more", "More figures"),
)


def page(
    head: Head,
    results: Labelled,
    tables: Sequence[Table],
    chapters: Sequence[Shown],
    verdict: Sequence[str] = (),
) -> str:
    """The page as text.

    Args:
        head: what it says of itself.
        results: the results under the names that the page shows for them.
        tables: what ``all_tables`` makes of them.
        chapters: one for each detector.
        verdict: the answer, a sentence a line.
    """
    style, script = _asset("report.css"), _asset("report.js")
    return rendered(
        "report.html",
        head=head,
        style=style,
        script=script,
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        labels=[one_line(label) for label, _ in results],
        tables=[table_parts(table) for table in tables],
        chapters=[
            {"detector": detector, "figures": [_figure(*each) for each in drawn], "missing": missing}
            for detector, drawn, missing in chapters
        ],
        parts=PARTS,
        verdict=verdict,
        held=[held_fixed(group) for _, group in by_detector(results)] if verdict else [],
        cards=_cards(results, chapters),
        facts=[(title, _facts(results, section)) for section, title in _SECTIONS],
    )


def _figure(drawing: Drawing, png: bytes, numbers: str) -> dict[str, Any]:
    return {
        "drawing": drawing,
        "png": base64.b64encode(png).decode(),
        "csv": base64.b64encode(numbers.encode()).decode(),
    }


def _cards(results: Labelled, chapters: Sequence[Shown]) -> list[dict[str, Any]]:
    """What each card says besides its figure: the model in prose, its marks, how far it is from the floor."""
    figures = [each for _, drawn, _ in chapters for each in drawn if each[0].part == "card"]
    if not figures:  # of a sweep, for example
        return []
    said = {name: text for name, _, text in (line.partition(": ") for line in remarks(results))}
    entries = {one_line(model["name"]): model for _, result in results for model in result["models"]}
    cards = []
    for figure in figures:
        name = figure[0].model.rpartition(": ")[2]
        entry = entries.get(name, {})
        about = [*(entry.get(key) for key in ("title", "family", "reference")), *entry.get("marks", ())]
        told = "; ".join(one_line(part) for part in about if part)
        cards.append(
            {"name": figure[0].model, "about": told, "said": said.get(name, ""), "figure": _figure(*figure)}
        )
    return cards


def rendered(name: str, **values: Any) -> str:
    """A template of this folder, every value in it escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset(name)).render(**values)


def table_parts(table: Table) -> dict[str, Any]:
    """Headings and rows with, for each cell, its text and the value that it is sorted by (None: last)."""
    several = len(table.results) > 1
    stated = any(row.state != "ok" for row in table.rows)
    headings = [("model", "text", "")]
    headings += [("result", "text", "")] * several
    kinds = ["number" if align == "r" else "text" for align in table.aligns]
    headings += [(name, kind, "") for name, kind in zip(table.settings, kinds, strict=True)]
    headings += [(column.heading, "number", column.source) for column in table.columns]
    headings += [("status", "text", "")] * stated
    rows = []
    for row in table.rows:
        texts = [_text(row.model), *[_text(row.result)] * several]
        texts += [_setting(setting, kind) for setting, kind in zip(row.settings, kinds, strict=True)]
        numbers = [_number(c, column.source) for c, column in zip(row.cells, table.columns, strict=True)]
        rows.append({"floor": row.floor, "cells": [*texts, *numbers, *[_text(row.state)] * stated]})
    return {"table": table, "headings": headings, "rows": rows}


def _text(text: str) -> dict[str, str | None]:
    return {"text": text, "value": text, "kind": "text"}


def _setting(setting: Setting, kind: str) -> dict[str, str | None]:
    """A setting that does not apply (the floor's) has no value to sort by."""
    value = None if setting == "" else setting if isinstance(setting, str) else repr(setting)
    return {"text": spelled(setting), "value": value, "kind": kind}


def _number(cell: Cell, source: str) -> dict[str, str | None]:
    rank = {1: " best", 2: " second"}.get(cell.rank, "")
    value = None if cell.mean is None else repr(cell.mean)
    return {"text": str(cell), "value": value, "kind": f"number {source}{rank}"}


def _title(results: Labelled) -> str:
    detectors = dict.fromkeys(one_line(result["protocol"]["detector"]) for _, result in results)
    return f"Fast simulators compared: {', '.join(detectors)}"


def _counts(results: Labelled) -> str:
    states = [one_line(model["status"]) for _, result in results for model in result["models"]]
    each = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    runs = "1 run folder" if len(results) == 1 else f"{len(results)} run folders"
    return f"{runs}, {len(states)} {'model' if len(states) == 1 else 'models'}{f': {each}' if each else ''}"


def _facts(results: Labelled, section: str) -> list[tuple[str, list[str]]]:
    """(field, its value in each result), in the order of the first result that has the field."""
    contents = [result.get(section) or {} for _, result in results]
    fields = dict.fromkeys(field for content in contents for field in content)
    return [(one_line(field), [_spelled(content.get(field)) for content in contents]) for field in fields]


def _spelled(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{one_line(key)} {_spelled(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_spelled, value))
    return one_line(value if isinstance(value, str) else json.dumps(value))


def _commands(results: Labelled) -> list[str]:
    """What makes the runs and this page again, a command a line."""
    made = [one_line(result["command"]) for _, result in results if result.get("command")]
    folders = " ".join(shlex.quote(one_line(label)) for label, _ in results)
    return [*dict.fromkeys(made), f"simbench report {folders} --format html --out DIR"]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (files(__package__ or "") / name).read_text(encoding="utf-8")
