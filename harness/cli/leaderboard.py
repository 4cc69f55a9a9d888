"""``simbench leaderboard``."""

from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ..record.folder import RunFolder
from ..score.leaderboard import rank
from ..score.significance import CONFIDENCE
from .common.plugins import load_registry
from .common.progress import bars, counter
from .compare import Out, TextFormats, check_text_formats, deliver


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Folders that simbench run wrote.", metavar="RUN...")],
    by: Annotated[
        str | None,
        typer.Option(help="The metric. [default: ws-conditional, or ws where a run lacks it]"),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="That no two models are told apart by noise.")
    ] = CONFIDENCE,
    format: TextFormats = ["table"],  # noqa: A002, B006
    out: Out = None,
) -> None:
    """Rank the models of finished runs of the same protocol by a metric, best first, the reference last.

    Models that share a letter are not told apart: their difference may be noise, of the runs or of the test
    part. A metric without a short cut for the bootstrap is measured twenty times more for each model.

    For example:

      simbench leaderboard runs/proton

      simbench leaderboard runs/proton --by auc

      simbench leaderboard runs/proton runs/mine --format markdown --out tables
    """
    formats = check_text_formats(format)
    registry = load_registry()
    folders = [RunFolder(path) for path in runs]
    with bars(False) as progress:
        board = rank(folders, registry.metrics.records, confidence, counter(progress, "resampling"), by)
    deliver({name: reports.render_leaderboard(board, name) for name in formats}, "leaderboard", out)
