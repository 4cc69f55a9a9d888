"""The points of a sweep, computed one by one: here, or side by side in processes of their own.

A point is trained into ``points/NAME/training`` and scored into ``points/NAME/run``. Both resume, so a point
that was cut short goes on where it stood.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UserError, one_line
from ..plugin.registry import Registry, load
from ..plugin.simulators import Progress
from ..plugin.sweeps import SweepPoint
from ..processes.executors import Executor, Local, Processes
from ..processes.workers import Reply
from ..record.protocol import Protocol
from ..record.result import read_result
from ..run.benchmark import run
from ..run.request import Request
from ..run.watch import Watch
from ..training.prepare import prepare, train

Tell = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Job:
    """A point to be trained and scored, or a model that is scored as it comes.

    Attributes:
        name: a point's, or the model's.
        request: of the benchmark, less its models.
        protocol: what the request comes to on these data.
        folder: of the run, or, of a point, of ``training`` and ``run``.
        model: what is scored.
        preset: of the training.
        point: what is to be trained first, if anything.
    """

    name: str
    request: Request
    protocol: Protocol
    folder: Path
    model: str
    preset: str
    point: SweepPoint | None = None

    @property
    def training(self) -> Path:
        """The folder of weights and their record."""
        return self.folder / "training"

    @property
    def run(self) -> Path:
        """The folder of the scores."""
        return self.folder if self.point is None else self.folder / "run"

    def scored(self) -> dict[str, Any] | None:
        """The model's entry in ``result.json``, if it is finished and answers this very request."""
        try:
            result = read_result(self.run)
        except UserError:
            return None
        entry: dict[str, Any] = result["models"][0] if result["models"] else {"name": "", "status": "absent"}
        same = (
            result["protocol"] == self.protocol.as_dict()
            and result["settings"]["runs"] == self.request.runs
            and result["settings"]["seed"] == self.request.seed
            and entry["name"].partition("@")[0] == self.model
        )
        return entry if same and entry["status"] == "ok" else None


def compute(registry: Registry, tell: Tell, job: Job) -> Reply:
    """Train and score; the reply has the one line that says why it failed, if it did."""
    try:
        model = job.model
        if job.point is not None:
            _train(registry, job, job.point, tell)
            model = f"{model}@{job.training}"
        result = run(registry, replace(job.request, models=(model,)), job.run)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a trainer may fail in any way but Ctrl-C
        return Reply(error=one_line(error))
    return Reply(error=result["models"][0]["error"])


def _train(registry: Registry, job: Job, point: SweepPoint, tell: Tell) -> None:
    trainer = registry.simulators[point.model].trainer
    if trainer is None:
        raise UserError(f"model {point.model!r} does not learn")
    asked = prepare(
        registry,
        job.request,
        preset=job.preset,
        seed=point.seed,
        overrides=point.overrides,
        out=job.training,
        watch=Watch(news=tell),
        name=job.name,
    )
    train(trainer, asked, f"simbench sweep, {job.name}")


def compute_all(
    registry: Registry, jobs: Sequence[Job], workers: int, tell: Tell
) -> Generator[tuple[Job, str | None], None, None]:
    """Every job with its error, or ``None``, as it ends; with more than one worker in processes.

    Each has one thread for itself, here too: sums of real numbers can depend on the number of threads.
    Processes load the registry for themselves, and tell nothing of a training. None is left at the end.
    """
    apart = workers > 1 and len(jobs) > 1
    executor: Executor = Processes(_prepare, workers) if apart else Local(partial(compute, registry, tell))
    with executor:
        for job in jobs:
            executor.put(job.name, job)
        for job, reply in executor.replies():
            yield job, reply.error


def _prepare() -> Callable[[Job], Reply]:
    """What a process of its own does with a job."""
    return partial(compute, load(), lambda *_: None)


def point_entry(
    job: Job, point: SweepPoint, entry: Mapping[str, Any] | None, error: str | None
) -> dict[str, Any]:
    """The object that ``sweep.json`` holds for a point; ``entry`` is its model's in ``result.json``."""
    found: dict[str, Any] = {
        "name": point.name,
        "model": point.model,
        "seed": point.seed,
        "parameters": dict(point.parameters),
        "overrides": dict(point.overrides),
        "status": "failed" if entry is None else "ok",
        "error": error,
    }
    if entry is None:
        return found
    kept = (*job.protocol.metrics, "experts", "quartiles", "below_threshold", "marks")
    found |= {name: entry[name] for name in kept if name in entry}
    told = entry.get("training") or {}
    training = {name: told.get(name) for name in ("steps", "best_step", "validation", "parameters")}
    history = told.get("history") or [{}]
    training["seconds"] = history[-1].get("seconds")
    found["training"] = {name: value for name, value in training.items() if value is not None}
    return found
