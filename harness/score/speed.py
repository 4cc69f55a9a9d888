"""The speed of a model as a ratio to a fixed workload timed beside it: machines differ, ratios less so."""

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..record.folder import RunFolder
from .significance import Estimate

SPEED = "speed"  # what --tolerance calls it
UNIT = "workloads"
BETTER = "lower"


def require_alike(base: RunFolder, new: RunFolder) -> None:
    """Raise UserError if two runs used another device or number of threads: no ratio makes up for that."""
    for name in ("device", "threads"):
        first, second = (run.result["settings"][name] for run in (base, new))
        if first != second:
            raise UserError(f"--tolerance {SPEED}: the runs differ in {name!r}: {first} against {second}")


def speed(run: RunFolder, model: Mapping[str, Any]) -> Estimate:
    """Seconds for 10,000 responses over those of the reference workload, one value a repeat.

    Raises:
        ValueError: the model was not timed, or by a version that timed no workload.
    """
    record = (model.get("timing") or {}).get(run.result["settings"]["device"])
    if record is None:
        raise ValueError("not timed: the run needs --timing")
    if record.get("brief"):
        raise ValueError("timed in passing only: the run needs --timing")
    workload = record.get("workload")
    if not workload:
        raise ValueError("timed by an older version, without the reference workload: time it again")
    return Estimate(tuple(mine / its for mine, its in zip(record["repeats"], workload, strict=True)))
