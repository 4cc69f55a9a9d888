"""``simbench run``."""

import shlex
import sys
from dataclasses import replace
from typing import Annotated

import typer

from ..record.part import Part
from ..run.benchmark import run as run_benchmark
from ..run.request import Request
from .common.asked import takes_request
from .common.foretold import tell
from .common.formats import Formats, Tables, choose_formats, table_names
from .common.options import Out, Quiet, folder_of
from .common.plugins import load_registry
from .common.present import present, told_part
from .common.progress import bars, watch
from .common.readings import all_readings, fitting
from .common.streams import StoppedError


@takes_request
def run(
    request: Request,
    try_readings: Annotated[
        bool,
        typer.Option(
            "--try-readings", help="Score each onnx:FILE in all units and pixel orders, and say which fit."
        ),
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(help="K/N: make only the K-th of N parts, for simbench merge.", metavar="K/N"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and what it would cost, and stop.")
    ] = False,
    tables: Tables = [],  # noqa: B006
    out: Out = None,
    format: Formats = ["table"],  # noqa: A002, B006
    quiet: Quiet = False,
) -> int:
    """Run simulators on the shared test split and print how good they are: the answer, and a table.

    Writes result.json, scores.csv and report.html to the folder --out. Started again on the same folder, it
    computes only what is missing.

    For example:

      simbench run --models all --detector proton

      simbench run --models gan@runs/my-gan,mc --detector neutron --out runs/try

      simbench run --models path/to/my_model.py:MySimulator,mc --detector proton --limit 4096

      simbench run --detector proton --limit 4096 --format markdown --quiet

      simbench run --detector proton --tables verdict,quartiles-ws-conditional

      simbench run --executor processes --workers 2 --timeout 600

      simbench run --models onnx:generator.onnx,mc --detector neutron --try-readings

      simbench run --models all --dry-run

      simbench run --models all --part 3/20 --out parts/3
    """
    registry = load_registry()
    formats, offered = choose_formats(format, registry)
    names = table_names(tables, registry) or ([] if request.scoring else ["timing"])
    if try_readings:
        request = replace(request, models=all_readings(request.models))
    request = replace(request, part=None if part is None else Part.parse(part))
    folder = out or folder_of(request)
    if dry_run:
        tell(registry, request, folder, None, quiet)
        return 0
    try:
        with bars(quiet) as progress:
            result = run_benchmark(
                registry, request, folder, watch(progress), shlex.join(["simbench", *sys.argv[1:]])
            )
    except KeyboardInterrupt:
        kept = len(list((folder / "units").glob("*-run*.npz")))
        if not kept:
            raise
        runs = "1 finished run of a model is" if kept == 1 else f"{kept} finished runs of models are"
        told = f"stopped; {runs} kept in {folder}, and the same command goes on from there"
        raise StoppedError(told) from None
    if request.part is not None:
        return told_part(result, folder)
    lines = fitting(result) if try_readings else ()
    return present(result, folder, formats, offered, quiet, lines, names)
