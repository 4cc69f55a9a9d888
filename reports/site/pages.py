"""The pages: a contents page, one a board, one a model. Names are escaped by the template engine."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import jinja2

from simbench.harness.sharing.folder import Submission

from .board import Board, Entry, slug

_TIME = "relative time"
_TIME_SAYS = (
    "Relative time: 10,000 responses on the CPU over a fixed workload timed beside them; as submitted, for a "
    "time cannot be measured again here. All scores can: simbench results verify does."
)


@dataclass(frozen=True)
class Cell:
    """Of a page's table: what is shown, what it is sorted by (``None``: last), and where it leads."""

    text: str
    value: str | None
    kind: str = "text"
    target: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table of a page."""

    title: str
    headings: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = field(default=())


def contents_page(boards: Sequence[Board], submissions: Sequence[Submission]) -> str:
    """Which boards there are, and what is new."""
    rows = [
        {"floor": False, "cells": [
            _text(board.detector), _text(board.protocol, _board_path(board)), _count(len(board.submissions)),
            _count(len(board.entries)), Cell(fixed, fixed, "long"),
        ]}
        for board, fixed in ((board, _fixed(board)) for board in boards)
    ]  # fmt: skip
    heads = [("detector", "text"), ("protocol", "text"), ("submissions", "number"), ("models", "number"),
             ("held fixed", "text")]  # fmt: skip
    newest = sorted(submissions, key=lambda one: (one.added, one.name), reverse=True)
    paths = {(board.detector, board.protocol): _board_path(board) for board in boards}
    news = [
        {"floor": False, "cells": [
            _text(one.added), _text(one.name, paths[one.detector, one.protocol]), _text(one.detector),
            _count(len(one.run.result["models"])),
        ]}
        for one in newest
    ]  # fmt: skip
    new_heads = [("added", "text"), ("submission", "text"), ("detector", "text"), ("models", "number")]
    names = sorted({entry.name for board in boards for entry in board.entries})
    models = [{"floor": False, "cells": [_text(name, f"models/{slug(name)}.html")]} for name in names]
    return _page(
        "Fast simulators of particle detectors, compared",
        ["Results of simbench from a folder of submissions. A table holds one protocol, never two."],
        [("New results as a feed", "feed.xml"), ("Schema of a result", "schema/result.schema.json")],
        [Sheet("Leaderboards", heads, rows), Sheet("Models", [("model", "text")], models),
         Sheet("Submissions", new_heads, news)],
        "",
    )  # fmt: skip


def board_page(board: Board, png: bytes | None, downloads: Sequence[str]) -> str:
    """The table and figure of one protocol."""
    heads = [("model", "text"), ("submission", "text"), ("version", "text"), ("weights", "text")]
    heads += [(metric, "number") for metric in board.metrics] + [(_TIME, "number"), ("marks", "text")]
    rows = [
        {"floor": entry.apart == 2, "cells": [
            _text(entry.name, f"../../models/{slug(entry.name)}.html"), _text(entry.submission.name),
            _text(entry.version), _text(entry.weights), *_scores(board, entry), _time(entry),
            _text("; ".join(entry.model["marks"])),
        ]}
        for entry in board.entries
    ]  # fmt: skip
    notes = [f"Held fixed: {_fixed(board)}.", _TIME_SAYS]
    notes += [
        f"{each.name} of {each.submission.name} {each.model['status']}: {each.model.get('error')}"
        for each in board.failed
    ]
    alt = (
        f"{board.metrics[0]} against relative time, all submissions; the dashed line joins the models that "
        "no other beats in both (Pareto)"
    )
    return _page(
        f"{board.detector}: protocol {board.protocol}",
        [f"{len(board.submissions)} submissions, best first by {board.metrics[0]}."],
        [("All leaderboards", "../../index.html"), *((name, name) for name in downloads)],
        [Sheet(f"Models by {board.metrics[0]}", heads, rows, notes)],
        "../../",
        png,
        alt,
    )


def model_page(name: str, boards: Sequence[Board]) -> str:
    """A model's history: a table for each protocol under which it was scored, the newest first."""
    sheets, badges = [], []
    for board in boards:
        found = [entry for entry in board.entries if entry.name == name]
        if not found:
            continue
        badges.append((f"Badge: {board.detector} {board.protocol}", f"../{badge_path(board, name)}"))
        found.sort(key=lambda entry: (entry.submission.added, entry.submission.name), reverse=True)
        heads = [("added", "text"), ("submission", "text"), ("version", "text"), ("weights", "text")]
        heads += [(metric, "number") for metric in board.metrics] + [(_TIME, "number")]
        rows = [
            {"floor": False, "cells": [
                _text(entry.submission.added), _text(entry.submission.name, f"../{_board_path(board)}"),
                _text(entry.version), _text(entry.weights), *_scores(board, entry), _time(entry),
            ]}
            for entry in found
        ]  # fmt: skip
        sheets.append(Sheet(f"{board.detector}, protocol {board.protocol}", heads, rows, [_fixed(board)]))
    links = [("All leaderboards", "../index.html"), *badges]
    return _page(name, ["Its scores over versions and weights."], links, sheets, "../")


def badge_path(board: Board, name: str) -> PurePosixPath:
    """Where the badge of a model is."""
    return PurePosixPath("badges") / board.detector / board.protocol / f"{slug(name)}.svg"


def _board_path(board: Board) -> str:
    return f"{board.detector}/{board.protocol}/index.html"


def _fixed(board: Board) -> str:
    """What is held fixed besides the detector, the dataset by the beginning of its fingerprint."""
    told = {**board.fixed, "dataset": board.fixed["dataset"][:12]}
    told["metrics"] = ", ".join(f"{name} {version}" for name, version in told["metrics"].items())
    return "; ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in told.items()
        if name != "detector"
    )


def _scores(board: Board, entry: Entry) -> list[Cell]:
    found = [entry.score(metric) for metric in board.metrics]
    return [Cell(str(one), None if one.mean is None else repr(one.mean), "number") for one in found]


def _time(entry: Entry) -> Cell:
    return (
        Cell("-", None, "number")
        if entry.time is None
        else Cell(f"{entry.time:.3g}", repr(entry.time), "number")
    )


def _text(text: str, target: str = "") -> Cell:
    return Cell(text, text, "text", target)


def _count(number: int) -> Cell:
    return Cell(str(number), str(number), "number")


def _page(
    title: str,
    lines: Sequence[str],
    links: Sequence[tuple[str, str]],
    tables: Sequence[Sheet],
    up: str,
    png: bytes | None = None,
    alt: str = "",
) -> str:
    style, script = (_asset("simbench.reports.page", name) for name in ("report.css", "report.js"))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset(__package__ or "", "site.html")).render(
        title=title,
        lines=lines,
        links=links,
        tables=tables,
        up=up,
        png="" if png is None else base64.b64encode(png).decode(),
        alt=alt,
        style=style,
        script=script,
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
