"""``simbench sweep``."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from simbench import reports

from ..errors import UserError
from ..run.request import Request
from ..training.plan import SweepOptions
from ..training.sweep import FILE, failures
from ..training.sweep import sweep as run_sweep
from .common.formats import SYSTEM, Attempts, Formats, check_formats
from .common.options import Data, Device, Force, MinPhotons, Partial, Quiet, Split, named_values
from .common.plugins import load_registry
from .common.progress import bars, counter, watch_sweep
from .train import Learned, Preset


def _parse_seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--seeds should be whole numbers joined by commas, found {text!r}") from None


def sweep(
    name: Annotated[str, typer.Argument(help="Which sweep; see: simbench list sweeps.")],
    out: Annotated[Path, typer.Option(help="Folder for the trainings and their scores.")],
    detector: Learned = "proton",
    preset: Preset = "compact",
    budget: Annotated[
        float, typer.Option(help="Share of the preset's passes over the data, above 0 and at most 1.")
    ] = 1.0,
    seeds: Annotated[str, typer.Option(help="Of the trainings, joined by commas: one each for all.")] = "0",
    data: Data = "embedded",
    allow_partial: Partial = False,
    force: Force = False,
    min_photons: MinPhotons = None,
    split: Split = "particle",
    split_seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    set_: Annotated[
        list[str], typer.Option("--set", help="NAME=VALUE of a setting of every training; repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    runs: Annotated[int, typer.Option(help="Generation seeds per training.")] = 5,
    limit: Annotated[int | None, typer.Option(help="Score only the first N test responses.")] = None,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(help="Trainings side by side, each in a process of its own.")] = 1,
    format: Formats = ["table"],  # noqa: A002, B006
    quiet: Quiet = False,
) -> int:
    """Train and score many settings of a model, and print them side by side.

    A sweep's trainings are like those of simbench train, its scores like those of simbench run. Writes
    sweep.json to the folder --out. Started again on the same folder, it computes only what is missing; more
    --seeds add trainings to it. One training that fails is reported, the others go on.

    For example:

      simbench sweep experts --detector proton --out runs/experts

      simbench sweep router --budget 0.25 --seeds 0,1,2 --workers 2 --out runs/router

      simbench report runs/experts --format markdown
    """
    formats = check_formats(format)
    scoring = Request(
        detector=detector,
        data=data,
        allow_partial=allow_partial,
        force=force,
        min_photons=min_photons,
        split=split,
        split_seed=split_seed,
        limit=limit,
        runs=runs,
        device=device,
    )
    options = SweepOptions(
        name, scoring, preset, budget, _parse_seeds(seeds), named_values("--set", set_), workers
    )
    registry = load_registry()
    with bars(quiet) as progress:
        command = shlex.join(["simbench", *sys.argv[1:]])
        result = run_sweep(registry, options, out, watch_sweep(progress, name), command)
    attempts = Attempts()
    with bars(quiet) as progress:
        wanted = [each for each in formats if each != "table"]
        drawn = counter(progress, "drawing figures")
        written = attempts.write(lambda some: reports.write_sweep(result, some, out, drawn), wanted)
    for each in formats:
        if each in reports.PRINTED:
            text = attempts(f"the report as {each}", partial(reports.render_sweep, result, each), "")
            typer.echo(text, nl=False)
    typer.echo(f"written: {', '.join(str(path) for path in [out / FILE, *written])}", err=True)
    return SYSTEM if attempts.failed else int(failures(result) > 0)
