"""Times the models of a run, alone, one after the other, when nothing else is generated any more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..processes.executors import Executor
from ..processes.workers import LATE
from ..record.folder import unit_path
from . import timing
from .runner import Advance, Outcome, Plan
from .tasks import Time

TIMED = timing.RESPONSES * timing.REPEATS  # responses that a timing counts for in a bar


def devices_of(device: str) -> tuple[str, ...]:
    """Where the models of a run on ``device`` are timed: on the CPU always, and on the GPU if it is that."""
    return ("cpu",) if device == "cpu" else ("cpu", device)


def time_models(
    outcomes: Sequence[Outcome], plan: Plan, executor: Executor, advance: Advance, brief: bool = False
) -> Iterator[Outcome]:
    """The outcomes of ``ok`` models with their timings, one for each of :func:`devices_of`.

    A timing is kept in a file of its own, so that a resumed run keeps it; a full one also serves where a
    ``brief`` one is asked for.
    """
    devices = devices_of(plan.context.device)
    labels = {outcome.model.label: outcome for outcome in outcomes}
    timings: dict[str, dict[str, Any]] = {label: {} for label in labels}
    for label, outcome in labels.items():
        for device in devices:
            path, asked = _timing_file(outcome, plan, device)
            stored: dict[str, Any] = read_json(path) if path.exists() else {"identity": None}
            if stored["identity"] == asked and (brief or not stored["timing"].get("brief")):
                advance(label, TIMED)
                timings[label][device] = stored["timing"]
            else:
                key = replace(plan.keys[label], device=device)
                task = Time(key, plan.conditions[: timing.RESPONSES], brief)
                executor.put(label, task, lambda: plan.timeout)
    errors: dict[str, str] = {}
    for task, reply in executor.replies():
        label, device = task.model.label, task.model.device
        advance(label, TIMED)
        if reply.reason == LATE:
            errors[label] = f"took longer than {plan.timeout:g} s to be timed"
        elif reply.error is not None:
            errors[label] = reply.error
        else:
            path, asked = _timing_file(labels[label], plan, device)
            write_json(path, {"identity": asked, "timing": reply.answer})
            timings[label][device] = reply.answer
    for label, outcome in labels.items():
        if label in errors:
            yield Outcome(outcome.model, "failed", errors[label], outcome.marks)
        else:
            yield replace(outcome, timing={device: timings[label][device] for device in devices})


def _timing_file(outcome: Outcome, plan: Plan, device: str) -> tuple[Path, dict[str, Any]]:
    """Where the timing of a model on a device is kept, and what identifies it."""
    path = unit_path(plan.units, outcome.model.label, f"timing-{device}").with_suffix(".json")
    return path, {
        **outcome.identity,
        "timed on": device,
        "threads": timing.threads(),
        "version": timing.VERSION,
    }
