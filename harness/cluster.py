"""Questions answered on a Dask cluster that is already there, by processes of our own beside its workers.

A Dask worker only hands a question on to one of our processes: that one has a single thread whatever the
cluster's settings, can be ended when it takes too long, and takes no cluster with it when it dies. Questions
and answers travel through the scheduler: workers need simbench and the plugins, but neither the dataset nor
the folder of the results.
"""

import importlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import Any, Self

from .errors import UserError, one_line
from .executors import Ended, Left, Overdue
from .workers import Answerer, Worker, WorkerEndedError

CONNECT = 10.0  # seconds to wait for the scheduler

# In the process of a Dask worker: ours of each run, and which of them wait for a question.
_workers: dict[str, list[Worker]] = {}
_idle: dict[str, list[Worker]] = {}
_lock = Lock()


class Cluster:
    """Questions answered wherever a Dask scheduler has a free worker; it waits until there is one.

    The cluster asks another worker when one is lost, as often as it is configured to.

    Raises:
        UserError: Dask is not installed, or the scheduler cannot be reached.
    """

    def __init__(self, address: str, prepare: Callable[[], Answerer]) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise UserError(
                f"--executor dask needs Dask: pip install 'simbench-hep[dask]' ({one_line(error)})"
            ) from error
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"--scheduler {address}: no Dask scheduler answers there") from error
        self._address, self._prepare = address, prepare
        self._run = f"simbench-{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
        self._ranks: dict[str, int] = {}
        self._asked: dict[str, tuple[str, Any]] = {}  # group and question, by the key of the future
        self._futures: dict[str, Any] = {}
        self._completed = distributed.as_completed(loop=self._client.loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # of a cluster that is gone
            self._client.cancel(list(self._futures.values()), force=True)
            self._client.run(release, self._run, on_error="ignore")
        self._client.close()

    def put(self, group: str, question: Any, left: Left = lambda: None) -> None:
        """Submit a question; groups that came first go first."""
        key = f"{self._run}-{len(self._asked)}"
        self._asked[key] = group, question
        rank = self._ranks.setdefault(group, len(self._ranks))
        future = self._client.submit(
            answer, self._run, self._prepare, question, left(), key=key, pure=False, priority=-rank
        )
        self._futures[key] = future
        self._completed.add(future)

    def drop(self, group: str) -> None:
        """Take back the questions of a group that are not answered."""
        keys = [key for key in self._futures if self._asked[key][0] == group]
        self._client.cancel([self._futures.pop(key) for key in keys])

    def answers(self) -> Iterator[tuple[Any, Any]]:
        """Each question with its answer, :class:`Ended` or :class:`Overdue`.

        Raises:
            UserError: the scheduler is lost.
        """
        for future in self._completed:
            if future.key not in self._futures:
                continue  # taken back
            _, question = self._asked[future.key]
            if future.status == "pending":  # its answer was lost with a worker and is computed again
                self._completed.add(future)
                continue
            if future.status == "cancelled":
                raise UserError(f"the Dask scheduler at {self._address} is lost; start again to resume")
            del self._futures[future.key]
            if future.status == "error":
                yield question, Ended(f"its Dask worker failed: {one_line(future.exception())}")
            else:
                yield question, future.result()


def answer(run: str, prepare: Callable[[], Answerer], question: Any, limit: float | None) -> Any:
    """What a Dask worker does: have a process of ours answer within ``limit`` seconds."""
    worker = _take(run, prepare)
    try:
        if not worker.ready:
            worker.receive()
        worker.ask(question)
        if not worker.connection.poll(limit):
            worker.stop()
            return Overdue()
        found = worker.receive()
    except (WorkerEndedError, OSError) as error:  # OSError: it was stopped by release
        worker.stop()
        return Ended(str(error))
    with _lock:
        _idle.setdefault(run, []).append(worker)
    return found


def _take(run: str, prepare: Callable[[], Answerer]) -> Worker:
    with _lock:
        while _idle.get(run):
            worker = _idle[run].pop()
            if worker.alive:
                return worker
        worker = Worker(prepare)
        _workers.setdefault(run, []).append(worker)
    return worker


def release(run: str) -> None:
    """End all processes of a run on this Dask worker."""
    with _lock:
        _idle.pop(run, None)
        workers = _workers.pop(run, [])
    for worker in workers:
        worker.stop()
