"""``simbench export``."""

from pathlib import Path
from typing import Annotated

import typer

from ..export.card import scores_of
from ..export.exporting import export as write_export
from ..models.names import find_model
from .common.plugins import load_registry


def export(
    model: Annotated[str, typer.Argument(help="NAME, or NAME@WEIGHTS_DIR of a training.")],
    to: Annotated[Path, typer.Option(help="Folder to write to.")],
    detector: Annotated[str, typer.Option(help="Whose responses.")] = "proton",
    contract: Annotated[
        str | None,
        typer.Option(
            help="o2: as ALICE's O2 takes it; simbench: in this package's units and pixel order. "
            "[default: o2 for the ZDC]"
        ),
    ] = None,
    empties: Annotated[
        bool, typer.Option("--empties", help="For O2: answer with nothing as often as the response is empty.")
    ] = False,
    layout: Annotated[
        str | None,
        typer.Option(
            help="Of --contract o2: x-fastest, as O2 reads, or row-major, as ALICE's own models have it. "
            "[default: x-fastest]"
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of a run whose scores the model card is to show.")
    ] = None,
) -> int:
    """Write a model as an ONNX generator: graph, scales and model card, as ALICE's O2 takes them.

    The files are generator.onnx, scales.txt and MODEL_CARD.md. The graph takes noise and conditions and draws
    whole photons; router and experts of a mixture are one graph. It is compared with the model, and run by
    an emulator of O2's path, before anything is written: exit status 1, and no file, if they do not agree.

    For example:

      simbench export expertsim-3 --detector proton --to exported/zp

      simbench export gan@runs/my-gan --detector neutron --to exported/zn --run runs/neutron

      simbench export expertsim-3 --detector proton --contract simbench --to exported/plain

      simbench export gan --detector neutron --layout row-major --to exported/as-alice-has-them

      simbench run --models onnx:exported/zp/generator.onnx,expertsim-3 --detector proton
    """
    registry = load_registry()
    asked = find_model(registry, model)
    about = registry.detectors[detector]
    scores = None if run is None else scores_of(run, asked.label, about.name)
    checks, files = write_export(registry, asked, about, to, scores, contract, empties=empties, layout=layout)
    for check in checks:
        typer.echo(f"{'ok' if check.passed else 'FAILED':6}  {check.text}")
    if not files:
        typer.echo(f"nothing is written: the graph does not agree with {asked.label}", err=True)
        return 1
    typer.echo(f"written: {', '.join(map(str, files))}", err=True)
    return 0
