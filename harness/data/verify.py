"""Whether a dataset's content is what its fingerprint says: all that is compared hangs on it.

The content is read once; afterwards the file's size, times and place tell that it has not changed.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from ..files import kept_folder, write_text
from .dataset import Dataset

BY_CONTENT = "content"
BY_CHECKSUMS = "checksums of its blocks as they are read"  # of what was made here
BY_STATE = "size and times since its content was checked"


def verified(data: Dataset) -> str:
    """How it is known: :data:`BY_CONTENT` or :data:`BY_STATE`.

    Raises:
        UserError: it is not so, or the file cannot be read.
    """
    note = _note(data.path)
    with suppress(OSError, ValueError):
        if note is not None and note.read_text(encoding="utf-8").strip() == data.fingerprint:
            return BY_STATE
    found = data.content()
    if found != data.fingerprint:
        raise UserError(
            f"{data.path}: the content was changed after the file was written: its fingerprint should be "
            f"{data.fingerprint[:12]}, the content gives {found[:12]}; simbench data import simbench writes "
            "it anew"
        )
    known(data.path, data.fingerprint)
    return BY_CONTENT


def known(path: Path, fingerprint: str) -> None:
    """Note that a file, as it is, has the content of this fingerprint: it was checked, or just written."""
    note = _note(path)
    if note is not None:
        with suppress(OSError):  # then it is read again each time
            note.parent.mkdir(parents=True, exist_ok=True)
            write_text(note, fingerprint + "\n")


def _note(path: Path) -> Path | None:
    """Where it is noted that a file, as it is, was checked.

    The time of its last change of state (ctime) cannot be set, as that of the content can.
    """
    cache = kept_folder()
    if cache is None:
        return None
    state = path.stat()
    about = [
        str(path.resolve()),
        state.st_dev,
        state.st_ino,
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
    ]
    return cache / "checked" / hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]
