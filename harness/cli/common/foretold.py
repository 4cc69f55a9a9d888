"""What a run would do and cost, in words, for ``simbench plan`` and ``simbench run --dry-run``."""

from pathlib import Path

import typer
from tabulate import tabulate

from ...batch.forecast import CALIBRATED, HERE, Cost, Forecast, forecast
from ...plugin.registry import Registry
from ...run.request import Request
from .progress import bars, watch


def tell(registry: Registry, request: Request, out: Path, like: Path | None, quiet: bool) -> Forecast:
    """Foretell a run, and print it."""
    with bars(quiet) as progress:
        told = forecast(registry, request, out, like, watch(progress, "trying"))
    part = f", part {request.part}" if request.part is not None else ""
    typer.echo(
        f"{told.detector}: {told.responses} test responses, {request.runs} runs a model, into {out}{part}"
    )
    typer.echo()
    rows = [[c.name, c.there, c.responses, c.tasks, _seconds(c), _source(c)] for c in told.models]
    typer.echo(_table(["model", "there", "to generate", "tasks", "seconds", "told by"], rows))
    if told.metrics:
        typer.echo()
        rows = [[cost.name, cost.tasks, _seconds(cost), _source(cost)] for cost in told.metrics]
        typer.echo(_table(["metric", "runs to score", "seconds", "told by"], rows))
    typer.echo()
    page = f", tables and page {duration(told.page)} of it" if told.page else ""
    side = f" by {told.workers} processes side by side" if told.workers > 1 else ""
    typer.echo(f"time: about {duration(told.seconds)}{side}{page}")
    memory = "not told by this system" if told.memory_mb is None else f"about {told.memory_mb:.0f} MB"
    typer.echo(f"memory: {memory}")
    if request.timing == "full":
        typer.echo("--timing comes on top, and is not foretold")
    return told


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _seconds(cost: Cost) -> str:
    return "?" if cost.seconds is None else f"{cost.seconds:.1f}"


def _source(cost: Cost) -> str:
    if cost.problem is not None:
        return cost.problem
    if cost.source == HERE:
        return f"tried here{f' on {CALIBRATED} responses' if cost.responses != cost.tasks else ''}"
    return cost.source or "nothing to do"


def _table(head: list[str], rows: list[list[object]]) -> str:
    return tabulate(rows, head, tablefmt="simple", disable_numparse=True)
