"""Reads a pickle in a process of its own, with limits.

Called with FILE FOLDER SECONDS BYTES, it prints one JSON object: where the numbers are
(:func:`.content.describe`), or ``{"refused": reason}``. A file that is gzip-compressed
is first unpacked into the folder. It imports neither NumPy nor pandas, and its memory does not grow with the
arrays.
"""

import gzip
import json
import shutil
import sys
import zlib
from contextlib import suppress
from pathlib import Path

from .content import Description, describe
from .records import RefusedError

MEMORY = 256 * 2**20  # bytes; arrays and tables need a tenth of it, only a host of small objects needs more


def limit(seconds: int, written: int) -> None:
    """Bound this process: memory, processor time and the size of a file it writes; it starts no other."""
    with suppress(ImportError):
        import resource

        for what, bound in (
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, written),
            (resource.RLIMIT_NOFILE, 16),
            (resource.RLIMIT_NPROC, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):  # of a system that has no such limit, or a lower one
                resource.setrlimit(what, (bound, bound + 1))  # the soft one first, whose signal tells which


def answer(path: Path, folder: Path) -> Description:
    """What the process prints."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        return describe(_unzipped(path, folder / "unzipped.pkl") if zipped else path, folder)
    except RefusedError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"needs more than {MEMORY >> 20} MiB of memory, which no array or table does"}
    except OSError as error:
        return {"refused": f"cannot be read: {error.strerror or error}"}


def _unzipped(path: Path, out: Path) -> Path:
    try:
        with gzip.open(path) as packed, out.open("wb") as file:
            shutil.copyfileobj(packed, file, 2**20)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RefusedError(f"damaged, cannot be decompressed: {error}") from error
    return out


def main() -> None:
    """Answer what the command line asks."""
    path, folder, seconds, written = sys.argv[1:]
    limit(int(seconds), int(written))
    print(json.dumps(answer(Path(path), Path(folder))))  # noqa: T201 - this is how it answers
