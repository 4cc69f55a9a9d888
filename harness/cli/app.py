"""The command line. Errors that a user can mend are one line on standard error, status 2.

Each command's file reads like its help text; the work is done elsewhere in the harness.
"""

import sys
from typing import Annotated, Any

import typer

from ..errors import UserError
from ..plugin.specs import PROJECT, own_version
from . import compare, data, export, gallery, leaderboard, plugin, report, run, sweep, train
from . import list as listing

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
app.command("compare")(compare.compare)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("gallery")(gallery.gallery)
app.add_typer(data.app, name="data")
app.add_typer(plugin.app, name="plugin")


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
    """Entry point of ``simbench``: 0 all well, 1 a model or check failed, 2 wrong use, 3 a regression."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        _stop(" ".join(str(error).split()))
    except typer.TyperException as error:
        _stop(" ".join(error.format_message().split()))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone
        sys.exit(1)
    if status == INTERRUPTED:
        typer.echo(f"{PROJECT}: stopped; start it again to resume", err=True)
    sys.exit(status if isinstance(status, int) else 0)


def _stop(message: str) -> None:
    typer.echo(f"{PROJECT}: error: {message}", err=True)
    sys.exit(2)
