"""The points of a sweep, computed one by one: here, or side by side in processes of their own.

A point is trained into ``points/NAME/training`` and scored into ``points/NAME/run``. Both resume, so a point
that was cut short goes on where it stood.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread
from typing import Any

from .benchmark import Request, run
from .errors import UserError, one_line
from .folder import read_result
from .hooks import Progress, SweepPoint
from .protocol import Protocol
from .registry import Registry, load
from .training import prepare

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


def compute(registry: Registry, job: Job, tell: Tell) -> str | None:
    """Train and score; the one line that says why it failed, or ``None``."""
    try:
        model = job.model
        if job.point is not None:
            _train(registry, job, job.point, tell)
            model = f"{model}@{job.training}"
        result = run(registry, replace(job.request, models=(model,)), job.run)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a trainer may fail in any way but Ctrl-C
        return one_line(error)
    error_line: str | None = result["models"][0]["error"]
    return error_line


def _train(registry: Registry, job: Job, point: SweepPoint, tell: Tell) -> None:
    trainer = registry.simulators[point.model].trainer
    if trainer is None:
        raise UserError(f"model {point.model!r} does not learn")
    asked = prepare(
        registry,
        registry.detectors[job.request.detector],
        data=job.request.data,
        min_photons=job.request.min_photons,
        split=job.request.split,
        split_seed=job.request.split_seed,
        preset=job.preset,
        seed=point.seed,
        overrides=point.overrides,
        out=job.training,
        device=job.request.device,
        progress=lambda news: tell(job.name, news),
        making=lambda *_: None,
    )
    trainer(asked)


@contextmanager
def compute_all(
    registry: Registry, jobs: Sequence[Job], workers: int, tell: Tell
) -> Iterator[Iterator[tuple[Job, str | None]]]:
    """Every job with its error, or ``None``, as it ends; with more than one worker in spawned processes.

    Each has one thread for itself, here too: sums of real numbers can depend on the number of threads.
    Processes load the registry for themselves, and tell nothing of a training. None is left at the end.
    """
    with _one_thread():
        if workers > 1 and len(jobs) > 1:
            with closing(_in_processes(jobs, workers)) as ended:
                yield ended
        else:
            yield ((job, compute(registry, job, tell)) for job in jobs)


def _in_processes(jobs: Sequence[Job], workers: int) -> Generator[tuple[Job, str | None], None, None]:
    spawn = multiprocessing.get_context("spawn")
    waiting = deque(jobs)
    running: dict[Any, tuple[SpawnProcess, Job]] = {}  # by the end of the pipe from each
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                receiver, sender = spawn.Pipe(duplex=False)
                process = spawn.Process(target=_work, args=(job, sender))
                process.start()
                sender.close()  # the child's is then the only one: its death is the end of the pipe
                running[receiver] = process, job
            ready: list[Any] = wait(list(running))
            for receiver in ready:
                process, job = running.pop(receiver)
                try:
                    error = receiver.recv()
                except EOFError:
                    process.join()
                    error = f"its process ended early, with exit status {process.exitcode}"
                process.join()
                yield job, error
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()


def _work(job: Job, sender: Connection) -> None:
    """What a process does; Ctrl-C is its parent's to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    sender.send(compute(load(), job, lambda *_: None))


def _end_with_parent() -> None:
    """A sweep that was killed leaves no training behind that would write beside the next one's."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for numerical libraries, in this process and those that it starts."""
    import torch  # seconds to import

    before, number = os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(number)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


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
