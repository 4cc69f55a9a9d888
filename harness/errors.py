"""The one exception that means: the user can mend this. The command line shows it as one line, status 2."""

import traceback
from pathlib import Path

# Packages between the harness and a plugin; importlib_metadata replaces its namesake where Dask is installed.
_MACHINERY = ("importlib", "importlib.metadata", "importlib_metadata", "pluggy")


class UserError(ValueError):
    """Wrong use or unreadable input. The message names the offender, what was expected and what came."""


class SimulatorError(UserError):
    """A simulator in hand breaks a promise: the message is the line that a plugin's row would show for it."""


class TooFewError(ValueError):
    """What a metric raises where it is given too few responses, or particles, to measure anything."""


def one_line(error: BaseException) -> str:
    """An exception as a single line, its type first, fit for a table's footnote."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def traced(error: BaseException) -> str:
    """An exception as a single line that ends with the line at fault, for a plugin's author.

    That is the innermost line of the code that the harness called, not of a library below it.
    """
    walked = traceback.walk_tb(error.__traceback__)
    frames = [place for place in walked if place[0].f_globals.get("__package__") not in _MACHINERY]
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    ours = [index for index, module in enumerate(modules) if module.startswith(f"{__package__}.")]
    first = ours[-1] + 1 if ours else 0
    if isinstance(error, SyntaxError) or not frames:  # it tells its place
        return one_line(error)
    package = modules[first].partition(".")[0] if first < len(frames) else None
    own = [index for index in range(first, len(frames)) if modules[index].partition(".")[0] == package]
    frame, line = frames[own[-1] if own else -1]
    return f"{one_line(error)} ({Path(frame.f_code.co_filename).name}:{line})"
