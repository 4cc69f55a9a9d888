"""Timings to a table (the paper's Table 6)."""

from collections.abc import Mapping
from typing import Any

from ..text import published
from ..text.results import Labelled, by_detector, one_line
from .build import build_table, ok_models
from .table import Cell, Column, Table

TIMING_NOTE = (
    "Median over the repeats, ± half their range; from conditions to responses, both in host memory. "
    "Published seconds are of other hardware (i7-9800X, A5000). The Monte Carlo timed here is "
    "parametrised and not the full simulation: a speed-up over it says nothing about replacing Geant."
)


def timing_table(results: Labelled) -> list[Table]:
    """Seconds for 10,000 responses (the paper's Table 6); no table where nothing was timed."""
    tables = (_timing(detector, group) for detector, group in by_detector(results))
    return [table for table in tables if table is not None]


def _timing(detector: str, results: Labelled) -> Table | None:
    devices = list(
        dict.fromkeys(device for model in ok_models(results) for device in model.get("timing") or {})
    )
    if not devices:
        return None
    columns = [
        Column(f"{device.upper()} seconds", "seconds_per_10k", "s", "lower", channel=device)
        for device in devices
    ]
    quoted = published.SECONDS
    columns += [
        Column(
            f"published {device.upper()} seconds", "seconds_per_10k", "s", channel=device, source="published"
        )
        for device in devices
    ]

    def cells(model: Mapping[str, Any]) -> tuple[Cell, ...]:
        timed = model.get("timing") or {}
        ours = [timed.get(device) or {} for device in devices]
        theirs = [quoted.get(model["name"], {}).get(device) for device in devices]
        return (
            *(Cell(value.get("seconds_per_10k"), _half_range(value)) for value in ours),
            *map(Cell.published, theirs),
        )

    noisy = [
        one_line(model["name"])
        for model in ok_models(results)
        if any(value["noisy"] for value in (model.get("timing") or {}).values())
    ]
    text = f"{TIMING_NOTE} {_conditions(results)}"
    if noisy:
        text += (
            f" The repeats of {', '.join(noisy)} differ by more than 20 % from their median: time them again."
        )
    title = "Seconds for 10,000 responses"
    return build_table("timing", title, detector, results, tuple(columns), cells, text)


def _half_range(timed: Mapping[str, Any]) -> float | None:
    return timed["spread"] * timed["seconds_per_10k"] if timed else None


def _conditions(results: Labelled) -> str:
    """With how many threads, which engine and which batch the models were timed."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for model in ok_models(results):
        for device, value in (model.get("timing") or {}).items():
            engine, batch, threads = (value.get(name) for name in ("engine", "batch", "threads"))
            told = [f"threads {threads}"]
            told += [f"engine {engine}"] if engine else []
            told += [f"{batch} responses a batch"] if batch else []
            alike.setdefault((device.upper(), *told), []).append(one_line(model["name"]))
    return " ".join(f"{', '.join(told)}: {', '.join(names)}." for told, names in alike.items())
