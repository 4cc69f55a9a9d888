"""A finished run on standard output and in its folder: tables, the page, what failed; and its exit status."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer

from simbench import reports

from ...plugin.metric import NOT_MEASURED
from ...plugin.reports import ReportFormat
from ...plugin.specs import PROJECT
from ...record.folder import RunFolder
from ...record.part import PART
from ...record.spent import add_page
from .formats import SYSTEM, Attempts, render_offered, write_offered
from .progress import bars, counter
from .streams import terminal


def present(
    result: dict[str, Any],
    folder: Path,
    formats: Sequence[str],
    offered: Sequence[ReportFormat],
    quiet: bool,
    lines: Iterable[str] = (),
    tables: Sequence[str] = (),
) -> int:
    """Print and write the tables of a run, write its page, and say what failed; gives the exit status.

    ``lines`` are printed after the tables, which are those of these names.
    """
    begun = time.monotonic()
    finished: reports.Runs = [(str(folder), RunFolder(folder))]
    attempts = Attempts()
    with bars(quiet) as progress:  # the page is made whatever the formats
        wanted = [*(name for name in formats if name != "table"), "html"]
        drawn = counter(progress, "drawing figures")
        written = attempts.write(lambda some: reports.write(finished, some, folder, drawn), wanted)
    texts, broken = render_offered(offered, finished)
    written += attempts("a plugin's format", lambda: write_offered(texts, folder), [])
    add_page(folder, time.monotonic() - begun)
    for name in formats:  # files first: whoever reads the output may stop
        if name in reports.PRINTED:
            text = partial(reports.render, finished, name, tables=tables)
            if name == "table":
                text = partial(reports.summary, finished, tables, *terminal())
            typer.echo(attempts(f"the report as {name}", text, ""), nl=False)
    typer.echo("".join(texts.values()), nl=False)
    for line in lines:
        typer.echo(line)
    crowded = reports.crowded([(str(folder), result)])
    if crowded and not timed_briefly(result):
        typer.echo(f"{PROJECT}: warning: {crowded}", err=True)
    for line in problems(result):
        typer.echo(f"{PROJECT}: {line}", err=True)
    paths = [folder / "result.json", folder / "scores.csv", *written]
    typer.echo(f"written: {', '.join(str(path) for path in paths)}", err=True)
    failed = [model for model in result["models"] if model["status"] == "failed"]
    return SYSTEM if attempts.failed else int(bool(broken or failed or problems(result)))


def timed_briefly(result: Mapping[str, Any]) -> bool:
    """Whether the models were timed in passing, which warns of nothing."""
    timings = (timed for model in result["models"] for timed in (model.get("timing") or {}).values())
    return any(timed.get("brief") for timed in timings)


def told_part(result: Mapping[str, Any], folder: Path) -> int:
    """Say what a part has made; gives the exit status."""
    number, of = result["part"]
    units = sum(map(len, result["runs"].values()))
    typer.echo(f"part {number}/{of}: {units} units of {len(result['models'])} models")
    typer.echo(f"written: {folder / PART}", err=True)
    return int(any(model["status"] != "ok" for model in result["models"]))


def problems(result: Mapping[str, Any]) -> list[str]:
    """A line for each metric that failed, on whichever models; what a run has not kept is no failure."""
    found: dict[tuple[str, str], list[str]] = {}
    for model in result["models"]:
        for metric in result["metrics"]:
            line = (model.get(metric) or {}).get("problem", "")
            if line and not line.startswith(NOT_MEASURED):
                found.setdefault((metric, line), []).append(model["name"])
    return [f"metric {metric} of {', '.join(names)}: {line}" for (metric, line), names in found.items()]
