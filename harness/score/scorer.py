"""Measures metrics on the units of a run: a task is one metric on one run of one model.

Any process that sees the folder may do it; a metric that fails, or takes too long, costs its own column only.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import mapped
from ..data.unit import Unit
from ..errors import traced
from ..plugin.metric import Metric, Scored, Value
from ..plugin.registry import Registry, load
from ..processes.executors import Executor
from ..processes.workers import ENDED, LATE, RAISED, Reply
from ..record.folder import REFERENCE, load_unit
from ..system import give_back
from .evaluate import Measured, NotMeasuredError, measure_all, scored
from .rescore import scored_run


@dataclass(frozen=True)
class Score:
    """Measure a metric on a run of a model: the answer is the list of its values.

    Attributes:
        label: of the model; ``None``: one half of the reference's repeats beside the other.
        run: of the model.
        metric: its name.
        units: the folder of units.
        protocol: of the run.
    """

    label: str | None
    run: int
    metric: str
    units: Path
    protocol: Mapping[str, Any]


class Scorer:
    """Does the tasks. It holds the run that it scored last, for its other metrics."""

    def __init__(self, registry: Registry) -> None:
        self._metrics = registry.metrics
        self._reference: tuple[Path, Unit] | None = None
        self._held: tuple[tuple[Path, str | None, int], Scored] | None = None

    def __call__(self, task: Score) -> Reply:
        """Do a task; an exception is told in the reply, with the plugin whose metric raised it."""
        begun = time.monotonic()
        try:
            run = self._run(task)
            mapped.forget()  # what the last metric has looked at
            give_back()  # and what it has freed
            answer = measure_all(self._metrics[task.metric], run)
        except NotMeasuredError as error:
            return Reply(None, time.monotonic() - begun, str(error), RAISED)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's metric may fail in any way
            source = self._metrics.sources.get(task.metric)
            plugin = f", plugin {source.name} {source.version}" if source else ""
            return Reply(None, time.monotonic() - begun, f"{traced(error)}{plugin}", RAISED)
        return Reply(answer, time.monotonic() - begun)

    def _run(self, task: Score) -> Scored:
        name = (task.units, task.label, task.run)
        if self._held is None or self._held[0] != name:
            self._held = None
            if self._reference is None or self._reference[0] != task.units:
                unit = load_unit(task.units / REFERENCE)
                if unit is None:
                    raise ValueError(f"the reference responses are not in {task.units}")
                self._reference = task.units, unit
            reference = self._reference[1]
            if task.label is None:
                run = scored(reference, reference, task.protocol).halves()
            else:
                run = scored_run(task.units, reference, task.label, task.run, task.protocol)
            self._held = name, run
        return self._held[1]


def prepare_scorer() -> Scorer:
    """What does tasks in a process of its own."""
    return Scorer(load())


def score_all(
    runs: Mapping[str | None, int],
    metrics: Sequence[Metric],
    units: Path,
    protocol: Mapping[str, Any],
    executor: Executor,
    timeout: float | None = None,
    report: Callable[[int, int], None] = lambda *_: None,
    spent: Callable[[str, float], None] = lambda *_: None,
) -> dict[str | None, dict[str, Measured]]:
    """By model and metric, the values run by run, or why there are none.

    Args:
        runs: how many runs of which model are in the folder.
        metrics: to measure.
        units: the folder.
        protocol: of the runs.
        executor: does the tasks; its processes see the folder.
        timeout: seconds that a task may take.
        report: told the tasks done, of how many.
        spent: told the metric of each task, and its seconds.
    """
    tasks = [
        Score(label, run, metric.name, units, protocol)
        for label, count in runs.items()
        for run in range(count)
        for metric in metrics
        if metric.runs is None or run < metric.runs
    ]
    found: dict[tuple[str | None, str], dict[int, list[Value]]] = {}
    problems: dict[tuple[str | None, str], str] = {}
    for task in tasks:
        executor.put(str(task.label), task, lambda: timeout)
    repeated: set[Score | tuple[Any, ...]] = set()
    done = 0
    for task, reply in executor.replies():
        place = (task.label, task.metric)
        name = (*place, task.run)
        if reply.reason == ENDED and name not in repeated:
            repeated.add(name)
            executor.put(str(task.label), task, lambda: timeout)
            continue
        done += 1
        report(done, len(tasks))
        spent(task.metric, reply.seconds)
        if reply.reason == LATE:
            problems[place] = f"took longer than {timeout:g} s"
        elif reply.error is not None:
            problems[place] = reply.error
        else:
            found.setdefault(place, {})[task.run] = reply.answer
    return {
        label: {
            metric.name: (
                ([], problems[label, metric.name])
                if (label, metric.name) in problems
                else ([values for _, values in sorted(found.get((label, metric.name), {}).items())], None)
            )
            for metric in metrics
        }
        for label in runs
    }
