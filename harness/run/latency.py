"""What a model costs whoever deploys it: milliseconds a call, load time, memory, size, by engine.

A call is one ``generate`` of a batch of particles; O2 asks for one particle at a time, on one thread.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..plugin.description import describe
from ..plugin.simulators import Simulator
from ..processes.workers import with_threads
from ..system import give_back

CALLS = {1: 200, 100: 20, 10_000: 3}  # by particles in a call: so many are timed
ENGINES = ("torch", "onnx")  # a model that names another, or none, has that one only
_LONGEST = 8.0  # seconds for the calls of one batch size, of which one is made whatever it takes
_SLOW = 60.0  # seconds that a batch may be expected to take; a longer one is not tried
_HEADS = (
    *("1 particle (ms)", "99 %", "100 (ms)", "10,000 (ms)"),
    *("load (s)", "memory (MB)", "file (MB)", "parameters"),
)  # of a card
_STATM = Path("/proc/self/statm")
_PAGE = 4096
_MEGABYTE = 1e6


def card(
    make: Callable[[str], Simulator],
    conditions: npt.NDArray[np.float32],
    threads: Sequence[int],
    engines: Sequence[str] = ENGINES,
) -> dict[str, Any]:
    """By engine: what a simulator costs on the CPU.

    Args:
        make: makes the simulator for an engine, anew each time.
        conditions: (N, F) particles, repeated cyclically.
        threads: numbers of threads to time with, the first for load time and memory.
        engines: those to ask for.

    Returns:
        By engine ``load_seconds`` (made once more, libraries loaded), ``memory_mb`` (by how much the process
        grows at most while the model is made and answers the largest batch that was timed; ``None`` where the
        system does not tell), ``file_mb`` and ``parameters`` (as far as it tells), and ``threads``: by their
        number and by particles in a call ``p50_ms`` and ``p99_ms``, ``None`` for a batch not tried.
    """
    told: dict[str, Any] = {}
    for engine in engines:
        with with_threads(threads[0]):
            execution = describe(make(engine)).execution  # off the clock: it may export a graph, and keep it
            name = str(execution.get("engine") or "python")
            if name in told:  # it has no choice
                break
            entry = _loaded(partial(make, engine), conditions)
        entry["threads"] = {}
        for number in threads:
            with with_threads(number):
                entry["threads"][str(number)] = calls(make(engine), conditions)
        told[name] = entry
        if name not in ENGINES:
            break
    return told


def card_lines(card: Mapping[str, Any]) -> Iterator[str]:
    """What :func:`card` found as a table in Markdown, a row for each engine and number of threads."""
    yield f"| engine | threads | {' | '.join(_HEADS)} |"
    yield "|---" * (len(_HEADS) + 2) + "|"
    for engine, entry in card.items():
        for number, found in entry["threads"].items():
            times = [(found.get(size) or {}).get("p50_ms") for size in map(str, CALLS)]
            times.insert(1, (found.get("1") or {}).get("p99_ms"))
            rest = [entry[name] for name in ("load_seconds", "memory_mb", "file_mb")]
            cells = ("-" if value is None else f"{value:.3g}" for value in (*times, *rest))
            count = "-" if entry["parameters"] is None else f"{entry['parameters']:,}"
            yield f"| {engine} | {number} | {' | '.join(cells)} | {count} |"


def calls(simulator: Simulator, conditions: npt.NDArray[np.float32]) -> dict[str, Any]:
    """By particles in a call: median and 99th percentile of the milliseconds of one."""
    found: dict[str, Any] = {}
    expected = 0.0
    for size, count in CALLS.items():
        if expected * size > _SLOW:
            found[str(size)] = None
            continue
        asked = np.ascontiguousarray(np.resize(conditions, (max(size, min(count, 512)), conditions.shape[1])))
        rows = [np.arange(start, start + size) % len(asked) for start in range(count)]
        simulator.generate(asked[rows[0]], seed=rng.derive(0, "warm-up", size))
        seconds: list[float] = []
        begun = time.perf_counter()
        for call, chosen in enumerate(rows):
            given = asked[chosen]
            start = time.perf_counter()
            simulator.generate(given, seed=rng.derive(0, "latency", size, call))
            seconds.append(time.perf_counter() - start)
            if time.perf_counter() - begun > _LONGEST:
                break
        expected = float(np.median(seconds)) / size
        found[str(size)] = milliseconds(seconds)
    return found


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """``p50_ms`` and ``p99_ms`` of some calls."""
    typical, slow = 1000 * np.percentile(seconds, [50, 99])
    return {"p50_ms": float(typical), "p99_ms": float(slow)}


def _loaded(make: Callable[[], Simulator], conditions: npt.NDArray[np.float32]) -> dict[str, Any]:
    """How long it takes to make a simulator, and what it holds."""
    largest = np.ascontiguousarray(np.resize(conditions, (1000, conditions.shape[1])))
    with peak_memory() as grown:
        begun = time.perf_counter()
        simulator = make()
        seconds = time.perf_counter() - begun
        simulator.generate(largest, seed=0)
    told = describe(simulator).footprint
    size = told.get("bytes")
    return {
        "load_seconds": seconds,
        "memory_mb": grown[0] / _MEGABYTE if grown else None,
        "file_mb": None if size is None else size / _MEGABYTE,
        "parameters": told.get("parameters"),
    }


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Yields a list that afterwards holds by how many bytes the process has grown at most, if that is known.

    What was freed before is given back first, else it would be used again unseen. Looked at a thousand times
    a second, so what is timed within is timed with that.
    """
    grown: list[int] = []
    before = _resident()
    if before is None:
        yield grown
        return
    gc.collect()
    give_back()
    before, most, stop = _resident() or before, [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.001):
            most[0] = max(most[0], _resident() or 0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield grown
    finally:
        stop.set()
        watcher.join()
        grown.append(max(0, max(most[0], _resident() or 0) - before))


def _resident() -> int | None:
    """Bytes of this process in memory, where the system tells."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None
