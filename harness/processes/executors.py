"""Where tasks are done: in this process, or in processes beside it.

:mod:`.cluster` has the way to a Dask cluster. A task belongs to a group, the name of a
model or of a training. Groups are begun in the order in which they first had a task, but which reply
comes first is left open: nothing may depend on it.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from multiprocessing.connection import wait
from typing import Any, Protocol, Self

from ..errors import UserError
from .workers import ENDED, LATE, Handler, Reply, Worker, WorkerEndedError, one_thread

Left = Callable[[], float | None]  # seconds that a task may still take


class Executor(Protocol):
    """Does tasks; leaving its context ends what is still running."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def put(self, group: str, task: Any, left: Left = lambda: None) -> None:
        """Add a task, also while replies are being taken."""

    def drop(self, group: str) -> None:
        """Forget the tasks of a group that wait; a reply to one that is running may still come."""

    def replies(self) -> Iterator[tuple[Any, Reply]]:
        """Each task with its reply, until there is none left."""


class Queueing:
    """What the executors of this machine share: the tasks that wait, by group."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[Any, Left]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def put(self, group: str, task: Any, left: Left = lambda: None) -> None:
        """Add a task at the end of its group."""
        self._waiting.setdefault(group, deque()).append((task, left))

    def drop(self, group: str) -> None:
        """Forget the tasks of a group that wait."""
        self._waiting.get(group, deque()).clear()

    def choose(self, last: str | None = None, taken: Collection[str | None] = ()) -> str | None:
        """The group to take from by one who was at ``last`` while others are at ``taken``, if any waits.

        The same group first, for what it needs is loaded; then one that nobody is at; then any.
        """
        waiting = [group for group, tasks in self._waiting.items() if tasks]
        return min(waiting, key=lambda group: (group != last, group in taken), default=None)


class Local(Queueing):
    """One task after the other, in this process. None can be interrupted, so none is ever overdue.

    ``threads`` gives the context in which each is done.
    """

    def __init__(
        self, handle: Handler, threads: Callable[[], AbstractContextManager[None]] = one_thread
    ) -> None:
        super().__init__()
        self._handle, self._threads = handle, threads

    def replies(self) -> Iterator[tuple[Any, Reply]]:
        """Each task with its reply."""
        while (group := self.choose()) is not None:
            task, _ = self._waiting[group].popleft()
            with self._threads():
                reply = self._handle(task)
            yield task, reply


class _AtWork(Worker):
    """A worker, and what it is at."""

    def __init__(self, prepare: Callable[[], Handler], one_thread: bool) -> None:
        super().__init__(prepare, one_thread)
        self.group: str | None = None
        self.task: Any = None
        self.deadline: float | None = None


class Processes(Queueing):
    """Tasks done side by side in at most ``number`` processes, started as they are needed."""

    def __init__(self, prepare: Callable[[], Handler], number: int, one_thread: bool = True) -> None:
        super().__init__()
        self._prepare, self._number, self._one_thread = prepare, number, one_thread
        self._workers: list[_AtWork] = []
        self._stillborn = 0  # workers in a row that ended before they were ready

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def replies(self) -> Iterator[tuple[Any, Reply]]:
        """Each task with its reply.

        Raises:
            UserError: workers end before they can be asked anything.
        """
        while True:
            self._assign()
            busy = [worker for worker in self._workers if worker.task is not None or not worker.ready]
            if not busy:
                return
            first = min((worker.deadline for worker in busy if worker.deadline is not None), default=None)
            timeout = None if first is None else max(0.0, first - time.monotonic())
            heard = wait([worker.connection for worker in busy], timeout)
            for worker in busy:
                overdue = worker.deadline is not None and time.monotonic() >= worker.deadline
                if worker.connection in heard or overdue:
                    task, worker.task, worker.deadline = worker.task, None, None
                    reply = self._hear(worker) if worker.connection in heard else self._end(worker)
                    if task is not None:
                        yield task, reply

    def _assign(self) -> None:
        """Give a task to every worker that waits for one, and start workers for those that are left."""
        for worker in [worker for worker in self._workers if worker.ready and worker.task is None]:
            taken = [other.group for other in self._workers if other is not worker]
            group = self.choose(worker.group, taken)
            if group is None:
                return
            task, left = self._waiting[group][0]
            try:
                worker.ask(task)
            except WorkerEndedError:  # while it was idle: another one is started
                self._end(worker)
                continue
            self._waiting[group].popleft()
            limit = left()
            worker.group, worker.task = group, task
            worker.deadline = None if limit is None else time.monotonic() + limit
        starting = sum(not worker.ready for worker in self._workers)
        wanted = sum(map(len, self._waiting.values())) - starting
        for _ in range(min(wanted, self._number - len(self._workers))):
            self._workers.append(_AtWork(self._prepare, self._one_thread))

    def _hear(self, worker: _AtWork) -> Reply:
        starting = not worker.ready
        try:
            reply: Reply = worker.receive()
        except WorkerEndedError as error:
            self._end(worker)
            self._stillborn += starting
            if self._stillborn > self._number:
                raise UserError(f"cannot start a worker: {error}") from None
            return Reply(error=str(error), reason=ENDED)
        self._stillborn = 0
        return reply

    def _end(self, worker: _AtWork) -> Reply:
        worker.stop()
        self._workers.remove(worker)
        return Reply(reason=LATE)
