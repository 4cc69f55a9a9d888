"""Results to tables: scores (the paper's Table 2), scores by channel, and scores by quartile.

Quartiles are those of the particle's expected sum (``ws-conditional``); the paper's Table 1, by the reference
response's own sum, stands behind them.

Every builder takes labelled results and gives one table for each detector among them.
"""

from collections.abc import Mapping
from typing import Any

from ..text import published
from ..text.results import Labelled, by_detector, one_line
from .build import build_table, metric_column, metric_heading, metrics_of, models_of, ok_models
from .table import Cell, Column, Table
from .verdict import verdict_table

QUARTILES = ("q1", "q2", "q3", "q4")
EXPECTED = "ws-conditional"  # whose quartiles are by the expected sum
QUARTILE_WARNING = (
    "As in the ExpertSim paper's Table 1. Its fault: the bins select on the reference's own fluctuations, so "
    "even a perfect simulator is not near zero, and one that never fluctuates may beat it: read against the "
    "mc row, or rather the quartiles by the expected sum."
)
"""True of a distance between distributions, such as WS; another metric by quartile goes without it."""
ERROR_TEXT = (
    "The errors are of the test part (its particles drawn again, a bootstrap), of one score and not of a "
    "difference, for all models share it; ± knows nothing of it."
)
EXPECTED_TEXT = (
    "WS within quarters of the responses by what their particle was expected to give, the mean over its "
    "other repeats: a perfect simulator reaches the floor in every one."
)


def score_tables(results: Labelled) -> list[Table]:
    """Every table of scores: how far from the floor, over all responses, then by channel and by quartile."""
    metrics = metrics_of(results)
    return [
        *verdict_table(results),
        *score_table(results),
        *(table for name in metrics for table in channel_table(results, name)),
        *(
            table
            for name in sorted(metrics, key=lambda name: name != EXPECTED)
            for table in quartile_table(results, name)
        ),
    ]


def score_table(results: Labelled) -> list[Table]:
    """Each model's metrics over the whole test split, with the published WS in a column of its own."""
    return [_scores(detector, group) for detector, group in by_detector(results)]


def channel_table(results: Labelled, metric: str = "ws") -> list[Table]:
    """``metric`` channel by channel; no table where no model has it by channel."""
    tables = (_channels(detector, group, metric) for detector, group in by_detector(results))
    return [table for table in tables if table is not None]


def quartile_table(results: Labelled, metric: str = "ws") -> list[Table]:
    """``metric`` by quartile of the photon sum; no table where no model has it by quartile.

    Of the particle's expected sum for ``ws-conditional``, of the reference's own sum for all others.
    """
    tables = (_quartiles(detector, group, metric) for detector, group in by_detector(results))
    return [table for table in tables if table is not None]


def _scores(detector: str, results: Labelled) -> Table:
    metrics = metrics_of(results)
    columns = [metric_column(name, metric, metric_heading(name, metric)) for name, metric in metrics.items()]
    resampled = [name for name in metrics if _any_error(results, name)]
    for name in resampled:
        unit = one_line(metrics[name]["unit"])
        heading = f"error of {one_line(name)}" + (f" ({unit})" if unit else "")
        columns.append(Column(heading, one_line(name), unit, "", "test part", "error"))
    quoted = published.WS.get(detector, {})
    quote = "ws" in metrics and _any_model(results, quoted)
    if quote:
        columns.append(Column("published WS (photons)", "ws", "photons", source="published"))

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        ours = [Cell.measured(model.get(name)) for name in metrics]
        errors = [Cell.measured(_error(model, name)) for name in resampled]
        return (*ours, *errors, *[Cell.published(quoted.get(model["name"]))] * quote)

    text = ERROR_TEXT if resampled else ""
    return build_table("scores", "Scores", detector, results, tuple(columns), cells, text)


def _error(model: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """How far a score of a model hangs on the test part's particles: mean over runs."""
    return {"mean": (model.get(name) or {}).get("over_particles"), "std": None}


def _any_error(results: Labelled, name: str) -> bool:
    return any((_error(model, name) or {}).get("mean") for model in ok_models(results))


def _channels(detector: str, results: Labelled, name: str) -> Table | None:
    metric = metrics_of(results).get(name)
    channels = list(
        dict.fromkeys(
            c for model in ok_models(results) for c in (model.get(name) or {}).get("channels") or {}
        )
    )
    if metric is None or not channels:
        return None
    columns = tuple(metric_column(name, metric, one_line(c), channel=c) for c in channels)

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        values = (model.get(name) or {}).get("channels") or {}
        return tuple(Cell.measured(values.get(channel)) for channel in channels)

    table_name = "channels" if name == "ws" else f"channels-{name}"
    return build_table(
        table_name, f"{metric_heading(name, metric)} by channel", detector, results, columns, cells
    )


def _quartiles(detector: str, results: Labelled, name: str) -> Table | None:
    metric = metrics_of(results).get(name)
    found = [q for model in ok_models(results) if name in (q := model.get("quartiles") or {})]
    if metric is None or not found:
        return None
    columns = [metric_column(name, metric, q.upper(), subset=q) for q in QUARTILES]
    quoted = published.QUARTILE_WS.get(detector, {}) if name == "ws" else {}
    quote = _any_model(results, quoted)
    if quote:
        columns += [
            Column(f"published {q.upper()}", "ws", "photons", subset=q, source="published") for q in QUARTILES
        ]

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        ours = (model.get("quartiles") or {}).get(name) or [None] * 4
        theirs = quoted.get(model["name"], (None,) * 4)
        return (*map(Cell.measured, ours), *[Cell.published(figure) for figure in theirs] * quote)

    table_name = "quartiles" if name == "ws" else f"quartiles-{name}"
    if name == EXPECTED:
        title = f"WS ({one_line(metric['unit'])}) by quartile of the particle's expected sum"
        return build_table(table_name, title, detector, results, tuple(columns), cells, EXPECTED_TEXT)
    bins = {"bounds": found[0]["bounds"], "counts": found[0]["counts"]}
    text = f"{_bins(**bins)} {QUARTILE_WARNING}" if name == "ws" else _bins(**bins)
    title = f"{metric_heading(name, metric)} by quartile of the reference's own sum"
    return build_table(table_name, title, detector, results, tuple(columns), cells, text, {"quartiles": bins})


def _bins(bounds: list[float], counts: list[int]) -> str:
    edges = ["-inf", *(f"{bound:.12g}" for bound in bounds), "inf"]
    parts = [
        f"{q.upper()} ({edges[i]}, {edges[i + 1]}{')' if i == 3 else ']'} {counts[i]} responses"
        for i, q in enumerate(QUARTILES)
    ]
    return f"Bins of the reference sum: {'; '.join(parts)}."


def _any_model(results: Labelled, quoted: Mapping[str, object]) -> bool:
    return any(model["name"] in quoted for model in models_of(results))
