"""Files appear whole or not at all: they are written beside their place and then renamed."""

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from .errors import UserError

_HINT = 60  # bytes of a file's own name in that of its temporary one: names may have 255, or fewer


def make_folder(folder: Path) -> Path:
    """The folder, created with its parents.

    Raises:
        UserError: it cannot be created, or it cannot be written to.
    """
    if folder.parts[:1] and folder.parts[0].startswith("~") and not Path(folder.parts[0]).exists():
        raise UserError(
            f"cannot write to the folder {folder}: the shell has not replaced the ~; write it out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _part(folder / "probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write to the folder {folder}: {error.strerror or error}") from error
    return folder


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, delete it otherwise.

    Where ``path`` is a link, the file that it leads to is replaced, and the link stays.

    Raises:
        UserError: it is a device or a pipe, which a file would replace.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.exists() and not target.is_file() and not target.is_dir():
        raise UserError(f"cannot write {path}: it is a device or a pipe, expected a file")
    part = _part(target)
    try:
        yield part
        _to_disk(part)
        _rename(part, target)
    except OSError as error:
        if error.filename is None:  # a full disk does not say which file it was
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Delete the temporary files that killed processes have left in a folder that nobody else writes to."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):
            part.unlink()


def _part(path: Path) -> Path:
    """A temporary name beside ``path``: of random bits, for two containers may have one process id."""
    return path.with_name(f".{shortened(path.name, _HINT)}.{secrets.token_hex(8)}.part")


def shortened(name: str, most: int) -> str:
    """The end of a name, of at most this many bytes in a file system."""
    while len(os.fsencode(name)) > most:
        name = name[1:]
    return name


def _to_disk(part: Path) -> None:
    """Wait until the content is stored: a full or remote disk may only now say that it is not."""
    with part.open("rb+") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (
                errno.EINVAL,
                errno.ENOTSUP,
                errno.EROFS,
            ):  # a system that has no such thing
                raise


def _rename(part: Path, target: Path) -> None:
    """Rename; a network file system whose first answer is lost says at the second that nothing is there."""
    written = part.stat()
    try:
        part.replace(target)
    except FileNotFoundError:
        found = target.stat() if target.exists() else None
        if found is None or (found.st_ino, found.st_size) != (written.st_ino, written.st_size):
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (UTF-8, line feeds).

    Bytes of a file's name that were no UTF-8 appear as the escapes of surrogates, which JSON reads back.
    """
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; NaN and infinity are refused, for JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # with a byte-order mark, or without
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON file: {error}") from error


def ways_to(path: Path) -> tuple[Path, ...]:
    """Where a file is: as it is named, made absolute, then what each link leads to, the file itself last.

    What belongs to it, such as scales or weights, is looked for beside each of them in this order.
    """
    ways = [Path(os.path.abspath(path))]  # noqa: PTH100 - Path.absolute leaves the .. in
    while ways[-1].is_symlink() and len(ways) < 40:  # as many as systems follow
        ways.append(Path(os.path.normpath(ways[-1].parent / ways[-1].readlink())))
    real = Path(os.path.realpath(path))
    return tuple(dict.fromkeys([*ways, real] if real.exists() else ways[:1]))


def neighbour(path: Path, name: str) -> Path | None:
    """The file called ``name`` beside ``path``, or beside what it is a link to; ``None`` if there is none."""
    found = (way.with_name(name) for way in ways_to(path))
    return next((each for each in found if each.is_file()), None)


def cache_folder() -> Path:
    """The user's cache folder of simbench; the environment variable SIMBENCH_CACHE names another.

    Raises:
        UserError: there is no home folder that it could be in.
    """
    named = os.environ.get("SIMBENCH_CACHE")
    try:
        folder = Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("simbench"))
    except (RuntimeError, KeyError, OSError):  # no such user
        folder = Path("~")
    if not named and not folder.is_absolute():
        raise UserError(
            "there is no home folder to keep data in: name one with the environment variable SIMBENCH_CACHE"
        )
    if folder.parts[:1] == ("~",):
        raise UserError(f"SIMBENCH_CACHE={named}: there is no home folder for the ~")
    return folder


def kept_folder() -> Path | None:
    """The cache folder if there is one: for what may be made again each time."""
    try:
        return cache_folder()
    except UserError:
        return None
