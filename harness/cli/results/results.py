"""``simbench results add``, ``verify`` and ``site``."""

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UserError
from ...plugin.specs import PROJECT
from ...sharing.checks import TOLERANCE
from ...sharing.folder import add as add_run
from ...sharing.folder import problems, submissions
from ..common.options import Quiet
from ..common.plugins import load_registry
from ..common.progress import bars, counter

app = typer.Typer(help="Results in a shared folder: file them, check them, list them.", rich_markup_mode=None)

Tolerance = Annotated[
    float, typer.Option(help="Relative, of each score that is made again: machines differ in last bits.")
]
Folder = Annotated[Path, typer.Argument(help="The folder of submissions.", metavar="FOLDER")]


@app.command()
def add(
    run: Annotated[Path, typer.Argument(help="Folder that simbench run, or merge, wrote.", metavar="RUN")],
    to: Annotated[Path, typer.Option(help="The folder of submissions, made if need be.")],
    name: Annotated[
        str | None, typer.Option(help="Of the submission. [default: the run folder's name]")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Its day, like 2026-11-25. [default: today]")] = None,
    tolerance: Tolerance = TOLERANCE,
) -> None:
    """Check a finished run and file it in a folder of submissions.

    Refused are a result that is not of the published schema, lacks a file, says what its units do not, holds
    other reference responses than its neighbours, scores otherwise when it is scored again from the kept
    responses, or was scored on particles that a model was trained on; and names with markup or ../.

    For example:

      simbench results add runs/proton --to submissions --name my-group-2026-11

      simbench results add runs/merged --to submissions
    """
    typer.echo(str(add_run(load_registry(), run, to, name, date, tolerance)))


@app.command()
def verify(folder: Folder, tolerance: Tolerance = TOLERANCE, quiet: Quiet = False) -> int:
    """Check every submission of a folder as add does, with its checksums; each is scored again.

    Exit status: 1 if something is wrong, a line for each.

    For example:

      simbench results verify submissions
    """
    registry = load_registry()
    with bars(quiet) as progress:
        found = list(problems(registry, folder, tolerance, counter(progress, "checking")))
    for line in found:
        typer.echo(f"{PROJECT}: {line}", err=True)
    if not found:
        typer.echo(f"{folder}: {len(submissions(folder))} submissions, all as they were scored")
    return int(bool(found))


@app.command()
def site(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Folder of the site; an older site in it is replaced.")],
    url: Annotated[str, typer.Option(help="Where it will be published, for the feed.")] = "",
    quiet: Quiet = False,
) -> None:
    """Build a static leaderboard of all submissions: pages, badges, a feed, downloads.

    One table for each detector and protocol, sortable, with a Pareto figure of score against time; a page for
    each model. Nothing on it is asked of a server. Run verify first: site reads the results as they are.

    For example:

      simbench results site submissions --out public --url https://example.org/simbench/
    """
    from simbench.reports.site.write import write_site  # matplotlib takes a second to import

    if url and not url.startswith(("https://", "http://")):
        raise UserError(f"--url should begin with https:// or http://, found {url!r}")
    found = submissions(folder)
    with bars(quiet) as progress:
        written, missing = write_site(found, out, url, counter(progress, "writing pages"))
    if missing:
        typer.echo(f"{PROJECT}: warning: {missing}", err=True)
    typer.echo(f"{out / 'index.html'}: {len(found)} submissions, {len(written)} files")
