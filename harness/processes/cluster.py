"""Tasks done on a Dask cluster that is already there, by processes of our own beside its workers.

A Dask worker only hands a task on to one of our processes: that one has a single thread whatever the
cluster's settings, can be ended when it takes too long, and takes no cluster with it when it dies. Tasks
and replies travel through the scheduler: workers need simbench and the plugins, but neither the dataset nor
the folder of the results.
"""

import importlib
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import Any, Self

from ..errors import UserError, one_line
from .executors import Left
from .workers import ENDED, LATE, Handler, Reply, Worker, WorkerEndedError

CONNECT = 10.0  # seconds to wait for the scheduler

# In the process of a Dask worker: ours of each run, and which of them wait for a task.
_workers: dict[str, list[Worker]] = {}
_idle: dict[str, list[Worker]] = {}
_lock = Lock()


class Cluster:
    """Tasks done wherever a Dask scheduler has a free worker; it waits until there is one.

    The cluster asks another worker when one is lost, as often as it is configured to.

    Raises:
        UserError: Dask is not installed, or the scheduler cannot be reached.
    """

    def __init__(self, address: str, prepare: Callable[[], Handler]) -> None:
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
        self._run = f"simbench-{socket.gethostname()}-{secrets.token_hex(8)}"
        self._ranks: dict[str, int] = {}
        self._asked: dict[str, tuple[str, Any]] = {}  # group and task, by the key of the future
        self._futures: dict[str, Any] = {}
        self._completed = distributed.as_completed(loop=self._client.loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # of a cluster that is gone
            self._client.cancel(list(self._futures.values()), force=True)
            self._client.run(release, self._run, on_error="ignore")
        self._client.close()

    def put(self, group: str, task: Any, left: Left = lambda: None) -> None:
        """Submit a task; groups that came first go first."""
        key = f"{self._run}-{len(self._asked)}"
        self._asked[key] = group, task
        rank = self._ranks.setdefault(group, len(self._ranks))
        future = self._client.submit(
            do, self._run, self._prepare, task, left(), key=key, pure=False, priority=-rank
        )
        self._futures[key] = future
        self._completed.add(future)

    def drop(self, group: str) -> None:
        """Take back the tasks of a group that are not done."""
        keys = [key for key in self._futures if self._asked[key][0] == group]
        self._client.cancel([self._futures.pop(key) for key in keys])

    def replies(self) -> Iterator[tuple[Any, Reply]]:
        """Each task with its reply.

        Raises:
            UserError: the scheduler is lost.
        """
        for future in self._completed:
            if future.key not in self._futures:
                continue  # taken back
            _, task = self._asked[future.key]
            if future.status == "pending":  # its reply was lost with a worker and is computed again
                self._completed.add(future)
                continue
            if future.status == "cancelled":
                raise UserError(f"the Dask scheduler at {self._address} is lost; start again to resume")
            del self._futures[future.key]
            if future.status == "error":
                yield (
                    task,
                    Reply(error=f"its Dask worker failed: {one_line(future.exception())}", reason=ENDED),
                )
            else:
                yield task, future.result()


def do(run: str, prepare: Callable[[], Handler], task: Any, limit: float | None) -> Reply:
    """What a Dask worker does: have a process of ours do a task within ``limit`` seconds."""
    worker = _take(run, prepare)
    try:
        if not worker.ready:
            worker.receive()
        worker.ask(task)
        if not worker.connection.poll(limit):
            worker.stop()
            return Reply(reason=LATE)
        found: Reply = worker.receive()
    except (WorkerEndedError, OSError) as error:  # OSError: it was stopped by release
        worker.stop()
        return Reply(error=str(error), reason=ENDED)
    with _lock:
        _idle.setdefault(run, []).append(worker)
    return found


def _take(run: str, prepare: Callable[[], Handler]) -> Worker:
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
