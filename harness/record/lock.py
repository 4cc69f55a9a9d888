"""A folder of results is written to by one process at a time.

The system's own lock on a file (``flock``) tells whether its holder lives, also across containers, and goes
with it. Where the file was left by another machine, whose locks this one may not see, its holder counts as
alive as long as the file is written to: watched here, for the clocks of two machines need not agree.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from ..errors import UserError
from ..files import make_folder, remove_parts

try:
    import fcntl
except ImportError:  # a system without it: the file alone tells
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
BEAT = 5.0  # seconds between signs of life
DEAD = 20.0  # seconds without one, after which a holder on another machine is taken for dead


@contextmanager
def held(folder: Path, command: str) -> Iterator[None]:
    """Hold a folder, made if need be, while a command writes to it; what killed ones left half is removed.

    Raises:
        UserError: another process holds it; tells which, where, and what to do if that is gone.
    """
    make_folder(folder)
    path = folder / LOCK
    file = _taken(path, folder)
    token = secrets.token_hex(8)
    about = {
        "host": socket.gethostname(),
        "boot": _boot(),
        "process": os.getpid(),
        "command": command,
        "token": token,
    }
    done = threading.Event()
    beating = threading.Thread(target=_beat, args=(file, about, done), daemon=True)
    try:
        _write(file, about, 0)
        beating.start()
        for each in (folder, folder / "units"):
            remove_parts(each)
        yield
    finally:
        done.set()
        if beating.is_alive():
            beating.join()
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                path.unlink()
        with suppress(OSError):
            file.close()


def _taken(path: Path, folder: Path) -> IO[bytes]:
    """The lock's file, held."""
    while True:
        file = path.open("a+b", buffering=0)
        try:
            alone = _alone(file)
            if alone is False:
                _refuse(_read(path), path, folder)
            if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.close()  # its holder has just removed it: there may be a newer one
                continue
            before = _read(path)
            unseen = alone is None or before.get("boot") != _boot()  # its lock, if it has one
            if before and unseen and _beats(path, before):
                _refuse(before, path, folder)
        except BaseException:
            file.close()
            raise
        return file


def _alone(file: IO[bytes]) -> bool | None:
    """Whether the system gives this process the lock; ``None`` where it has none: the file has to tell."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _beats(path: Path, before: dict[str, Any]) -> bool:
    """Whether the holder that a file tells of writes to it."""
    waited = time.monotonic() + DEAD
    while time.monotonic() < waited:
        time.sleep(min(BEAT, DEAD) / 5)
        now = _read(path)
        if now and now != before:
            return True
    return False


def _beat(file: IO[bytes], about: dict[str, Any], done: threading.Event) -> None:
    count = 0
    while not done.wait(BEAT):
        count += 1
        with suppress(OSError, ValueError):
            _write(file, about, count)


def _write(file: IO[bytes], about: dict[str, Any], beat: int) -> None:
    text = json.dumps({**about, "beat": beat}).encode()
    file.seek(0)
    file.truncate()  # opened to append: what is written comes at the end
    file.write(text)


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _boot() -> str:
    """What tells this machine, as long as it runs, from others; containers on it have the same."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return socket.gethostname()


def _refuse(about: dict[str, Any], path: Path, folder: Path) -> NoReturn:
    who = "another process"
    if about:
        who = f"process {about.get('process')} on {about.get('host')} ({about.get('command')})"
    raise UserError(
        f"{folder} is in use by {who}: wait for it, or write to another folder; if that process is gone, "
        f"delete {path}"
    )
