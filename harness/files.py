"""Files appear whole or not at all: they are written beside their place and then renamed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from .errors import UserError


def make_folder(folder: Path) -> Path:
    """The folder, created with its parents.

    Raises:
        UserError: it cannot be created, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / ".writable") as probe:
            probe.touch()
        (folder / ".writable").unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to the folder {folder}: {error.strerror or error}") from error
    return folder


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, delete it otherwise."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (UTF-8, line feeds)."""
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; NaN and infinity are refused, for JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON file: {error}") from error


def cache_folder() -> Path:
    """The user's cache folder of simbench; the environment variable SIMBENCH_CACHE names another."""
    return Path(os.environ.get("SIMBENCH_CACHE") or platformdirs.user_cache_dir("simbench"))
