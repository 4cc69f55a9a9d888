"""The command line. Errors that a user can mend are one line on standard error, status 2; so is
what the system refuses, a full disk for example, status 4.

Each command's file reads like its help text; the work is done elsewhere in the harness.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from ..errors import UserError
from ..plugin.specs import PROJECT, own_version
from ..system import told
from . import data, export, o2, plugin, report, run, sweep, train
from . import list as listing
from .batch import merge, plan
from .common.formats import SYSTEM
from .common.streams import StoppedError, hang_up, speak_plainly, warn_plainly
from .results import card, results
from .scores import compare, gallery, leaderboard, likelihood, score

WRONG = 2
INTERRUPTED = 130  # the status that typer, like a shell, makes of Ctrl-C

app = typer.Typer(
    name=PROJECT,
    help="Compare fast simulators of a particle detector on one shared test split.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("list")(listing.list_)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("score")(score.score)
app.command("plan")(plan.plan)
app.command("merge")(merge.merge)
app.command("card")(card.card)
app.command("compare")(compare.compare)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("likelihood")(likelihood.likelihood)
app.command("gallery")(gallery.gallery)
app.add_typer(data.app, name="data")
app.add_typer(plugin.app, name="plugin")
app.add_typer(o2.app, name="o2")
app.add_typer(results.app, name="results")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if show_version:
        typer.echo(own_version())
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def commands() -> dict[str, Any]:
    """Every command by what is typed after ``simbench``, e.g. ``data make``; for the documentation."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {f"{name} {child}": one for child, one in below.items()} if below else {name: command}
    return found


def main() -> None:
    """Entry point of ``simbench``.

    0 all well, 1 a model or check failed, 2 wrong use or unreadable input, 3 a regression, 4 the system
    failed (a full disk, a closed pipe) and what was computed is kept, 130 and 143 it was stopped.
    """
    speak_plainly()
    warn_plainly()
    stopped = "stopped; start it again to resume"
    with terminations() as ended:
        try:
            status = _status()
            if sys.stdout is not None:
                sys.stdout.flush()
        except UserError as error:
            status = _told(" ".join(str(error).split()), WRONG)
        except typer.TyperException as error:
            status = _told(" ".join(error.format_message().split()), WRONG)
        except BrokenPipeError:
            hang_up()
            status = _told("nobody reads the output any more", SYSTEM)
        except (OSError, UnicodeError, MemoryError) as error:
            if sys.stdout is not None and not _flushes():
                hang_up()
            status = _told(told(error), SYSTEM)
        except StoppedError as error:
            status, stopped = INTERRUPTED, str(error)
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
    if status == INTERRUPTED:
        status = ended[0] if ended else INTERRUPTED
        typer.echo(f"{PROJECT}: {stopped}", err=True)
    sys.exit(status)


def _status() -> int:
    """The command's exit status; typer and rich would end the process at a closed pipe without a word."""
    before = sys.stdout, sys.stderr
    try:
        status = app(standalone_mode=False)
    except SystemExit as stop:
        sys.stdout, sys.stderr = before
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        raise
    return status if isinstance(status, int) else 0


def _flushes() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


@contextmanager
def terminations() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: files half written are removed, workers ended.

    Yields the list that holds the exit status, 128 and the signal's number, once one came.
    """
    ended: list[int] = []

    def end(number: int, _frame: object) -> None:
        ended.append(128 + number)
        raise KeyboardInterrupt

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        known = []
    changed = [each for each in known if signal.getsignal(each) is signal.SIG_DFL]
    for each in changed:
        signal.signal(each, end)
    try:
        yield ended
    finally:
        for each in changed:
            signal.signal(each, signal.SIG_DFL)


def _told(message: str, status: int) -> int:
    with suppress(OSError):  # of a closed standard error
        typer.echo(f"{PROJECT}: error: {message}", err=True)
    return status
