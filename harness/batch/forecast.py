"""What a run would do, how long it would take and how much memory, before it starts.

The run's own plan is made and its models are opened, so that what is found to be done is what a run would
find; then no task is done. Seconds come from what earlier runs have kept
(:mod:`simbench.harness.record.spent`), else from a few hundred responses that are generated and scored here.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.open import load_rows
from ..data.unit import Unit
from ..errors import UserError
from ..files import read_json
from ..models.names import parse_models
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..processes.executors import Left, Local
from ..record.protocol import CHUNK, Protocol, require_same
from ..record.spent import peak_memory, read_spent
from ..run import timing
from ..run.opening import Opened, chosen_metrics, open_asked, plan_of
from ..run.placement import resolve_device
from ..run.request import Request
from ..run.runner import Outcome, run_models
from ..run.tasks import Generate, TaskRunner
from ..run.watch import Watch
from ..score.evaluate import Measured, scored, scored_by
from ..score.leaderboard import BY

CALIBRATED = 512  # responses of a model
WARM_UP = 64  # before these: to load, compile and fill caches
_SIZES = (512, 2048)  # responses that a metric is tried on
_COPIES = 6  # of a chunk's responses, of four bytes a pixel, that are held at once; and of all units
HERE = "calibrated"


@dataclass(frozen=True)
class Cost:
    """What a model, or a metric, has still to be done.

    Attributes:
        name: its label.
        there: responses of finished runs that a run would keep; of a metric none.
        responses: to be generated, or runs to be scored.
        tasks: those in chunks, or runs.
        seconds: in one process; ``None`` if nobody knows.
        source: what tells the seconds: a folder, or :data:`HERE`.
        problem: why a model would fail, or a metric cannot be tried.
    """

    name: str
    there: int = 0
    responses: int = 0
    tasks: int = 0
    seconds: float | None = 0.0
    source: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Forecast:
    """What a run would do and cost.

    Attributes:
        detector: whose responses.
        responses: of the test part.
        models, metrics: what each has to do.
        begin: seconds to open the data and the models.
        page: and to tell models apart and write the tables and the page, none of a part.
        workers: that generate and score side by side.
        memory_mb: of all processes, at most.
    """

    detector: str
    responses: int
    models: tuple[Cost, ...]
    metrics: tuple[Cost, ...]
    begin: float
    page: float
    workers: int
    memory_mb: float | None

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.begin + self.work / self.workers + self.page

    @property
    def work(self) -> float:
        """Seconds of one process that generates and scores."""
        return sum(cost.seconds or 0.0 for cost in (*self.models, *self.metrics))


class _Asking(Local):
    """Opens models; what they would be asked to generate is noted, and not done."""

    def __init__(self, handle: TaskRunner) -> None:
        super().__init__(handle)
        self.asked: dict[str, list[Generate]] = {}

    def put(self, group: str, task: Any, left: Left = lambda: None) -> None:
        if isinstance(task, Generate):
            self.asked.setdefault(group, []).append(task)
        else:
            super().put(group, task, left)


def forecast(
    registry: Registry, request: Request, out: Path, like: Path | None = None, watch: Watch | None = None
) -> Forecast:
    """What ``simbench run`` would do with this request and folder. Nothing is written to the folder.

    Args:
        registry: the plugins.
        request: what would be asked for.
        out: the folder of the run, of which what is there would be kept.
        like: the folder of an earlier run that tells what models and metrics cost; else ``out`` itself does.
        watch: is told how the data are made, and the models and metrics tried.

    Raises:
        UserError: what a run would refuse.
    """
    begun, watch = time.monotonic(), watch or Watch()
    request.check()
    detector = registry.detectors[request.detector]
    detector.channel_map(request.channels)
    metrics = chosen_metrics(registry, request.metrics) if request.scoring else []
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    known = read_spent(like) if like is not None else _told_by(out)
    with open_asked(registry, detector, request, watch) as data:
        opened = Opened.of(data, request, detector, metrics)
        head = out / "units" / "protocol.json"
        if request.resume and head.exists():
            require_same(read_json(head), opened.protocol.as_dict(), str(out), ignore=("metrics",))
        units = out / "units" if request.resume else out / ".none"
        plan = plan_of(registry, request, context, models, opened, units)
        handle = TaskRunner(registry)
        executor, there = _Asking(handle), {model.label: 0 for model in models}

        def kept(label: str, responses: int) -> None:
            there[label] += responses

        outcomes = {each.model.label: each for each in run_models(models, plan, executor, kept)}
        reference = load_rows(data, opened.rows, plan.projection)
        begin = time.monotonic() - begun
        learned = opened.learned[: _SIZES[-1]]
        training = load_rows(data, learned, plan.projection) if len(learned) else None
    costs = []
    for number, model in enumerate(models):
        asked = executor.asked.get(model.label, [])
        cost = _cost_of_model(model.label, asked, outcomes.get(model.label), known, str(like or out), handle)
        costs.append(replace(cost, there=there[model.label]))
        watch.scored(number + 1, len(models) + len(metrics))
    ready = {cost.name for cost in costs if cost.problem is None}
    runs = [len(plan.runs[label]) for label in ready] if request.part is None else []
    scores = []
    for number, metric in enumerate(metrics if sum(runs) else []):
        todo = sum(count if metric.runs is None else min(count, metric.runs) for count in runs)
        scores.append(
            _cost_of_metric(metric, todo, reference, training, opened.protocol, known, str(like or out))
        )
        watch.scored(len(models) + number + 1, len(models) + len(metrics))
    tasks = max(1, sum(cost.tasks for cost in costs), sum(cost.tasks for cost in scores))
    workers = min(tasks, request.placement.number)
    return Forecast(
        detector=detector.name,
        responses=len(reference.sums),
        models=tuple(costs),
        metrics=tuple(scores),
        begin=begin,
        page=0.0 if request.part is not None else _page(known, len(ready)) + _apart(scores, len(ready)),
        workers=workers,
        memory_mb=_memory(
            reference, detector.shape, workers if request.placement.executor == "processes" else 0
        ),
    )


def _told_by(folder: Path) -> Mapping[str, Any]:
    with suppress(UserError):
        return read_spent(folder)
    return {"models": {}, "metrics": {}}


def _page(known: Mapping[str, Any], models: int) -> float:
    """Seconds of tables and page: as before, or by how fast this machine does a fixed amount of work.

    The page of three models took 45 times as long as that work, the one of twelve 90 times.
    """
    if "page" in known:
        return float(known["page"]["seconds"])
    timing.work()
    begun = time.monotonic()
    timing.work()
    return (time.monotonic() - begun) * (30 + 5 * models)


def _apart(scores: Sequence[Cost], models: int) -> float:
    """Seconds to tell models apart by what they are ranked by: as long as to score them by it."""
    return sum(cost.seconds or 0.0 for cost in scores if cost.name in BY) if models > 1 else 0.0


def _cost_of_model(
    label: str,
    asked: Sequence[Generate],
    outcome: Outcome | None,
    known: Mapping[str, Any],
    where: str,
    handle: TaskRunner,
) -> Cost:
    if outcome is not None and outcome.status != "ok":
        return Cost(label, problem=outcome.error)
    if not asked:
        return Cost(label)
    responses = sum(len(task.conditions) for task in asked)
    if label in known["models"]:
        told = known["models"][label]
        seconds = told["seconds"] / told["responses"] * responses
        return Cost(label, 0, responses, len(asked), seconds, where)
    tries = Local(handle)
    first = asked[0]
    rows = [first.conditions[:count] for count in (WARM_UP, CALIBRATED)]
    for conditions in rows:
        tries.put(label, replace(first, conditions=conditions, examples=np.zeros(0, np.int64)))
    replies = [reply for _, reply in tries.replies()]
    error = next((reply.error for reply in replies if reply.error is not None), None)
    if error is not None:
        return Cost(label, 0, responses, len(asked), None, HERE, error)
    return Cost(label, 0, responses, len(asked), replies[-1].seconds / len(rows[-1]) * responses, HERE)


def _cost_of_metric(
    metric: Metric,
    runs: int,
    reference: Unit,
    training: Unit | None,
    protocol: Protocol,
    known: Mapping[str, Any],
    where: str,
) -> Cost:
    count = len(reference.sums)
    if metric.name in known["metrics"]:
        told = known["metrics"][metric.name]
        seconds = told["seconds"] / told["runs"] * count / told["responses"] * runs
        return Cost(metric.name, 0, runs, runs, seconds, where)
    tried: list[tuple[int, float]] = []
    for size in dict.fromkeys(min(size, count) for size in _SIZES):
        part = _rows(reference, slice(size))
        other = _rows(reference, slice(None, -size - 1, -1))  # a classifier of equal responses has no work
        run = scored(part, other, protocol.as_dict(), training)
        begun = time.monotonic()
        found: Measured = scored_by(metric, [run])
        tried.append((size, time.monotonic() - begun))
        if found[1] is not None:
            return Cost(metric.name, 0, runs, runs, None, HERE, found[1])
    (small, little), (large, much) = tried[0], tried[-1]
    growth = max(0.0, (much - little) / (large - small)) if large > small else 0.0
    return Cost(metric.name, 0, runs, runs, (much + growth * (count - large)) * runs, HERE)


def _rows(unit: Unit, rows: slice) -> Unit:
    """Some responses of a reference."""
    named = ("particle", "conditions", "observables")
    cut: dict[str, Any] = {
        name: None if (one := getattr(unit, name)) is None else one[rows] for name in named
    }
    return replace(unit, sums=unit.sums[rows], examples=None, example_rows=None, **cut)


def _memory(reference: Unit, shape: tuple[int, int], apart: int) -> float | None:
    """MB at most: of what this process has held, and what whole chunks and units take besides."""
    here = peak_memory()
    if here is None:
        return None
    observed = 0 if reference.observables is None else reference.observables.nbytes
    chunk = min(CHUNK, len(reference.sums)) * shape[0] * shape[1] * 4
    more = _COPIES * (chunk + reference.sums.nbytes + observed) / 2**20
    return (here + more) * (1 + apart)
