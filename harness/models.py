"""The models that ``--models`` names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError
from .hooks import Context, SimulatorOffer
from .registry import Registry, Source


@dataclass(frozen=True)
class Model:
    """A model as the command line asks for it: ``label`` is NAME or NAME@WEIGHTS_DIR."""

    label: str
    offer: SimulatorOffer
    source: Source
    weights: Path | None = None


def parse_models(registry: Registry, specs: Sequence[str], context: Context) -> list[Model]:
    """The models that ``--models`` names, each once, in order.

    Raises:
        UserError: a name is unknown, does not serve the detector, or names a folder that is not there.
    """
    models: dict[str, Model] = {}
    for spec in (part.strip() for text in specs for part in text.split(",")):
        if spec == "all":
            chosen = [o.name for o in registry.simulators if not o.slow and o.serves(context.detector)]
        else:
            chosen = [spec]
        for label in chosen:
            name, _, folder = label.partition("@")
            offer = registry.simulators[name]
            if not folder and not offer.serves(context.detector):
                serves = ", ".join(offer.detectors or ())
                trained = f", or trained weights as {name}@DIR" if offer.trainer else ""
                raise UserError(
                    f"model {name!r} does not serve detector {context.detector.name!r}; "
                    f"it serves {serves}{trained}"
                )
            if folder and not Path(folder).is_dir():
                raise UserError(f"model {label!r}: no folder of weights at {folder}")
            weights = Path(folder) if folder else None
            models.setdefault(label, Model(label, offer, registry.simulators.sources[name], weights))
    if not models:
        raise UserError(f"no model serves the detector {context.detector.name!r}")
    return list(models.values())
