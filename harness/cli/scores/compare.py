"""``simbench compare``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ...errors import UserError
from ...record.folder import RunFolder
from ...score.compare import compare as compare_runs
from ...score.significance import CONFIDENCE
from ..common.plugins import load_registry
from ..common.progress import bars, counter

TextFormats = Annotated[
    list[str],
    typer.Option("--format", help=f"{', '.join(reports.TEXT_FORMATS)}; repeatable."),
]
Out = Annotated[Path | None, typer.Option(help="Folder to write to; without it, print.")]


def compare(
    base: Annotated[Path, typer.Argument(help="Folder of the run to compare with.")],
    new: Annotated[Path, typer.Argument(help="Folder of the run in question.")],
    tolerance: Annotated[
        list[str],
        typer.Option(
            help="METRIC=PERCENT that a score may be worse by, of any metric, or speed=PERCENT; repeatable. "
            "[default: 0 %]"
        ),
    ] = [],  # noqa: B006 - typer copies it
    confidence: Annotated[float, typer.Option(help="That no verdict at all is noise.")] = CONFIDENCE,
    format: TextFormats = ["table"],  # noqa: A002, B006
    out: Out = None,
) -> int:
    """Compare two finished runs of the same protocol, model by model and metric by metric.

    A regression is a change for the worse beyond both the noise and the tolerance. The noise comes from the
    spread between the runs and from resampling the particles of the test part, and all that is tested at once
    shares one level. The column "seen from" has the smallest change that these runs would have shown. Metrics
    that score the first run only, and speed, a ratio to a workload timed in the same run, are compared only
    where --tolerance names them.

    Exit status: 3 with a regression; 1 if a model of BASE failed or is missing; 0 otherwise.

    For example:

      simbench compare runs/main runs/branch

      simbench compare runs/main runs/branch --tolerance ws=2% --tolerance speed=30% --format markdown
    """
    formats = check_text_formats(format)
    tolerances = parse_tolerances(tolerance)
    registry = load_registry()
    runs = RunFolder(base), RunFolder(new)
    with bars(False) as progress:
        report = counter(progress, "resampling")
        found = compare_runs(*runs, registry.metrics.records, tolerances, confidence, report)
    deliver({name: reports.render_comparison(found, name) for name in formats}, "comparison", out)
    return found.status


def parse_tolerances(texts: list[str]) -> dict[str, float]:
    """``["ws=2%", "speed=30"]`` as percentages by metric.

    Raises:
        UserError: one of them is no METRIC=PERCENT, or a metric is named twice.
    """
    tolerances: dict[str, float] = {}
    for text in texts:
        name, _, percent = text.partition("=")
        try:
            value = float(percent.strip().removesuffix("%"))
        except ValueError:
            raise UserError(f"--tolerance should be METRIC=PERCENT, such as ws=2%, found {text!r}") from None
        if name.strip() in tolerances:
            raise UserError(f"--tolerance names {name.strip()!r} twice")
        tolerances[name.strip()] = value
    return tolerances


def check_text_formats(names: list[str]) -> list[str]:
    """The formats asked for, each once.

    Raises:
        UserError: one of them is unknown.
    """
    for name in names:
        if name not in reports.TEXT_FORMATS:
            raise UserError(f"unknown format {name!r}; known: {', '.join(reports.TEXT_FORMATS)}")
    return list(dict.fromkeys(names))


def deliver(texts: Mapping[str, str], stem: str, out: Path | None) -> None:
    """Print texts by format, or write them to the folder ``out`` as ``stem.*`` and print the paths."""
    if out is None:
        for text in texts.values():
            typer.echo(text, nl=False)
        return
    try:
        written = reports.write_texts(texts, stem, out)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    typer.echo("\n".join(str(path) for path in written))
