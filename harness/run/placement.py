"""Where a run is computed, as asked for: the device, and in which processes."""

import math
import os
from contextlib import nullcontext
from dataclasses import dataclass

from ..errors import UserError
from ..plugin.registry import Registry
from ..processes.cluster import Cluster
from ..processes.executors import Executor, Local, Processes
from ..score.scorer import Scorer, prepare_scorer
from .tasks import TaskRunner, prepare

EXECUTORS = ("local", "processes", "dask")


@dataclass(frozen=True)
class Placement:
    """The options ``--executor``, ``--workers``, ``--scheduler`` and ``--timeout``.

    Attributes:
        executor: one of :data:`EXECUTORS`.
        workers: of ``processes``; ``None``: as many as this process may use cores.
        scheduler: the address of the one of ``dask``.
        timeout: seconds that a model may take, all its tasks together; again that many to be timed.
    """

    executor: str = "local"
    workers: int | None = None
    scheduler: str | None = None
    timeout: float | None = None

    def check(self) -> None:
        """Raise UserError for options that are out of range or do not go together."""
        if self.executor not in EXECUTORS:
            raise UserError(f"unknown executor {self.executor!r}; known: {', '.join(EXECUTORS)}")
        for option, value, executor in (
            ("--workers", self.workers, "processes"),
            ("--scheduler", self.scheduler, "dask"),
        ):
            if value is not None and self.executor != executor:
                raise UserError(f"{option} is for --executor {executor}, found --executor {self.executor}")
        if self.executor == "dask" and not self.scheduler:
            raise UserError("--executor dask needs --scheduler ADDRESS")
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers should be at least 1, found {self.workers}")
        if self.timeout is not None and not 0 < self.timeout < math.inf:
            raise UserError(f"--timeout should be a number of seconds above 0, found {self.timeout:g}")

    @property
    def number(self) -> int:
        """How many tasks are done side by side; of a cluster it is not known here, and 1."""
        return (self.workers or _cores()) if self.executor == "processes" else 1

    def to_generate(self, registry: Registry) -> Executor:
        """One thread a process, in every one of them: nothing but the time depends on the choice.

        A call that hangs cannot be interrupted from within its process: with a timeout, ``local`` means a
        single process beside this one.

        Raises:
            UserError: Dask is not installed, or the scheduler cannot be reached.
        """
        if self.executor == "dask":
            return Cluster(str(self.scheduler), prepare)
        if self.executor == "processes":
            return Processes(prepare, self.workers or _cores())
        return Local(TaskRunner(registry)) if self.timeout is None else Processes(prepare, 1)

    def to_score(self, registry: Registry) -> Executor:
        """Where the folder of units is: on this machine, one thread a process."""
        if self.executor == "processes":
            return Processes(prepare_scorer, self.workers or _cores())
        return Local(Scorer(registry)) if self.timeout is None else Processes(prepare_scorer, 1)

    def to_time(self, registry: Registry) -> Executor:
        """One task after the other on this machine, with the threads that the user allows."""
        if self.timeout is None:
            return Local(TaskRunner(registry), threads=nullcontext)
        return Processes(prepare, 1, one_thread=False)


def _cores() -> int:
    """How many this process may use, which a batch system may have made fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_device(device: str) -> str:
    """``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: the name is another, or no CUDA device is to be had.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"unknown device {device!r}; known: auto, cpu, cuda")
    if device == "cpu":
        return device
    import torch  # seconds to import, and needed only to ask for CUDA

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise UserError("--device cuda: PyTorch finds no CUDA device here")
    return "cpu"
