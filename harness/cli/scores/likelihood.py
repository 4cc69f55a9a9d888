"""``simbench likelihood``."""

from typing import Annotated

import typer

from simbench import reports

from ...run.likelihood import likelihoods
from ...run.request import Request
from ...run.watch import Watch
from ..common.options import Data, Device, Engine, Force, MinPhotons, Partial, Quiet, Split
from ..common.plugins import load_registry
from ..common.progress import bars, counter
from .compare import Out, TextFormats, check_text_formats, deliver


def likelihood(
    models: Annotated[
        list[str] | None,
        typer.Option(help="Names joined by commas, as simbench run takes them. [default: cascade]"),
    ] = None,
    detector: Annotated[str, typer.Option(help="Whose responses; see: simbench list detectors.")] = "proton",
    data: Data = "embedded",
    allow_partial: Partial = False,
    force: Force = False,
    min_photons: MinPhotons = None,
    split: Split = "particle",
    split_seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Only the first N test responses.")] = None,
    device: Device = "auto",
    engine: Engine = "auto",
    format: TextFormats = ["table"],  # noqa: A002, B006
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Tell how probable the test part is to models that know it, in nats and bits per response.

    Nothing is generated. Beside it stand as many responses of the training part: a model that knows those
    much better has learned them by heart. Where a model tells its terms, such as the levels of the cascade's
    tree, they are told, too.

    For example:

      simbench likelihood --detector proton

      simbench likelihood --models cascade,cascade@runs/mine --detector neutron --limit 4000

      simbench likelihood --models my_model.py:MyFlow --format markdown --out tables
    """
    formats = check_text_formats(format)
    request = Request(
        models=models or ["cascade"],
        detector=detector,
        data=data,
        allow_partial=allow_partial,
        force=force,
        min_photons=min_photons,
        split=split,
        split_seed=split_seed,
        limit=limit,
        device=device,
        engine=engine,
    )
    with bars(quiet) as progress:
        watch = Watch(data=counter(progress, "making the embedded dataset"))
        found = likelihoods(load_registry(), request, counter(progress, "likelihood"), watch)
    deliver({name: reports.render_likelihoods(found, name) for name in formats}, "likelihood", out)
