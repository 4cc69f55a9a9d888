"""The settings of a training of a cascade of energies, and how ``name=value`` overrides are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...overrides import overridden
from ..settings import require_in_range

_MAY_BE_ZERO = ("lr_end", "warmup", "decay", "ema")
_BELOW_ONE = ("ema", "validation", "lr_end")


@dataclass(frozen=True)
class EnergySettings:
    """All numbers of a training.

    Attributes:
        steps: updates.
        batch: showers an update.
        nodes: at most so many splits of each kind an update, drawn at random.
        total_batch: showers an update of the network of the total energy.
        lr: learning rate of AdamW; it falls along a cosine.
        lr_end: share of ``lr`` that is left at the end.
        warmup: updates over which ``lr`` rises.
        decay: weight decay.
        ema: decay of the moving average that is kept.
        clip: gradients longer than this are shortened to it.
        components: Betas in a mixture.
        width: of the networks that split layers.
        ring_width: of those that split rings.
        angle_width: of those that split angles.
        total_width: of the network of the total energy.
        total_components: normals in its mixture.
        validation: share of the training particles that choose the checkpoint.
        validation_rows: at most so many of their showers, drawn once, judge a checkpoint.
        evaluations: how often a checkpoint is judged, and written.
        storage: ``float16`` or ``float32``, the precision of the weights file.
        threads: of torch; results are bitwise reproducible for a given number.
    """

    steps: int = 8000
    batch: int = 32
    nodes: int = 4000
    total_batch: int = 512
    lr: float = 3e-3
    lr_end: float = 0.02
    warmup: int = 50
    decay: float = 1e-3
    ema: float = 0.998
    clip: float = 5.0
    components: int = 3
    width: int = 96
    ring_width: int = 64
    angle_width: int = 48
    total_width: int = 48
    total_components: int = 4
    validation: float = 0.05
    validation_rows: int = 200
    evaluations: int = 20
    storage: str = "float16"
    threads: int = 1


def resolve(preset: str, overrides: Mapping[str, str]) -> EnergySettings:
    """The settings with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: there is no such preset or setting, or a value is of the wrong type or out of range.
    """
    if preset != "compact":
        raise ValueError(f"a cascade has the preset compact only, found {preset!r}")
    settings = overridden(EnergySettings(), overrides)
    require_in_range(asdict(settings), _MAY_BE_ZERO, _BELOW_ONE)
    return settings
