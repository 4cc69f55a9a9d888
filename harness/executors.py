"""Where questions are answered: in this process, or in processes beside it.

:mod:`simbench.harness.cluster` has the way to a Dask cluster. A question belongs to a group, the name of a
model or of a training. Groups are begun in the order in which they first had a question, but which answer
comes first is left open: nothing may depend on it.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol, Self

from .errors import UserError
from .workers import Answerer, Worker, WorkerEndedError, one_thread

Left = Callable[[], float | None]  # seconds that the answer to a question may still take


@dataclass(frozen=True)
class Ended:
    """In place of an answer: the process that should have given it has ended, as ``line`` says."""

    line: str


@dataclass(frozen=True)
class Overdue:
    """In place of an answer: it took too long, and the process was ended."""


class Executor(Protocol):
    """Answers questions; leaving its context ends what is still running."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def put(self, group: str, question: Any, left: Left = lambda: None) -> None:
        """Add a question, also while answers are being taken."""

    def drop(self, group: str) -> None:
        """Forget the questions of a group that wait; an answer to one that is running may still come."""

    def answers(self) -> Iterator[tuple[Any, Any]]:
        """Each question with its answer, :class:`Ended` or :class:`Overdue`, until there is none left."""


class Queueing:
    """What the executors of this machine share: the questions that wait, by group."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[Any, Left]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def put(self, group: str, question: Any, left: Left = lambda: None) -> None:
        """Add a question at the end of its group."""
        self._waiting.setdefault(group, deque()).append((question, left))

    def drop(self, group: str) -> None:
        """Forget the questions of a group that wait."""
        self._waiting.get(group, deque()).clear()

    def choose(self, last: str | None = None, taken: Collection[str | None] = ()) -> str | None:
        """The group to take from by one who was at ``last`` while others are at ``taken``, if any waits.

        The same group first, for what it needs is loaded; then one that nobody is at; then any.
        """
        waiting = [group for group, questions in self._waiting.items() if questions]
        return min(waiting, key=lambda group: (group != last, group in taken), default=None)


class Local(Queueing):
    """One question after the other, in this process. None can be interrupted, so none is ever overdue.

    ``threads`` gives the context in which each is answered.
    """

    def __init__(
        self, answer: Answerer, threads: Callable[[], AbstractContextManager[None]] = one_thread
    ) -> None:
        super().__init__()
        self._answer, self._threads = answer, threads

    def answers(self) -> Iterator[tuple[Any, Any]]:
        """Each question with its answer."""
        while (group := self.choose()) is not None:
            question, _ = self._waiting[group].popleft()
            with self._threads():
                answer = self._answer(question)
            yield question, answer


@dataclass(eq=False)
class _Seat:
    """A worker and what it is at."""

    worker: Worker
    group: str | None = None
    question: Any = None
    deadline: float | None = None


class Processes(Queueing):
    """Questions answered side by side in at most ``number`` processes, started as they are needed."""

    def __init__(self, prepare: Callable[[], Answerer], number: int, one_thread: bool = True) -> None:
        super().__init__()
        self._prepare, self._number, self._one_thread = prepare, number, one_thread
        self._seats: list[_Seat] = []
        self._stillborn = 0  # workers in a row that ended before they were ready

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            seat.worker.stop()
        self._seats.clear()

    def answers(self) -> Iterator[tuple[Any, Any]]:
        """Each question with its answer, :class:`Ended` or :class:`Overdue`.

        Raises:
            UserError: workers end before they can be asked anything.
        """
        while True:
            self._assign()
            busy = [seat for seat in self._seats if seat.question is not None or not seat.worker.ready]
            if not busy:
                return
            first = min((seat.deadline for seat in busy if seat.deadline is not None), default=None)
            timeout = None if first is None else max(0.0, first - time.monotonic())
            heard = wait([seat.worker.connection for seat in busy], timeout)
            for seat in busy:
                overdue = seat.deadline is not None and time.monotonic() >= seat.deadline
                if seat.worker.connection in heard or overdue:
                    question, seat.question, seat.deadline = seat.question, None, None
                    answer = self._hear(seat) if seat.worker.connection in heard else self._end(seat)
                    if question is not None:
                        yield question, answer

    def _assign(self) -> None:
        """Give a question to every worker that waits for one, and start workers for those that are left."""
        for seat in [seat for seat in self._seats if seat.worker.ready and seat.question is None]:
            taken = [other.group for other in self._seats if other is not seat]
            group = self.choose(seat.group, taken)
            if group is None:
                return
            question, left = self._waiting[group][0]
            try:
                seat.worker.ask(question)
            except WorkerEndedError:  # while it was idle: another one is started
                self._end(seat)
                continue
            self._waiting[group].popleft()
            limit = left()
            seat.group, seat.question = group, question
            seat.deadline = None if limit is None else time.monotonic() + limit
        starting = sum(not seat.worker.ready for seat in self._seats)
        wanted = sum(map(len, self._waiting.values())) - starting
        for _ in range(min(wanted, self._number - len(self._seats))):
            self._seats.append(_Seat(Worker(self._prepare, self._one_thread)))

    def _hear(self, seat: _Seat) -> Any:
        starting = not seat.worker.ready
        try:
            answer = seat.worker.receive()
        except WorkerEndedError as error:
            self._end(seat)
            self._stillborn += starting
            if self._stillborn > self._number:
                raise UserError(f"cannot start a worker: {error}") from None
            return Ended(str(error))
        self._stillborn = 0
        return answer

    def _end(self, seat: _Seat) -> Overdue:
        seat.worker.stop()
        self._seats.remove(seat)
        return Overdue()
