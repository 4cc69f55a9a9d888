"""The system around a process: in how many threads it may compute, what has failed, memory given back."""

import ctypes
import os
import re
from contextlib import suppress


def threads_allowed() -> int | None:
    """How many threads ``OMP_NUM_THREADS`` allows; ``None`` if it is not set, or says no such number.

    OpenMP takes a list, ``4,2``, for nested regions: the first number is that of the outermost.
    """
    found = re.fullmatch(r"\s*0*([1-9][0-9]{0,5})\s*(,.*)?", os.environ.get("OMP_NUM_THREADS", ""))
    return int(found[1]) if found else None


def give_back() -> None:
    """Give freed memory back to the system, where the C library can: it keeps most for the next arrays."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def told(error: BaseException) -> str:
    """What the system says of an operation that failed, in one line: which file, and why."""
    if isinstance(error, MemoryError):
        return f"the memory is not enough: {error}" if str(error) else "the memory is not enough"
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if name is None:
        return reason
    return f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {reason}"
