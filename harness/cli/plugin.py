"""``simbench plugin``: a package for a new model, and the contract checked."""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from ..contract.scaffold import new_plugin
from ..contract.suite import CHECKS, Subject, detectors_of, verdicts
from ..data.open import CONDITIONS, conditions_of, open_data
from ..data.training import sample_training_part
from ..errors import UserError
from ..models.names import find_model, require_serves
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from .common.plugins import load_registry

app = typer.Typer(
    help="Write a package for a new model, and check a model.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the model: lower-case letters, digits and hyphens.")],
) -> None:
    """Write an installable package with a simulator that already runs, to the folder ./NAME.

    It holds pyproject.toml, one module and one test. The simulator serves every detector and passes every
    check; put a model of your own in its place.

    For example:

      simbench plugin new my-model
    """
    folder = new_plugin(load_registry(), name, Path())
    for path in sorted(folder.iterdir()):
        typer.echo(path)
    typer.echo(
        "next:\n"
        f"  pip install -e ./{name}          (in the environment of simbench)\n"
        f"  simbench plugin check {name}\n"
        f"  simbench run --models {name},mc --detector proton --limit 4096\n"
        f"  pytest {name}"
    )


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="NAME, NAME@WEIGHTS_DIR, FILE.py:CLASS or onnx:FILE.")],
    detector: Annotated[
        str | None, typer.Option(help="Which detector. [default: each that the model serves]")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A dataset file, for its conditions. [default: a dataset maker's]")
    ] = None,
) -> int:
    """Check what is demanded of every simulator, and say how to comply where it is not met.

    Exit status 0 if every check passed, 1 if not.

    For example:

      simbench plugin check my-model

      simbench plugin check path/to/my_model.py:MySimulator --detector neutron
    """
    registry = load_registry()
    asked = find_model(registry, model)
    if detector is not None:
        detectors = [registry.detectors[detector]]
        require_serves(asked, detectors[0])
    elif data is not None:
        raise UserError("--data holds conditions of one detector: name it with --detector")
    else:
        detectors = detectors_of(registry, asked)
    done = failed = 0
    width = max(map(len, CHECKS))
    for each in detectors:
        conditions = _conditions(registry, each, data)
        typer.echo(f"{asked.label} ({asked.source.name} {asked.source.version}) on {each.name}")
        training = sample_training_part(registry, each) if asked.offer.recalls else None
        factory = partial(asked.offer.factory, Context(each, weights=asked.weights, training=training))
        for name, promise, error in verdicts(Subject(factory, each, conditions)):
            said = f"ok      {promise}" if error is None else f"FAILED  {error}"
            typer.echo(f"  {name:{width}}  {said}")
            done += 1
            failed += error is not None
    typer.echo(f"{failed} of {done} checks failed" if failed else f"all {done} checks passed")
    return int(failed > 0)


def _conditions(registry: Registry, detector: Detector, data: str | None) -> npt.NDArray[np.float32]:
    if data is None:
        return conditions_of(registry, detector)
    with open_data(registry, detector, data) as opened:
        rows = np.arange(CONDITIONS) % len(opened)
        return opened.conditions[rows]
