"""A comparison of two runs, as a table, as the Markdown of a pull request's comment, and as JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simbench.harness.plugin.metric import REPLICATES
from simbench.harness.score.compare import BETTER, NO_CHANGE, NOT_COMPARABLE, REGRESSION, Change, Comparison
from simbench.harness.score.estimates import PARTS
from simbench.harness.score.significance import POWER, Estimate

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import held_fixed, one_line
from ..text.rounding import rounded
from . import grid

HEADINGS = ("model", "metric", "base", "new", "change", "%", "seen from", "tolerance", "p", "verdict")
ALIGNS = "llrrrrrrrl"


def render_comparison(comparison: Comparison, format: str) -> str:  # noqa: A002 - the option is called so
    """A comparison in one of the formats ``table``, ``markdown`` and ``json``, ending with a newline.

    Raises:
        ValueError: the format is another.
    """
    if format not in _RENDERERS:
        raise ValueError(f"unknown format {format!r}: expected one of {', '.join(_RENDERERS)}")
    return _RENDERERS[format](comparison)


def _table(comparison: Comparison) -> str:
    rows = [_row(change) for change in comparison.changes]
    lines = [_headline(comparison), "", grid.plain(HEADINGS, rows, ALIGNS), "", *_notes(comparison)]
    return "\n".join(lines) + "\n"


def _markdown(comparison: Comparison) -> str:
    rows = [_row(change) for change in comparison.changes]
    worse = [f"- **{escape(_sentence(change))}**" for change in comparison.having(REGRESSION)]
    parts = [
        f"### simbench compare: {_headline(comparison)}",
        *["\n".join(worse)] * bool(worse),
        grid.markdown(HEADINGS, rows, ALIGNS),
        *(escape(note) for note in _notes(comparison)),
    ]
    return "\n\n".join(parts) + "\n"


def _json(comparison: Comparison) -> str:
    content = {
        "base": str(comparison.base.path),
        "new": str(comparison.new.path),
        "protocol": comparison.base.result["protocol"],
        "confidence": comparison.confidence,
        "replicates": REPLICATES,
        "status": comparison.status,
        "lost": list(comparison.lost),
        "changes": [_entry(change) for change in comparison.changes],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_RENDERERS: Mapping[str, Callable[[Comparison], str]] = {
    "table": _table,
    "markdown": _markdown,
    "json": _json,
}


def _headline(comparison: Comparison) -> str:
    """``1 regression, 2 better, 15 no change``."""
    counts = {name: len(comparison.having(name)) for name in (REGRESSION, BETTER, NO_CHANGE, NOT_COMPARABLE)}
    plural = "s" * (counts[REGRESSION] != 1)
    first = f"{counts.pop(REGRESSION) or 'no'} {REGRESSION}{plural}"
    return ", ".join([first, *(f"{count} {name}" for name, count in counts.items() if count)])


def _sentence(change: Change) -> str:
    percent = f" ({_percent(change)} %)" if change.percent is not None else ""
    values = " to ".join(_estimate(one) for one in (change.base, change.new))
    return one_line(f"{change.model}: {change.metric} from {values} {change.unit}{percent}")


def _row(change: Change) -> tuple[str, ...]:
    found = change.difference
    return (
        change.model,
        f"{change.metric} ({change.unit})" if change.unit else change.metric,
        _estimate(change.base),
        _estimate(change.new),
        _signed(found.change, found.error) if found else MISSING,
        _percent(change),
        _visible(change),
        f"{change.tolerance:g} %",
        grid.probability(change.adjusted),
        f"{change.verdict}: {change.reason}" if change.reason else change.verdict,
    )


def _estimate(estimate: Estimate | None) -> str:
    return grid.value(estimate.mean, estimate.std) if estimate else MISSING


def _percent(change: Change) -> str:
    if change.percent is None or change.difference is None or change.base is None:
        return MISSING
    shown = rounded(change.percent, 100 * change.difference.error / abs(change.base.mean))
    return _plus(str(shown).partition(" ±")[0] if shown else MISSING, change.percent)


def _visible(change: Change) -> str:
    """In percent of the base, or where that is zero in the metric's unit."""
    if change.visible is None or change.base is None:
        return MISSING
    if change.base.mean == 0:
        return f"{change.visible:.2g}"
    return f"{100 * change.visible / abs(change.base.mean):.2g} %"


def _power(comparison: Comparison) -> str:
    """How large a change these runs could show, of the metric that a tolerance names first: one sentence."""
    shares = {
        (change.metric, change.model): change.visible / abs(change.base.mean)
        for change in comparison.changes
        if change.visible is not None and change.base is not None and change.base.mean
    }
    guarded = [change.metric for change in comparison.changes if change.tolerance]
    metric = next(iter((*guarded, *(name for name, _ in shares))), None)
    seen = sorted((share, model) for (name, model), share in shares.items() if name == metric)
    if not seen:
        return ""
    ends = (f"{float(f'{100 * share:.2g}'):g} % ({one_line(name)})" for share, name in (seen[0], seen[-1]))
    counts = [run.result["settings"]["runs"] for run in (comparison.base, comparison.new)]
    return (
        f" With these runs ({counts[0]} and {counts[1]}) a change of {one_line(str(metric))} would be seen "
        f"from {' to '.join(ends)}."
    )


def _signed(value: float, error: float) -> str:
    return _plus(grid.value(value, error), value)


def _plus(text: str, value: float) -> str:
    return f"+{text}" if value > 0 else text


def _notes(comparison: Comparison) -> list[str]:
    tests = sum(change.difference is not None for change in comparison.changes)
    level = 1 - comparison.confidence
    runs = [(str(run.path), run.result) for run in (comparison.base, comparison.new)]
    return [
        f"Base: {one_line(runs[0][0])}. New: {one_line(runs[1][0])}.",
        "Base and new: mean ± standard deviation over runs. Change: new less base, ± its standard error, "
        "from the spread between runs and from resampling the particles of the test part "
        f"({REPLICATES} replicates of a bootstrap, or {PARTS} of a jackknife).",
        f"Seen from: the change, of the base, that these runs would have shown to be significant in "
        f"{100 * POWER:g} % of such comparisons; a smaller one may be there all the same."
        + _power(comparison),
        f"p: adjusted for {tests} tests at once (Holm). A change is significant with p of at most "
        f"{level:.2g}; a regression is a significant change for the worse by more than the tolerance.",
        held_fixed(runs),
    ]


def _entry(change: Change) -> dict[str, Any]:
    found = change.difference
    return {
        "model": change.model,
        "metric": change.metric,
        "unit": change.unit,
        "better": change.better,
        "base": _values(change.base),
        "new": _values(change.new),
        "change": found.change if found else None,
        "error": found.error if found else None,
        "percent": change.percent,
        "p": found.p if found else None,
        "p_adjusted": change.adjusted,
        "visible": change.visible,
        "tolerance_percent": change.tolerance,
        "verdict": change.verdict,
        "reason": change.reason or None,
    }


def _values(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {"mean": estimate.mean, "std": estimate.std, "runs": list(estimate.runs)}
