"""Held-out likelihoods as a table, Markdown and JSON."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict

from simbench.harness.run.likelihood import TOTAL, Likelihoods, Term, models_of

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import one_line
from . import grid


def render_likelihoods(found: Likelihoods, format: str) -> str:  # noqa: A002 - the option is called so
    """Mean log likelihoods as ``table``, ``markdown`` or ``json``, ending with a newline."""
    title = f"Log likelihood of a response: {one_line(found.detector)}"
    headings = ["model", "term", "test (nats)", "test (bits)", "training (nats)", "test less training"]
    headings += ["less the best"] * bool(found.behind)
    aligns = "ll" + "r" * (len(headings) - 2)
    rows = [row for label in models_of(found) for row in _rows(label, found)]
    notes = _notes(found)
    renderers: Mapping[str, Callable[[], str]] = {
        "table": lambda: "\n".join([title, "", grid.plain(headings, rows, aligns), "", *notes]) + "\n",
        "markdown": lambda: (
            "\n\n".join([f"## {escape(title)}", grid.markdown(headings, rows, aligns), *map(escape, notes)])
            + "\n"
        ),
        "json": lambda: json.dumps(asdict(found), indent=2, ensure_ascii=False) + "\n",
    }
    return renderers[format]()


def _rows(label: str, found: Likelihoods) -> list[list[str]]:
    rows, parts, behind = [], found.terms[label], found.behind.get(label, {})
    for name, test in parts["test"].items():
        training = parts["training"][name]
        bits = grid.value(test.mean / math.log(2), None if test.error is None else test.error / math.log(2))
        errors = (test.error, training.error)
        error = None if None in errors else math.hypot(*(each or 0.0 for each in errors))
        rows.append(
            [
                one_line(label) if name == TOTAL else "",
                "all" if name == TOTAL else one_line(name),
                grid.value(test.mean, test.error),
                bits,
                grid.value(training.mean, training.error),
                grid.value(test.mean - training.mean, error),
                *([_behind(behind.get(name))] if found.behind else []),
            ]
        )
    return rows


def _behind(less: Term | None) -> str:
    return MISSING if less is None else grid.value(less.mean, less.error)


def _notes(found: Likelihoods) -> list[str]:
    said = [
        f"Natural logarithms, mean over {found.rows['test']} responses of the test part and "
        f"{found.rows['training']} of the training part; larger is better; terms add up to all. The error is "
        "over particles. A model to which the test part is far less probable has learned by heart.",
        f"Data set {found.dataset[:12]}.",
    ]
    if found.behind:
        said.append("Less the best: the mean of differences response by response, and its own error.")
    for label, parts in found.impossible.items():
        shares = {part: share for part, share in parts.items() if share > 0}
        for part, share in shares.items():
            said.append(
                f"{one_line(label)} never generates {100 * share:.3g} % of the {part} part's responses: left "
                "out."
            )
    if found.unable:
        said.append(f"They know no probabilities: {', '.join(map(one_line, found.unable))}.")
    return said
