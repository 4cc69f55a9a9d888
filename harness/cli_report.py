"""``simbench report``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from .cli_run import Formats, check_formats
from .errors import UserError
from .folder import RunFolder
from .show import bars, counter
from .sweep import is_sweep, read_sweep


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders that simbench run, or simbench sweep, wrote.", metavar="RUN..."),
    ],
    format: Formats = ["table"],  # noqa: A002, B006
    out: Annotated[Path | None, typer.Option(help="Folder to write to; without it, print.")] = None,
) -> None:
    """Print or write tables, figures and a page of finished runs, side by side where their protocols agree.

    Nothing is generated again: all comes from the run folders. html and figures need --out. Sweeps are
    reported one after the other, with --out each in a folder of its own if there are several.

    For example:

      simbench report runs/proton runs/neutron --format markdown

      simbench report runs/proton runs/retrained --format latex --format csv --out tables

      simbench report runs/proton --format html --format figures --out report
    """
    formats = check_formats(format)
    unprinted = [name for name in formats if name not in reports.PRINTED]
    if out is None and unprinted:
        raise UserError(f"--format {unprinted[0]} is not printed: give the folder to write to with --out")
    sweeps = [folder for folder in runs if is_sweep(folder)]
    if sweeps and len(sweeps) < len(runs):
        other = next(folder for folder in runs if folder not in sweeps)
        raise UserError(f"{sweeps[0]} is a sweep and {other} is none: report runs and sweeps apart")
    if sweeps:
        _report_sweeps(sweeps, formats, out)
        return
    finished: reports.Runs = [(str(folder), RunFolder(folder)) for folder in runs]
    if out is None:
        for name in formats:
            typer.echo(reports.render(finished, name), nl=False)
        return
    with _writing(out) as advance:
        written = reports.write(finished, formats, out, advance)
    typer.echo("\n".join(str(path) for path in written))


def _report_sweeps(folders: list[Path], formats: list[str], out: Path | None) -> None:
    contents = [read_sweep(folder) for folder in folders]
    if out is None:
        for name in formats:
            for content in contents:
                typer.echo(reports.render_sweep(content, name), nl=False)
        return
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise UserError(f"--out makes a folder for each sweep: their names should differ, found {names}")
    for name, content in zip(names, contents, strict=True):
        place = out / name if len(names) > 1 else out
        with _writing(place) as advance:
            written = reports.write_sweep(content, formats, place, advance)
        typer.echo("\n".join(str(path) for path in written))


@contextmanager
def _writing(out: Path) -> Iterator[Callable[[int, int], None]]:
    """A folder to write to, and a bar for its figures."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with bars(False) as progress:
            yield counter(progress, "drawing figures")
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
