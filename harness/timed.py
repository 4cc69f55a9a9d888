"""Times the models of a run, alone, one after the other, when nothing else is generated any more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import timing
from .executors import Ended, Executor
from .files import read_json, write_json
from .folder import unit_path
from .runner import Advance, Outcome, Plan
from .tasks import Failure, Reply, Time


def time_models(
    outcomes: Sequence[Outcome], plan: Plan, executor: Executor, advance: Advance
) -> Iterator[Outcome]:
    """The outcomes of ``ok`` models with their timings.

    A timing is kept in a file of its own, so that a resumed run keeps it.
    """
    responses = timing.RESPONSES * timing.REPEATS
    labels = {outcome.model.label: outcome for outcome in outcomes}
    for label, outcome in labels.items():
        path, asked = _timing_file(outcome, plan)
        stored = read_json(path) if path.exists() else {"identity": None}
        if stored["identity"] == asked:
            advance(outcome.model, responses)
            yield replace(outcome, timing={plan.context.device: stored["timing"]})
        else:
            task = Time(plan.keys[label], plan.conditions[: timing.RESPONSES])
            executor.put(label, task, lambda: plan.timeout)
    for task, reply in executor.answers():
        outcome = labels[task.model.label]
        advance(outcome.model, responses)
        if isinstance(reply, Ended):
            error = reply.line
        elif not isinstance(reply, Reply):
            error = f"took longer than {plan.timeout:g} s to be timed"
        elif isinstance(reply.answer, Failure):
            error = reply.answer.line
        else:
            path, asked = _timing_file(outcome, plan)
            write_json(path, {"identity": asked, "timing": reply.answer})
            yield replace(outcome, timing={plan.context.device: reply.answer})
            continue
        yield Outcome(outcome.model, "failed", error, outcome.marks)


def _timing_file(outcome: Outcome, plan: Plan) -> tuple[Path, dict[str, Any]]:
    """Where the timing of a model on this device is kept, and what identifies it."""
    path = unit_path(plan.units, outcome.model.label, "timing").with_suffix(".json")
    return path, {**outcome.identity, "threads": timing.threads()}
