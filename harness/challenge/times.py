"""What the simulators of a run take for a shower, in the units of the published times."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UserError
from .published import METRICS

_BATCH = "cpu_ms_batch"  # how the published times on a CPU are called


class Taken(NamedTuple):
    """Milliseconds a shower, and with what."""

    value: float
    told: str


def shower_times(result: Mapping[str, Any]) -> dict[str, dict[str, Taken]]:
    """By model and published metric, what a result of ``simbench run --timing`` tells: medians of calls.

    Of several engines it is the faster one, on the fewest threads that were timed (one by default).

    Raises:
        UserError: no model of the run has been timed so.
    """
    found: dict[str, dict[str, Taken]] = {}
    for model in result["models"]:
        engines = ((model.get("timing") or {}).get("cpu") or {}).get("latency") or {}
        for name in METRICS:
            if name.startswith(_BATCH):
                size = name.removeprefix(_BATCH)
                taken = [one for engine, entry in engines.items() if (one := _of(engine, entry, size))]
                if taken:
                    found.setdefault(model["name"], {})[name] = min(taken)
    if not found:
        raise UserError("no model of the run has times by batch: run it with --timing")
    return found


def _of(engine: str, entry: Mapping[str, Any], size: str) -> Taken | None:
    """The time of one engine for calls of a size."""
    threads = min(entry.get("threads") or {}, key=int, default=None)
    call = None if threads is None else entry["threads"][threads].get(size)
    if not call or call.get("p50_ms") is None:
        return None
    return Taken(call["p50_ms"] / int(size), f"{engine}, {threads} thread{'s' * (threads != '1')}")
