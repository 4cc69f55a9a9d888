"""``simbench train``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError
from ..plugin.registry import Registry
from ..plugin.simulators import TrainingRequest
from ..run.request import Request
from ..run.watch import Watch
from ..training.hits import prepare_hits
from ..training.prepare import prepare
from ..training.prepare import train as run_trainer
from .common.options import Data, Device, Force, MinPhotons, Partial, Quiet, Split, named_values
from .common.plugins import load_registry
from .common.progress import TrainingBar, bars, counter

Learned = Annotated[str, typer.Option(help="Whose responses to learn.")]
Preset = Annotated[str, typer.Option(help="compact or paper.")]


def train(
    model: Annotated[str, typer.Argument(help="Which model, or classifier; see: simbench list models.")],
    out: Annotated[Path, typer.Option(help="Folder for weights and record.")],
    detector: Learned = "proton",
    preset: Preset = "compact",
    data: Data = "embedded",
    allow_partial: Partial = False,
    force: Force = False,
    min_photons: MinPhotons = None,
    split: Split = "particle",
    split_seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    set_: Annotated[list[str], typer.Option("--set", help="NAME=VALUE of a setting; repeatable.")] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of the training.")] = 0,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a model on the training part of the split; the test part is never read.

    The checkpoint is chosen on a validation part of the training part. Killed and started again on the same
    folder, it goes on where it stood. Score what it wrote with: simbench run --models MODEL@FOLDER

    For example:

      simbench train gan --detector proton --out runs/my-gan

      simbench train hit --detector neutron --data embedded:pairs --out runs/hit

      simbench train sdi-gan --detector neutron --preset paper --set epochs=3 --out runs/try
    """
    registry = load_registry()
    trainer = None if model in registry.classifiers.records else _trainer(registry, model)
    asked = Request(
        detector=detector,
        data=data,
        allow_partial=allow_partial,
        force=force,
        min_photons=min_photons,
        split=split,
        split_seed=split_seed,
        device=device,
    )
    with bars(quiet) as progress:
        training = TrainingBar(progress, model)
        watch = Watch(
            data=counter(progress, "making the embedded dataset"), news=lambda _, news: training(news)
        )
        told: Any = {
            "seed": seed,
            "overrides": named_values("--set", set_),
            "out": out,
            "watch": watch,
            "name": model,
        }
        command = f"simbench train {model}"
        try:
            if trainer is None:
                classifier = registry.classifiers[model].trainer
                weights = run_trainer(classifier, prepare_hits(registry, asked, **told), command)
            else:
                weights = run_trainer(trainer, prepare(registry, asked, preset=preset, **told), command)
        except UserError:
            raise
        except ValueError as error:
            raise UserError(f"cannot train {model}: {error}") from error
        except OSError as error:
            raise UserError(f"cannot write to the folder {out}: {error.strerror or error}") from error
    if training.load:
        typer.echo(training.load, err=True)
    for warning in training.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(weights)
    if trainer is not None:
        typer.echo(f"score it with: simbench run --models {model}@{out} --detector {detector}")


def _trainer(registry: Registry, model: str) -> Callable[[TrainingRequest], Path]:
    offer = registry.simulators[model]
    if offer.trainer is None:
        trainable = [other.name for other in registry.simulators if other.trainer]
        trainable += [other.name for other in registry.classifiers]
        raise UserError(f"model {model!r} does not learn; these do: {', '.join(trainable)}")
    return offer.trainer
