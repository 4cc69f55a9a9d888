"""``simbench run``."""

import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from simbench import reports

from ..plugin.metric import NOT_MEASURED
from ..plugin.specs import PROJECT
from ..record.folder import RunFolder
from ..run.benchmark import run as run_benchmark
from ..run.placement import Placement
from ..run.request import Request
from .common.formats import SYSTEM, Attempts, Formats, choose_formats, render_offered, write_offered
from .common.options import Data, Device, Engine, Force, MinPhotons, Partial, Quiet, Split
from .common.plugins import load_registry
from .common.progress import bars, counter, watch
from .common.readings import all_readings, fitting


def run(
    models: Annotated[
        list[str],
        typer.Option(
            help="NAME, NAME@WEIGHTS_DIR, FILE.py:CLASS, onnx:FILE[@SCALES][:units=o2|simbench]"
            "[:layout=row-major|x-fastest] or all; repeatable, or a,b,c."
        ),
    ] = ["all"],  # noqa: B006 - typer copies it
    detector: Annotated[str, typer.Option(help="Whose responses; see: simbench list detectors.")] = "proton",
    data: Data = "embedded",
    allow_partial: Partial = False,
    force: Force = False,
    min_photons: MinPhotons = None,
    split: Split = "particle",
    split_seed: Annotated[int, typer.Option(help="Of the split; independent of --seed.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Only the first N test responses.")] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channel convention. [default: the detector's]")
    ] = None,
    runs: Annotated[int, typer.Option(help="Generation seeds per model.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the generation.")] = 0,
    device: Device = "auto",
    engine: Engine = "auto",
    metrics: Annotated[
        list[str], typer.Option(help="Names joined by commas. [default: see simbench list metrics]")
    ] = [],  # noqa: B006
    keep: Annotated[
        list[str], typer.Option(help="responses: keep them too, for metrics that need whole images.")
    ] = [],  # noqa: B006
    timing: Annotated[
        bool, typer.Option("--timing/--no-timing", help="Also time 10,000 responses of each model.")
    ] = False,
    timing_only: Annotated[bool, typer.Option("--timing-only", help="Time the models; no scores.")] = False,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Score models on particles they were trained on, marked.")
    ] = False,
    try_readings: Annotated[
        bool,
        typer.Option(
            "--try-readings", help="Score each onnx:FILE in all units and pixel orders, and say which fit."
        ),
    ] = False,
    executor: Annotated[
        str, typer.Option(help="Where to generate: local, processes or dask; changes no score.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Of --executor processes. [default: the cores there are]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="ADDRESS of the one of --executor dask, such as tcp://HOST:8786.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a model is given up; the others go on.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. [default: runs/DETECTOR]")] = None,
    format: Formats = ["table"],  # noqa: A002, B006
    resume: Annotated[bool, typer.Option(help="Keep what the folder already has.")] = True,
    quiet: Quiet = False,
) -> int:
    """Run simulators on the shared test split and print their scores.

    Writes result.json, scores.csv and report.html to the folder --out. Started again on the same folder, it
    computes only what is missing.

    For example:

      simbench run --models all --detector proton

      simbench run --models gan@runs/my-gan,mc --detector neutron --out runs/try

      simbench run --models path/to/my_model.py:MySimulator,mc --detector proton --limit 4096

      simbench run --detector proton --limit 4096 --format markdown --quiet

      simbench run --executor processes --workers 2 --timeout 600

      simbench run --models onnx:generator.onnx,mc --detector neutron --try-readings
    """
    registry = load_registry()
    formats, offered = choose_formats(format, registry)
    request = Request(
        models=all_readings(models) if try_readings else models,
        detector=detector,
        data=data,
        allow_partial=allow_partial,
        force=force,
        min_photons=min_photons,
        split=split,
        split_seed=split_seed,
        limit=limit,
        channels=channels,
        runs=runs,
        seed=seed,
        device=device,
        engine=engine,
        metrics=[name.strip() for text in metrics for name in text.split(",")],
        keep=keep,
        allow_leak=allow_leak,
        resume=resume,
        scoring=not timing_only,
        timing=timing or timing_only,
        placement=Placement(executor, workers, scheduler, timeout),
    )
    folder = out or Path("runs") / detector
    with bars(quiet) as progress:
        result = run_benchmark(
            registry, request, folder, watch(progress), shlex.join(["simbench", *sys.argv[1:]])
        )
    finished: reports.Runs = [(str(folder), RunFolder(folder))]
    attempts = Attempts()
    with bars(quiet) as progress:  # the page is made whatever the formats
        wanted = [*(name for name in formats if name != "table"), "html"]
        drawn = counter(progress, "drawing figures")
        written = attempts.write(lambda some: reports.write(finished, some, folder, drawn), wanted)
    texts, broken = render_offered(offered, finished)
    written += attempts("a plugin's format", lambda: write_offered(texts, folder), [])
    for name in formats:  # files first: whoever reads the output may stop
        if name in reports.PRINTED:
            typer.echo(
                attempts(f"the report as {name}", partial(reports.render, finished, name), ""), nl=False
            )
    typer.echo("".join(texts.values()), nl=False)
    for line in fitting(result) if try_readings else ():
        typer.echo(line)
    crowded = reports.crowded([(str(folder), result)])
    if crowded:
        typer.echo(f"{PROJECT}: warning: {crowded}", err=True)
    for line in problems(result):
        typer.echo(f"{PROJECT}: {line}", err=True)
    paths = [folder / "result.json", folder / "scores.csv", *written]
    typer.echo(f"written: {', '.join(str(path) for path in paths)}", err=True)
    failed = [model for model in result["models"] if model["status"] == "failed"]
    return SYSTEM if attempts.failed else int(bool(broken or failed or problems(result)))


def problems(result: Mapping[str, Any]) -> list[str]:
    """A line for each metric that failed, on whichever models; what a run has not kept is no failure."""
    found: dict[tuple[str, str], list[str]] = {}
    for model in result["models"]:
        for metric in result["metrics"]:
            line = (model.get(metric) or {}).get("problem", "")
            if line and not line.startswith(NOT_MEASURED):
                found.setdefault((metric, line), []).append(model["name"])
    return [f"metric {metric} of {', '.join(names)}: {line}" for (metric, line), names in found.items()]
