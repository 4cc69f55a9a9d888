"""Timings to tables: the paper's Table 6, and what a model costs whoever deploys it."""

from collections.abc import Iterator, Mapping
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

LATENCY_NOTE = (
    "Milliseconds of one call for so many particles on so many threads: medians, and the 99th percentile for "
    "one particle. Load: seconds to make the model once more, libraries loaded. Memory: by how much the "
    "process grows at most while the model is made and answers 1,000 particles."
)
_BATCHES = {
    "1": "1",
    "100": "100",
    "10000": "10,000",
}  # particles in a call, as a result has them and as shown
BUSY = 0.85  # of the cores: with less free, a timing is of a busy machine


def latency_tables(results: Labelled) -> list[Table]:
    """A table for each detector and engine; none where no latencies were measured."""
    return [table for detector, group in by_detector(results) for table in _latencies(detector, group)]


def _latencies(detector: str, results: Labelled) -> Iterator[Table]:
    entries = [_latency(model) for model in ok_models(results)]
    for engine in sorted({engine for entry in entries for engine in entry}):
        threads = sorted({int(n) for entry in entries for n in (entry.get(engine) or {}).get("threads", ())})
        asked = [(str(number), size, "p50_ms") for number in threads for size in _BATCHES]
        asked.insert(1, (str(threads[0]), "1", "p99_ms"))
        columns = [
            Column(
                f"{_BATCHES[size]} on {number}{', 99 %' if kind == 'p99_ms' else ''} (ms)",
                f"latency-{size}-{kind.removesuffix('_ms')}",
                "ms",
                "lower",
                channel=f"threads {number}",
            )
            for number, size, kind in asked
        ]
        columns += [Column(heading, name, unit, "lower") for heading, name, unit in _OF_AN_ENGINE]

        def cells(
            model: Mapping[str, Any], engine: str = engine, asked: list[tuple[str, str, str]] = asked
        ) -> tuple[Cell, ...]:
            entry = _latency(model).get(engine) or {}
            calls = [((entry.get("threads") or {}).get(n) or {}).get(size) or {} for n, size, _ in asked]
            return (
                *(Cell(call.get(kind)) for call, (_, _, kind) in zip(calls, asked, strict=True)),
                *(Cell(entry.get(name)) for _, name, _ in _OF_AN_ENGINE),
            )

        having = [
            (label, {**result, "models": [m for m in result["models"] if engine in _latency(m)]})
            for label, result in results
        ]
        title = f"Latency, engine {engine}"
        yield build_table(f"latency-{engine}", title, detector, having, tuple(columns), cells, LATENCY_NOTE)


_OF_AN_ENGINE = (
    ("load (s)", "load_seconds", "s"),
    ("memory (MB)", "memory_mb", "MB"),
    ("file (MB)", "file_mb", "MB"),
    ("parameters", "parameters", ""),
)


def _latency(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """By engine, what :mod:`simbench.harness.run.latency` measured."""
    timed = (model.get("timing") or {}).get("cpu") or {}
    return timed.get("latency") or {}


def crowded(results: Labelled) -> str:
    """A sentence on the models that were timed while other processes used the machine; empty if none was."""
    found = []
    for model in ok_models(results):
        timed = (model.get("timing") or {}).get("cpu") or {}
        cores, free = timed.get("cores"), timed.get("cores_free")
        if cores and free is not None and free < BUSY * cores:
            found.append(f"{one_line(model['name'])} {free:.2g} of {cores}")
    if not found:
        return ""
    return f"Other processes used the machine, cores that were free: {', '.join(found)}; time them again."


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
    if crowded(results):
        text += f" {crowded(results)}"
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
