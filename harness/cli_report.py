"""``simbench report``."""

from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from .cli_run import Formats, check_formats
from .errors import UserError
from .folder import read_result


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that simbench run wrote.", metavar="RUN...")],
    format: Formats = ["table"],  # noqa: A002, B006
    out: Annotated[Path | None, typer.Option(help="Folder to write to; without it, print.")] = None,
) -> None:
    """Print or write the tables of finished runs, side by side where their protocols agree.

    For example:

      simbench report runs/proton runs/neutron --format markdown

      simbench report runs/proton runs/retrained --format latex --format csv --out tables
    """
    formats = check_formats(format)
    labelled = [(str(folder), read_result(folder)) for folder in runs]
    if out is None:
        for name in formats:
            typer.echo(reports.render(labelled, name), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = reports.write(labelled, formats, out)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    typer.echo("\n".join(str(path) for path in written))
