"""Standard output and error, whatever their encoding and whoever reads them."""

import codecs
import os
import shutil
import sys
import unicodedata
import warnings
from contextlib import suppress

from ...plugin.specs import PROJECT

_PLAIN = {
    "±": "+-",
    "×": "x",
    "−": "-",
    "–": "-",
    "—": "-",
    "─": "-",
    "═": "=",
    "━": "-",
    "│": "|",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "µ": "u",
    "“": '"',
    "”": '"',
    "’": "'",
}
_PLAINLY = "simbench.plainly"  # what the handler of what cannot be encoded is called


def plainly(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks, and for bytes of a file's name that are no text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_plain(letter) for letter in error.object[error.start : error.end]), error.end


def _plain(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    simple = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return _PLAIN.get(letter) or simple or "?"


class StoppedError(Exception):
    """A command was interrupted; the message says what is kept. Typer would swallow a KeyboardInterrupt's."""


def terminal() -> tuple[int, bool]:
    """Characters in a line of standard output, 80 where that is no terminal; and whether it shows styles."""
    shown = sys.stdout is not None and sys.stdout.isatty()
    plain = not shown or "NO_COLOR" in os.environ or os.environ.get("TERM") in (None, "", "dumb")
    return (shutil.get_terminal_size().columns if shown else 80), not plain


def speak_plainly() -> None:
    """Let standard output and error take any text in any encoding."""
    codecs.register_error(_PLAINLY, plainly)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # closed, or another's
            stream.reconfigure(errors=_PLAINLY)  # type: ignore[union-attr]


def hang_up() -> None:
    """Give up standard output: what is left to write to it would fail again when the process ends."""
    with suppress(Exception):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def warn_plainly() -> None:
    """Show a warning as one line, as errors are shown."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if issubclass(category, UserWarning) and sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.write(f"{PROJECT}: warning: {' '.join(str(message).split())}\n")

    warnings.showwarning = show
