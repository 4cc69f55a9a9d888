"""``simbench plan``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...batch.submit import SYSTEMS, Job, write_submit_files
from ...errors import UserError
from ...record.part import Part
from ...run.request import Request
from ..common.asked import takes_request
from ..common.foretold import tell
from ..common.options import Out, Quiet, folder_of
from ..common.plugins import load_registry


@takes_request
def plan(
    request: Request,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Folder of an earlier run that tells what models and metrics cost. [default: --out]"
        ),
    ] = None,
    write: Annotated[
        str | None, typer.Option(help="slurm or htcondor: write submit files beside --out.")
    ] = None,
    parts: Annotated[
        int | None, typer.Option(help="Of --write: how many jobs. [default: one a model and run, at most 20]")
    ] = None,
    out: Out = None,
    quiet: Quiet = False,
) -> int:
    """Say what simbench run would do with the same options, how long and with how much memory.

    Nothing is generated for the folder --out, nor written to it. What it holds already would be kept. The
    data and the models are opened. Seconds come from an earlier run, or from a few hundred responses of each
    model that are tried here.

    --write makes OUT-parts with files for a batch system: one job a part, then one that merges them. The
    folder must be one that all its machines see.

    For example:

      simbench plan --models all --detector proton

      simbench plan --models all --runs 20 --like runs/proton --out runs/twenty

      simbench plan --models all --detector neutron --write slurm --parts 20 --out runs/neutron
    """
    folder = out or folder_of(request)
    if write is not None and write not in SYSTEMS:
        raise UserError(f"--write should be {' or '.join(SYSTEMS)}, found {write!r}")
    if parts is not None and (write is None or parts < 1):
        raise UserError(f"--parts should be at least 1, and is for --write, found {parts}")
    registry = load_registry()
    told = tell(registry, request, folder, like, quiet)
    if write is not None:
        request = replace(request, timing="none")
        names = [cost.name for cost in told.models]
        count = parts or min(20, max(1, len(names) * request.runs))
        each = {cost.name: (cost.seconds or 0.0) / request.runs for cost in told.models}
        shares = [Part(number, count).runs(names, request.runs) for number in range(1, count + 1)]
        longest = max(sum(len(runs) * each[name] for name, runs in share.items()) for share in shares)
        scoring = sum(cost.seconds or 0.0 for cost in told.metrics)
        job = Job(request, count, folder, told.begin + longest, told.begin + scoring, told.memory_mb)
        for path in write_submit_files(job, write):
            typer.echo(str(path))
    return 0
