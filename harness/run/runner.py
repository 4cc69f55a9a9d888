"""Runs simulators on the test part: a grid of tasks, each model's failure kept to itself.

A task is a chunk of a run (one generation seed) of a model; any executor may do it, in any order. A finished
run leaves its sums behind in a small file (:mod:`simbench.harness.record.folder`), so that the benchmark
resumes where it was stopped.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..data.sums import Projection
from ..data.unit import Gathered, Unit
from ..models.names import Model
from ..plugin.description import Description
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..processes.executors import Executor
from ..processes.workers import ENDED, LATE, Reply
from ..record.folder import load_unit, save_unit, unit_path
from ..record.protocol import CHUNK, Protocol, leak
from ..record.responses import has_blocks, responses_folder, save_block
from .tasks import Generate, ModelKey, Task

Advance = Callable[[str, int], None]


@dataclass(frozen=True)
class Plan:
    """What a run of the benchmark does, whatever the model.

    Attributes:
        protocol: what is held fixed.
        context: for the models' factories, less their weights.
        conditions: (N, F) of the test part.
        example_rows: of the test part, of which run 0 keeps the images.
        keys: the models as other processes are told of them, by label.
        projection: to the sums that are kept.
        runs: which are made, by label; none where nothing is to be generated.
        seed, allow_leak, timeout: as asked for.
        units: the folder of units.
        detector: what identifies the detector, its channels and observables.
        keep: whether the responses themselves are kept.
        finished: told each finished run's model and unit.
    """

    protocol: Protocol
    context: Context
    conditions: npt.NDArray[np.float32]
    example_rows: npt.NDArray[np.int64]
    keys: Mapping[str, ModelKey]
    projection: Projection
    runs: Mapping[str, Sequence[int]]
    seed: int
    allow_leak: bool
    units: Path
    detector: Sequence[str | None]
    timeout: float | None = None
    keep: bool = False
    finished: Callable[[str, Unit], None] = lambda *_: None


@dataclass(frozen=True)
class Outcome:
    """How a model fared: its units, light ones, one a run, if ``ok``; else the one line that says why not.

    ``identity`` is all that the sums of its units depend on, besides the folder's protocol and the run;
    ``execution`` is how it computes, as its description says; ``spent`` are the responses that were generated
    now, and the seconds that they took.
    """

    model: Model
    status: str
    error: str | None = None
    marks: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    training: Mapping[str, Any] | None = None
    timing: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    execution: Mapping[str, Any] = field(default_factory=dict)
    spent: tuple[int, float] = (0, 0.0)


def chunks(count: int) -> Iterator[tuple[int, slice]]:
    """(index, rows) of the chunks of ``count`` test responses, counted from the start of the test part."""
    for index, start in enumerate(range(0, count, CHUNK)):
        yield index, slice(start, min(start + CHUNK, count))


def key_of(registry: Registry, model: Model, context: Context) -> ModelKey:
    """A model as other processes are told of it."""
    registered = registry.simulators.records.get(model.offer.name) is model.offer
    return ModelKey(
        label=model.label,
        name=model.offer.name,
        source=model.source,
        offer=None if registered else model.offer,
        weights=model.weights and model.weights.absolute(),
        detector=context.detector.name,
        min_photons=context.min_photons,
        device=context.device,
        engine=context.engine,
        training=context.training if model.offer.recalls else None,
    )


def run_models(
    models: Sequence[Model], plan: Plan, executor: Executor, advance: Advance
) -> Iterator[Outcome]:
    """The outcome of every model, as it ends. A task whose process ends is done once more elsewhere."""
    model_runs = {model.label: _ModelRun(model, plan, advance) for model in models}
    for label, model_run in model_runs.items():
        executor.put(label, Task(plan.keys[label]), model_run.left)
    for task, reply in executor.replies():
        model_run = model_runs[task.model.label]
        if model_run.outcome is not None:  # it has failed in the meantime
            continue
        for more in model_run.take(task, reply):
            executor.put(task.model.label, more, model_run.left)
        if model_run.outcome is not None:
            executor.drop(task.model.label)
            yield model_run.outcome


class _ModelRun:
    """A model on its way from the first task to its outcome."""

    def __init__(self, model: Model, plan: Plan, advance: Advance) -> None:
        self.outcome: Outcome | None = None
        self._model, self._plan, self._advance = model, plan, advance
        self._seconds, self._spent = 0.0, (0, 0.0)
        self._repeated: set[tuple[int, ...]] = set()
        self._marks: list[str] = []
        self._identity: dict[str, Any] = {}
        self._training: Mapping[str, Any] | None = None
        self._execution: Mapping[str, Any] = {}
        self._parts: dict[int, Gathered] = {}  # by run, of unfinished ones
        self._units: dict[int, Unit] = {}

    def left(self) -> float | None:
        """Seconds that it may still take, all its tasks together."""
        return None if self._plan.timeout is None else self._plan.timeout - self._seconds

    def take(self, task: Task, reply: Reply) -> Iterator[Task]:
        """Take in a reply, and give what is to be asked next."""
        if reply.reason == ENDED:
            name = (task.run, task.chunk) if isinstance(task, Generate) else ()
            if name in self._repeated:
                self._fail(f"{reply.error}, for the second time")
            else:
                self._repeated.add(name)
                yield task
            return
        self._seconds += reply.seconds
        left = self.left()
        if reply.reason == LATE or (left is not None and left < 0):
            self._fail(f"took longer than {self._plan.timeout:g} s")
        elif reply.error is not None:
            self._fail(reply.error)
        elif isinstance(task, Generate):
            responses, seconds = self._spent
            self._spent = responses + len(task.conditions), seconds + reply.seconds
            self._collect(task, reply.answer)
        else:
            yield from self._open(reply.answer)

    def _fail(self, error: str) -> None:
        self.outcome = Outcome(self._model, "failed", error, tuple(self._marks))

    def _open(self, opened: Description) -> Iterator[Task]:
        plan, trained = self._plan, opened.trained_on
        leaking = leak(trained, plan.protocol, plan.conditions) if trained else None
        if leaking and not plan.allow_leak:
            self._fail(f"leak: {leaking}; --allow-leak scores it all the same")
            return
        if leaking:
            self._marks.append("scored on particles that it was trained on")
        if trained is not None and trained.dataset != plan.protocol.dataset:
            self._marks.append("trained on other data")
        self._marks.extend(opened.notes)
        self._training, self._execution = opened.training, opened.execution
        self._identity = {
            **opened.execution,  # first: nothing that a model says replaces what follows
            "model": self._model.label,
            "plugin": [self._model.source.name, self._model.source.version, self._model.source.code()],
            "detector": list(plan.detector),
            "weights": opened.weights,
            "seed": plan.seed,
            "device": plan.context.device,
        }
        for run in plan.runs[self._model.label]:
            unit = load_unit(self._path(run), {**self._identity, "run": run})
            if unit is None or not self._complete(unit, run):
                yield from self._tasks(run, opened.weights)
            else:
                self._advance(self._model.label, len(unit.sums))
                self._units[run] = unit.light()
                self._plan.finished(self._model.label, unit)
        self._end_if_complete()

    def _complete(self, unit: Unit, run: int) -> bool:
        """Whether a unit of before holds all that is kept now."""
        observed = unit.observed == self._plan.projection.observed
        kept = not self._plan.keep or has_blocks(self._path(run), len(list(chunks(len(unit.sums)))))
        return observed and kept

    def _tasks(self, run: int, weights: Any) -> Iterator[Task]:
        """Every chunk of a run, with a seed of its own."""
        self._parts[run] = Gathered(len(self._plan.conditions))
        key = self._plan.keys[self._model.label]
        rows_kept = self._plan.example_rows if run == 0 else self._plan.example_rows[:0]
        for index, rows in chunks(len(self._plan.conditions)):
            kept = rows_kept[(rows_kept >= rows.start) & (rows_kept < rows.stop)] - rows.start
            seed = rng.derive(self._plan.seed, self._model.offer.name, run, index)
            conditions = self._plan.conditions[rows]
            yield Generate(key, run, index, conditions, seed, kept, weights, self._plan.keep)

    def _collect(self, task: Generate, part: Unit) -> None:
        parts = self._parts[task.run]
        if not parts.responses:
            shutil.rmtree(responses_folder(self._path(task.run)), ignore_errors=True)  # of another identity
        if part.lit is not None:
            save_block(self._path(task.run), task.chunk, part.lit)
        parts.put(task.chunk * CHUNK, replace(part, lit=None))
        self._advance(self._model.label, len(part.sums))
        if parts.responses < len(self._plan.conditions):
            return
        whole = self._parts.pop(task.run).unit()
        first = task.run == 0
        unit = replace(
            whole,
            examples=whole.examples if first else None,
            example_rows=self._plan.example_rows if first else None,
            notes=tuple(note for note in whole.notes or () if note not in self._marks) or None,
        )
        save_unit(self._path(task.run), unit, {**self._identity, "run": task.run})
        self._units[task.run] = unit.light()
        self._plan.finished(self._model.label, unit)
        self._end_if_complete()

    def _end_if_complete(self) -> None:
        if not self._parts:
            units = tuple(self._units[run] for run in sorted(self._units))
            self._marks += sorted({note for unit in units for note in unit.notes or ()} - {*self._marks})
            self.outcome = Outcome(
                model=self._model,
                status="ok",
                marks=tuple(self._marks),
                units=units,
                training=self._training,
                identity=self._identity,
                execution=self._execution,
                spent=self._spent,
            )

    def _path(self, run: int) -> Path:
        return unit_path(self._plan.units, self._model.label, f"run{run}")
