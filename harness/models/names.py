"""The models that ``--models`` names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..plugin.detectors import Detector
from ..plugin.registry import Registry, Source
from ..plugin.simulators import Context, SimulatorOffer
from .file import is_file_model, offer_of
from .onnx.file import is_onnx_model, onnx_offer_of

_SPEC = re.compile(r"(?P<name>.+?\.py:\w+|[^@]+)(@(?P<folder>.+)?)?")  # a file's path may hold an @


@dataclass(frozen=True)
class Model:
    """A model as the command line asks for it.

    ``label`` is NAME, NAME@WEIGHTS_DIR, FILE.py:CLASS or onnx:FILE, files without their folders.
    """

    label: str
    offer: SimulatorOffer
    source: Source
    weights: Path | None = None


def parse_models(registry: Registry, specs: Sequence[str], context: Context) -> list[Model]:
    """The models that ``--models`` names, each once, in order.

    Raises:
        UserError: a name is unknown, does not serve the detector, or names a file, a class or a folder that
            is not there.
    """
    models: dict[str, Model] = {}
    for spec in (part.strip() for text in specs for part in text.split(",")):
        if spec == "all":
            chosen = [o.name for o in registry.simulators if not o.slow and o.serves(context.detector)]
        else:
            chosen = [spec]
        for one in chosen:
            model = find_model(registry, one)
            require_serves(model, context.detector)
            known = models.get(model.label)
            if known and _called(known.offer.factory) != _called(
                model.offer.factory
            ):  # files of one name in two folders
                model = Model(one, model.offer, model.source, model.weights)
            models.setdefault(model.label, model)
    if not models:
        raise UserError(f"no model serves the detector {context.detector.name!r}")
    return list(models.values())


def find_model(registry: Registry, spec: str) -> Model:
    """The model that NAME or FILE.py:CLASS, either with @WEIGHTS_DIR, or onnx:FILE stands for.

    Raises:
        UserError: the name is unknown, or the file, the class or the folder is not there.
    """
    if is_onnx_model(spec):
        offer, source = onnx_offer_of(spec)
        return Model(offer.name, offer, source)
    parts = _SPEC.fullmatch(spec)
    name, folder = (parts["name"], parts["folder"]) if parts else (spec, None)
    if is_file_model(name):
        offer, source = offer_of(name)
    else:
        offer, source = registry.simulators[name], registry.simulators.sources[name]
    if spec.endswith("@"):
        raise UserError(f"model {spec!r}: no folder of weights is named after the @")
    if folder and not Path(folder).is_dir():
        raise UserError(f"model {spec!r}: no folder of weights at {folder}")
    label = f"{offer.name}@{folder}" if folder else offer.name
    return Model(label, offer, source, Path(folder) if folder else None)


def require_serves(model: Model, detector: Detector) -> None:
    """Raise UserError unless a model serves ``detector`` as it comes, or has weights of a training."""
    offer = model.offer
    if model.weights is None and not offer.serves(detector):
        serves = [", ".join(offer.detectors)] if offer.detectors else []
        serves += [f"trained weights as {offer.name}@DIR"] if offer.trainer else []
        raise UserError(
            f"model {offer.name!r} does not serve detector {detector.name!r}; "
            f"it serves {', or '.join(serves)}"
        )


def _called(factory: Callable[[Context], Any]) -> tuple[Any, ...]:
    """What a factory is: two partials of the same arguments are the same."""
    return getattr(factory, "func", factory), getattr(factory, "args", ())
