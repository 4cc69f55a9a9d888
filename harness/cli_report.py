"""``simbench report``."""

from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from .cli_run import Formats, check_formats
from .errors import UserError
from .folder import RunFolder
from .show import bars, counter


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders that simbench run wrote.", metavar="RUN...")],
    format: Formats = ["table"],  # noqa: A002, B006
    out: Annotated[Path | None, typer.Option(help="Folder to write to; without it, print.")] = None,
) -> None:
    """Print or write tables, figures and a page of finished runs, side by side where their protocols agree.

    Nothing is generated again: all comes from the run folders. html and figures need --out.

    For example:

      simbench report runs/proton runs/neutron --format markdown

      simbench report runs/proton runs/retrained --format latex --format csv --out tables

      simbench report runs/proton --format html --format figures --out report
    """
    formats = check_formats(format)
    unprinted = [name for name in formats if name not in reports.PRINTED]
    if out is None and unprinted:
        raise UserError(f"--format {unprinted[0]} is not printed: give the folder to write to with --out")
    finished: reports.Runs = [(str(folder), RunFolder(folder)) for folder in runs]
    if out is None:
        for name in formats:
            typer.echo(reports.render(finished, name), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        with bars(False) as progress:
            written = reports.write(finished, formats, out, counter(progress, "drawing figures"))
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    typer.echo("\n".join(str(path) for path in written))
