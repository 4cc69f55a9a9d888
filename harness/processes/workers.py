"""Processes of our own that do one task after the other, each on one thread.

They are started with the interpreter and the module path of the process that starts them, load the plugins
for themselves, and never outlive it. They import nothing of its main script, and any process may start them,
also one that ``multiprocessing`` forbids to have children, such as a Dask worker.
"""

import ctypes
import importlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

RAISED, ENDED, LATE = "raised", "ended", "late"  # why there is no answer


@dataclass(frozen=True)
class Reply:
    """What becomes of a task.

    Attributes:
        answer: ``None`` if there is none.
        seconds: that it took.
        error: one line that says what went wrong, if anything did.
        reason: why there is no answer: the task ``raised`` an exception, the process that had it ``ended``,
            or it was too ``late`` and the process was ended.
    """

    answer: Any = None
    seconds: float = 0.0
    error: str | None = None
    reason: str | None = None


Handler = Callable[[Any], Reply]

_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Dask sets it for its workers: every array is then given back to the system at once, which doubles the time.
_TRIM = "MALLOC_TRIM_THRESHOLD_"
_IDLE = 600.0  # seconds without a task after which a worker ends: nobody may be left to ask one


class WorkerEndedError(Exception):
    """A worker ended before it replied; the message says how."""


class Worker:
    """A process that makes its handler by ``prepare()`` and then does one task at a time.

    Tasks, replies and ``prepare`` are pickled: both processes are the same user's and trust each other.

    Attributes:
        connection: :func:`multiprocessing.connection.wait` tells when there is something to receive.
        ready: whether it has said so; tasks may be asked from then on.
    """

    def __init__(self, prepare: Callable[[], Handler], one_thread: bool = True) -> None:
        self.connection, theirs = Pipe()
        start = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve"
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", f"{start}; serve({theirs.fileno()})"],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=_environment(one_thread),
        )
        theirs.close()  # the child's is then the only one: the death of either is the end of the pipe
        self.ready = False
        with suppress(OSError):  # of one that has ended already, which is told on receipt
            self.connection.send(prepare)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(self, task: Any) -> None:
        """Send a task.

        Raises:
            WorkerEndedError: there is nobody to do it.
        """
        try:
            self.connection.send(task)
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> Any:
        """Wait for what it says next: ``None`` once, when it is ready, then a :class:`Reply` to every task.

        Raises:
            WorkerEndedError: it has ended instead.
        """
        try:
            said = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        self.ready = True
        return said

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self.connection.close()

    def _ended(self) -> WorkerEndedError:
        return WorkerEndedError(f"its process ended early, with exit status {self._process.wait()}")


def _environment(one_thread: bool) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != _TRIM}
    return inherited | dict.fromkeys(_LIBRARIES if one_thread else (), "1")


def serve(handle: int) -> None:
    """What a worker does; ``handle`` is its end of the pipe. Ctrl-C is its parent's to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection: Connection[Any, Any] = Connection(handle)
    tasks: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_listen, args=(connection, tasks), daemon=True).start()
    do: Handler = tasks.get()()
    connection.send(None)
    while True:
        try:
            task = tasks.get(timeout=_IDLE)
        except Empty:
            return
        connection.send(do(task))


def _listen(connection: "Connection[Any, Any]", tasks: "SimpleQueue[Any]") -> None:
    """Take in tasks; end the process, however busy, when nobody is left who could ask one."""
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)
    except BaseException:  # noqa: BLE001 - a task that cannot be read is never done
        traceback.print_exc()
        os._exit(1)


def one_thread() -> AbstractContextManager[None]:
    """One thread for the numerical libraries of this process: sums of real numbers depend on their number."""
    return with_threads(1)


@contextmanager
def with_threads(wanted: int) -> Iterator[None]:
    """So many threads for the numerical libraries of this process, and for sessions opened within."""
    import torch  # seconds to import

    before, number = os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()
    get_blas, set_blas = _openblas()
    blas_number = get_blas()
    os.environ["OMP_NUM_THREADS"] = str(wanted)
    torch.set_num_threads(wanted)
    set_blas(wanted)
    try:
        yield
    finally:
        set_blas(blas_number)
        torch.set_num_threads(number)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _openblas() -> tuple[Callable[[], int], Callable[[int], None]]:
    """Get and set the threads of NumPy's own OpenBLAS; they do nothing where it uses another library."""
    library = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    for name in ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads"):
        if hasattr(library, name.format("set")):
            return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return lambda: 1, lambda _: None
