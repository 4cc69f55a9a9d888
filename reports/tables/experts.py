"""Mixtures of experts to tables: the load of each expert (the paper's Table 3), WS by their number (Table 4).

Only models that tell their routing have rows; without one there is no table.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..text import published
from ..text.results import Labelled, by_detector
from ..text.rounding import finite
from .build import build_table, metric_column, metric_heading, metrics_of, ok_models
from .table import Cell, Column, Table

LARGEST, SMALLEST = 0.8, 0.02
"""Shares of the responses beyond which an expert is noted: hardly a mixture any more."""

LOAD_NOTE = (
    "Share of the test responses that an expert served, mean and standard deviation of the photon sums that "
    "it generated. The numbering of experts is arbitrary: an expert and the published one beside it share "
    "a number and no more."
)
COUNT_NOTE = (
    "Smallest share: of the responses, of the expert that served the fewest, in run 0. A single network has "
    "no row."
)


def expert_table(results: Labelled) -> list[Table]:
    """Share, mean and deviation of the photon sum by expert; no table where no model routes."""
    tables = (_load(detector, group) for detector, group in by_detector(results))
    return [table for table in tables if table is not None]


def expert_count_table(results: Labelled) -> list[Table]:
    """WS by the number of experts; no table where the models that route all have the same number."""
    tables = (_counts(detector, group) for detector, group in by_detector(results))
    return [table for table in tables if table is not None]


def experts_of(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The experts of a model's or a training's entry; none if it is no mixture."""
    return list(entry.get("experts") or ())


def shares(experts: Sequence[Mapping[str, Any]]) -> list[float]:
    """The share of the responses, 0 to 1, of each expert."""
    return [finite(expert.get("share")) or 0.0 for expert in experts]


def health(experts: Sequence[Mapping[str, Any]]) -> list[str]:
    """A note if experts serve nearly all or nearly none of the responses; none for a single network."""
    beyond = [share for share in shares(experts) if share > LARGEST or share < SMALLEST]
    if len(experts) < 2 or not beyond:
        return []
    told = [f"{100 * share:.3g} %" for share in sorted(beyond, reverse=True)]
    return [f"one expert serves {', one '.join(told)} of the responses"]


def share_cell(share: float) -> Cell:
    """A share of the responses in percent, to two decimals: one response in 10,000 is still seen."""
    return Cell(100 * share, printed=published.Figure(f"{100 * share:.2f}"))


def _load(detector: str, results: Labelled) -> Table | None:
    routing = [model for model in ok_models(results) if model.get("experts")]
    if not routing:
        return None
    quoted = published.EXPERT_SUMS.get(detector, {})
    quote = any(model["name"] in quoted for model in routing)
    columns = [
        Column("share (%)", "expert_share", "%"),
        Column("mean", "expert_mean", "photons"),
        Column("std", "expert_std", "photons"),
    ]
    if quote:
        columns += [
            Column(f"published {name}", f"expert_{name}", "photons", source="published")
            for name in ("mean", "std")
        ]

    def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
        expert, number = row["expert"], row["settings"][0]
        ours = (
            share_cell(shares([expert])[0]),
            Cell(finite(expert.get("mean"))),
            Cell(finite(expert.get("std"))),
        )
        theirs = quoted.get(row["name"], ())
        if not quote:
            return ours
        if number > len(theirs):
            return (*ours, Cell(), Cell())
        figure = theirs[number - 1]
        deviation = None if figure.std is None else published.Figure(figure.std)
        return (*ours, Cell.published(published.Figure(figure.value)), Cell.published(deviation))

    by_expert = [(label, {**result, "models": _by_expert(result["models"])}) for label, result in results]
    title = "Photon sum by expert (photons)"
    return build_table(
        "experts", title, detector, by_expert, tuple(columns), cells, LOAD_NOTE,
        settings=("expert",), runs="run 0 of each model",
    )  # fmt: skip


def _by_expert(models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """An entry for each expert of each model that routes."""
    return [
        {**model, "settings": [number], "expert": expert}
        for model in models
        if model["status"] == "ok" and model.get("experts")
        for number, expert in enumerate(experts_of(model), 1)
    ]


def _counts(detector: str, results: Labelled) -> Table | None:
    metric = metrics_of(results).get("ws")
    numbers = {len(experts_of(model)) for model in ok_models(results) if model.get("experts")}
    if metric is None or len(numbers) < 2:
        return None
    columns = [
        metric_column("ws", metric, metric_heading("ws", metric)),
        Column("smallest share (%)", "expert_share", "%"),
    ]
    quoted = published.WS.get(detector, {})
    by_count = [(label, {**result, "models": _by_count(result["models"])}) for label, result in results]
    quote = any(model["name"] in quoted for _, result in by_count for model in result["models"])
    if quote:
        columns.append(Column("published WS (photons)", "ws", "photons", source="published"))

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        ours = (Cell.measured(model.get("ws")), share_cell(min(shares(experts_of(model)))))
        return (*ours, *[Cell.published(quoted.get(model["name"]))] * quote)

    title = "WS by number of experts"
    return build_table(
        "expert-counts", title, detector, by_count, tuple(columns), cells, COUNT_NOTE, settings=("experts",)
    )


def _by_count(models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The models that route, by their number of experts, with what there is to note on their load."""
    routing = [
        {
            **model,
            "settings": [len(experts_of(model))],
            "marks": [*(model.get("marks") or ()), *health(experts_of(model))],
        }
        for model in models
        if model["status"] == "ok" and model.get("experts")
    ]
    return sorted(routing, key=lambda model: model["settings"][0])
