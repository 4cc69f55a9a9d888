"""``simbench leaderboard``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from simbench import reports

from ...challenge import published as table
from ...challenge.protocol import read_score
from ...challenge.times import shower_times
from ...errors import UserError
from ...record.folder import RunFolder
from ...record.result import read_result
from ...score.leaderboard import rank
from ...score.significance import CONFIDENCE
from ..common.plugins import load_registry
from ..common.progress import bars, counter
from .compare import Out, TextFormats, check_text_formats, deliver


def leaderboard(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders that simbench run wrote; with --published, simbench score, too.", metavar="RUN..."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="The metric. [default: ws-conditional, or ws where a run lacks it; auc_high of published]"
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Rank what the CaloChallenge has published, and scored files.")
    ] = False,
    detector: Annotated[
        str | None, typer.Option(help="Whose published values. [default: of the scored files]")
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

      simbench leaderboard --published --detector calochallenge-electrons --by fpd_x1e3

      simbench leaderboard --published runs/my-scored-files

      simbench leaderboard --published runs/calochallenge-electrons --by cpu_ms_batch100
    """
    formats = check_text_formats(format)
    if published:
        deliver(_published(runs or [], by or "auc_high", detector, formats), "leaderboard", out)
        return
    if detector is not None:
        raise UserError("--detector is for --published: runs have their own")
    if not runs:
        raise UserError("give the folders of one run or more; or --published")
    registry = load_registry()
    folders = [RunFolder(path) for path in runs]
    with bars(False) as progress:
        board = rank(folders, registry.metrics.records, confidence, counter(progress, "resampling"), by)
    deliver({name: reports.render_leaderboard(board, name) for name in formats}, "leaderboard", out)


def _published(
    folders: Sequence[Path], metric: str, asked: str | None, formats: Sequence[str]
) -> dict[str, str]:
    """By format, the published ranking with scored files in it, and with what simulators of runs take."""
    simulated = [path for path in folders if (path / "result.json").exists()]
    places = [(str(path), read_score(path)) for path in folders if path not in simulated]
    timed = [(str(path), read_result(path)) for path in simulated]
    detector = _detector(asked, [*places, *((path, result["protocol"]) for path, result in timed)])
    if metric not in table.metrics(detector):
        raise UserError(
            f"--by {metric}: not published for {detector}; there are {', '.join(table.metrics(detector))}"
        )
    times = [(path, shower_times(result)) for path, result in timed]
    return {name: reports.render_published(detector, metric, places, name, times) for name in formats}


def _detector(asked: str | None, results: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The one detector that is meant."""
    named = [str(result["detector"]) for _, result in results]
    found = list(dict.fromkeys([*([asked] if asked else []), *named]))
    known = ", ".join(table.detectors())
    if not found:
        raise UserError(f"--published needs --detector, one of {known}")
    if len(found) > 1:
        raise UserError(f"--published ranks one detector at a time, found {' and '.join(found)}")
    if found[0] not in table.detectors():
        raise UserError(f"nothing is published for detector {found[0]!r}; there is {known}")
    return found[0]
