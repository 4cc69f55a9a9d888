"""A ranking of models, as a table, Markdown and JSON."""

import json
from collections.abc import Callable, Mapping
from string import ascii_lowercase

from simbench.harness.plugin.metric import REPLICATES
from simbench.harness.score.estimates import PARTS
from simbench.harness.score.leaderboard import Leaderboard, Place

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import held_fixed, one_line
from . import grid


def render_leaderboard(board: Leaderboard, format: str) -> str:  # noqa: A002 - the option is called so
    """A ranking in one of the formats ``table``, ``markdown`` and ``json``, ending with a newline.

    Raises:
        ValueError: the format is another.
    """
    if format not in _RENDERERS:
        raise ValueError(f"unknown format {format!r}: expected one of {', '.join(_RENDERERS)}")
    return _RENDERERS[format](board)


def letter(group: int) -> str:
    """``a``, ``b``, ... ``z``, ``a1``, ``b1``, ... of a group, counted from 0."""
    turn, place = divmod(group, len(ascii_lowercase))
    return f"{ascii_lowercase[place]}{turn or ''}"


def _table(board: Leaderboard) -> str:
    lines = [_title(board), "", grid.plain(*_grid(board)), "", *_notes(board)]
    return "\n".join(lines) + "\n"


def _markdown(board: Leaderboard) -> str:
    parts = [f"## {escape(_title(board))}", grid.markdown(*_grid(board)), *map(escape, _notes(board))]
    return "\n\n".join(parts) + "\n"


def _json(board: Leaderboard) -> str:
    best = set(board.places[0].groups) if board.places else set()
    content = {
        "metric": board.metric.name,
        "protocol": board.runs[0].result["protocol"],
        "confidence": board.confidence,
        "replicates": REPLICATES,
        "places": [
            {
                "rank": place.rank,
                "model": place.model,
                "result": str(place.run.path),
                "mean": place.estimate.mean,
                "std": place.estimate.std,
                "groups": [letter(group) for group in place.groups],
                "as_good_as_the_best": bool(best & set(place.groups)),
                "marks": list(place.marks),
            }
            for place in board.places
        ],
        "unranked": [
            {"model": model, "result": str(run.path), "reason": reason}
            for model, run, reason in board.unranked
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_RENDERERS: Mapping[str, Callable[[Leaderboard], str]] = {
    "table": _table,
    "markdown": _markdown,
    "json": _json,
}


def _title(board: Leaderboard) -> str:
    return f"Leaderboard: {one_line(board.runs[0].result['protocol']['detector'])}"


def _grid(board: Leaderboard) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and alignments; a column ``result`` only where there are several."""
    several = len(board.runs) > 1
    told = board.runs[0].result["metrics"].get(board.metric.name, {})
    title = "WS" if board.metric.name == "ws" else board.metric.title
    heading = f"{title} ({told['unit']})" if told.get("unit") else title
    headings = ["rank", "model", *["result"] * several, heading, "group"]
    rows = [
        [
            MISSING if place.rank is None else str(place.rank),
            _marked(place),
            *[str(place.run.path)] * several,
            grid.value(place.estimate.mean, place.estimate.std),
            " ".join(letter(group) for group in place.groups),
        ]
        for place in board.places
    ]
    return headings, rows, "rl" + "l" * several + "rl"


def _marked(place: Place) -> str:
    return f"{place.model} ({'; '.join(place.marks)})" if place.marks else place.model


def _notes(board: Leaderboard) -> list[str]:
    runs = [(str(run.path), run.result) for run in board.runs]
    missing = [
        f"Not ranked: {one_line(model)} of {one_line(str(run.path))}: {one_line(reason)}."
        for model, run, reason in board.unranked
    ]
    return [
        "Models that share a letter are not told apart: their difference may be noise, of the runs or of the "
        f"test part (its particles resampled, {REPLICATES} replicates of a bootstrap or {PARTS} of a "
        f"jackknife). Pairs tested together (Holm): {board.pairs}, with {100 * board.confidence:g} % "
        "confidence that no letter is missing by chance. "
        "Anchors and the reference simulation have no rank and stand last.",
        *missing,
        held_fixed(runs),
    ]
