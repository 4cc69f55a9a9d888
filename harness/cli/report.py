"""``simbench report``."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ..errors import UserError
from ..plugin.registry import Registry
from ..record.folder import RunFolder
from ..score.rescore import rescored
from ..training.sweep import is_sweep, read_sweep
from .common.formats import (
    SYSTEM,
    Attempts,
    Formats,
    Tables,
    choose_formats,
    render_offered,
    table_names,
    write_offered,
)
from .common.plugins import load_registry
from .common.progress import bars, counter


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders that simbench run, or simbench sweep, wrote.", metavar="RUN..."),
    ],
    format: Formats = ["table"],  # noqa: A002, B006
    out: Annotated[Path | None, typer.Option(help="Folder to write to; without it, print.")] = None,
    metrics: Annotated[
        list[str],
        typer.Option(help="Score again by these metrics, names joined by commas, from the kept responses."),
    ] = [],  # noqa: B006
    by: Annotated[
        str | None, typer.Option(help="Order every table by this metric. [default: its first column]")
    ] = None,
    tables: Tables = [],  # noqa: B006
    channels: Annotated[
        str | None, typer.Option(help="Score again with this channel convention, from the kept responses.")
    ] = None,
) -> int:
    """Print or write tables, figures and a page of finished runs, side by side where their protocols agree.

    Nothing is generated again: all comes from the run folders, also scores by a metric or with a channel
    convention that a run did not use. html and figures need --out. Sweeps are
    reported one after the other, with --out each in a folder of its own if there are several.

    For example:

      simbench report runs/proton runs/neutron --format markdown

      simbench report runs/proton runs/retrained --format latex --format csv --out tables

      simbench report runs/proton --format html --format figures --out report

      simbench report runs/proton --metrics ws --channels hardware

      simbench report runs/proton --by auc --tables verdict
    """
    registry = load_registry()
    formats, offered = choose_formats(format, registry)
    names = table_names(tables, registry)
    unprinted = [name for name in formats if name not in reports.PRINTED]
    if out is None and unprinted:
        raise UserError(f"--format {unprinted[0]} is not printed: give the folder to write to with --out")
    sweeps = [folder for folder in runs if is_sweep(folder)]
    if sweeps and len(sweeps) < len(runs):
        other = next(folder for folder in runs if folder not in sweeps)
        raise UserError(f"{sweeps[0]} is a sweep and {other} is none: report runs and sweeps apart")
    if sweeps and (metrics or channels):
        raise UserError("--metrics and --channels score runs again, not sweeps")
    if sweeps and by:
        raise UserError("--by orders tables of runs, not of sweeps")
    if sweeps and offered:
        raise UserError(f"--format {offered[0].name} is for runs; sweeps take {', '.join(reports.FORMATS)}")
    if sweeps:
        _report_sweeps(sweeps, formats, out)
        return 0
    folders = [RunFolder(folder) for folder in runs]
    if metrics or channels:
        folders = _rescored(registry, folders, metrics, channels)
    known = {name for folder in folders for name in folder.result["metrics"]}
    if by is not None and by not in known:
        raise UserError(f"--by {by}: no run is scored by it; they have {', '.join(sorted(known))}")
    finished: reports.Runs = [(str(folder.path), folder) for folder in folders]
    texts, broken = render_offered(offered, finished)
    attempts = Attempts()
    if out is None:
        for name in formats:
            text = partial(reports.render, finished, name, by, names)
            typer.echo(attempts(f"the report as {name}", text, ""), nl=False)
        typer.echo("".join(texts.values()), nl=False)
    else:
        with _writing(out) as advance:
            written = attempts.write(
                lambda some: reports.write(finished, some, out, advance, by, names), formats
            )
            written += attempts("a plugin's format", lambda: write_offered(texts, out), [])
        typer.echo("\n".join(str(path) for path in written))
    return SYSTEM if attempts.failed else int(broken)


def _rescored(
    registry: Registry, folders: list[RunFolder], metrics: list[str], channels: str | None
) -> list[RunFolder]:
    """The runs scored again, by their own metrics unless others are asked for."""
    asked = [name.strip() for text in metrics for name in text.split(",")]
    return [
        rescored(folder, [registry.metrics[name] for name in asked or folder.result["metrics"]], channels)
        for folder in folders
    ]


def _report_sweeps(folders: list[Path], formats: list[str], out: Path | None) -> None:
    contents = [read_sweep(folder) for folder in folders]
    if out is None:
        for name in formats:
            for content in contents:
                typer.echo(reports.render_sweep(content, name), nl=False)
        return
    names = [Path(os.path.abspath(folder)).name for folder in folders]  # noqa: PTH100 - a link keeps its name
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
