"""How much of the machine other processes leave: measured, for a timing is worth no more than that."""

import hashlib
import threading
import time
from dataclasses import dataclass

from ..system import threads_allowed

_SECONDS = 0.1  # that every thread computes
_BLOCK = bytes(1 << 16)  # hashing it releases Python's lock
_ROUNDED = 0.75  # of a core that is free count as one


@dataclass(frozen=True)
class Contention:
    """What was found.

    Attributes:
        cores: as many threads computed, each without waiting for another.
        free: how many of them the system ran at once, on average.
    """

    cores: int
    free: float

    @property
    def threads(self) -> int:
        """With how many to time: what ``OMP_NUM_THREADS`` says, else as many as have a core of their own."""
        return threads_allowed() or max(1, int(self.free + 1 - _ROUNDED))


def look(cores: int) -> Contention:
    """Compute on so many threads for a tenth of a second, and see how many of them the system lets run."""
    shares: list[float] = []
    start = threading.Barrier(cores)

    def compute() -> None:
        start.wait()
        begun, used = time.monotonic(), time.thread_time()
        while time.monotonic() - begun < _SECONDS:
            hashlib.sha256(_BLOCK)
        shares.append((time.thread_time() - used) / (time.monotonic() - begun))

    threads = [threading.Thread(target=compute) for _ in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Contention(cores, round(sum(shares), 2))
