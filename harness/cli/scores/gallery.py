"""``simbench gallery``."""

from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ...errors import UserError
from ...gallery.scan import LIMIT, Wish, scan
from ...plugin.metric import NOT_MEASURED
from ...plugin.specs import PROJECT
from ..common.options import Data, Quiet
from ..common.plugins import load_registry
from ..common.progress import bars, counter


def gallery(
    detector: Annotated[str, typer.Option(help="Whose responses; see: simbench list detectors.")] = "proton",
    data: Data = "embedded",
    limit: Annotated[int, typer.Option(help="Only the first N test responses.")] = LIMIT,
    seed: Annotated[int, typer.Option(help="Of the generation and of the faults.")] = 0,
    metrics: Annotated[
        list[str], typer.Option(help="Names joined by commas. [default: see simbench list metrics]")
    ] = [],  # noqa: B006 - typer copies it
    out: Annotated[
        Path | None, typer.Option(help="Folder for gallery.csv, gallery.json and gallery.md.")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Show which metric sees which wrong simulator: a check of the metrics, not of a model.

    The reference simulation's responses are spoiled in known ways, as little as a 64th of each fault. The
    table has the smallest size that a metric sees, beyond three sigma of what a perfect simulator scores.

    Exit status: 1 if a wrong simulator is seen by no metric, or a metric fails; 0 otherwise.

    For example:

      simbench gallery --detector proton

      simbench gallery --detector neutron --metrics all --limit 4000 --out runs/gallery
    """
    registry = load_registry()
    names = [name.strip() for text in metrics for name in text.split(",")]
    wish = Wish(detector=detector, data=data, limit=limit, seed=seed, metrics=names)
    with bars(quiet) as progress:
        found = scan(registry, wish, counter(progress, "looking"))
    typer.echo(reports.render_gallery(found, "table"), nl=False)
    if out is not None:
        try:
            written = reports.write_gallery(found, out)
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
        typer.echo(f"written: {', '.join(str(path) for path in written)}", err=True)
    failed = [name for name, line in found.problems.items() if not line.startswith(NOT_MEASURED)]
    for name in failed:
        typer.echo(f"{PROJECT}: metric {name}: {found.problems[name]}", err=True)
    if found.unseen:
        typer.echo(f"{PROJECT}: seen by no metric: {', '.join(found.unseen)}", err=True)
    return int(bool(failed or found.unseen))
