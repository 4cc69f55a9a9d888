"""``simbench merge``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ...batch.merge import merge as merge_parts
from ..common.formats import Formats, choose_formats
from ..common.options import Quiet
from ..common.plugins import load_registry
from ..common.present import present
from ..common.progress import bars, watch


def merge(
    parts: Annotated[
        list[Path], typer.Argument(help="Folders that simbench run --part wrote, all N.", metavar="PART...")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the run; it must not hold one.")],
    workers: Annotated[int | None, typer.Option(help="Score in this many processes. [default: here]")] = None,
    format: Formats = ["table"],  # noqa: A002, B006
    quiet: Quiet = False,
) -> int:
    """Make one run of all its parts, and score it: the same as one run, bit for bit.

    Neither the data nor the models are needed, for the parts hold all that is scored. A model that failed in
    a part is failed, exit status 1.

    For example:

      simbench merge parts/* --out runs/proton

      simbench merge runs/proton-parts/part-* --out runs/proton --workers 2 --format markdown
    """
    registry = load_registry()
    formats, offered = choose_formats(format, registry)
    with bars(quiet) as progress:
        command = shlex.join(["simbench", *sys.argv[1:]])
        result = merge_parts(registry, parts, out, watch(progress), command, workers)
    return present(result, out, formats, offered, quiet)
