"""The settings of a training, and how ``name=value`` overrides are read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..overrides import overridden


@dataclass(frozen=True)
class Shared:
    """What every training has that draws a photon sum first.

    Attributes:
        aim_steps: updates of the network that says where light is expected.
        sum_steps: updates of the photon sum's networks.
        steps: updates of what follows.
        sum_batch: responses an update of the aim and of each network of the photon sum.
        batch: responses an update of what follows.
        bright: rows of a batch are drawn in proportion to their photon sum N to this power.
        lr: learning rate of AdamW, but for the photon sum; it falls along a cosine.
        sum_lr: the same for the photon sum; constant.
        lr_end: share of ``lr`` that is left at the end.
        warmup: updates over which ``lr`` rises.
        decay: weight decay, but for the photon sum.
        sum_decay: of the photon sum.
        sum_dropout: of the photon sum's networks.
        ema: decay of the moving average, which is kept, but for the photon sum.
        sum_ema: of the photon sum's.
        clip: gradients longer than this are shortened to it.
        smooth: a photon sum teaches a bell of so many bins around its own, where several sums share one.
        members: networks of the photon sum, each stopped by particles of its own.
        sum_width: width of their hidden layers.
        validation: share of the training particles that choose the checkpoint.
        validation_rows: at most so many of their responses, drawn once, judge a checkpoint.
        evaluations: how often a checkpoint is judged, and written.
        storage: ``float16`` or ``float32``, the precision of the weights file.
        threads: of torch; results are bitwise reproducible for a given number.
    """

    aim_steps: int = 3000
    sum_steps: int = 3000
    steps: int = 8000
    sum_batch: int = 512
    batch: int = 384
    bright: float = 0.3
    lr: float = 2e-3
    sum_lr: float = 1e-3
    lr_end: float = 0.02
    warmup: int = 50
    decay: float = 1e-2
    sum_decay: float = 3e-2
    sum_dropout: float = 0.25
    ema: float = 0.998
    sum_ema: float = 0.99
    clip: float = 5.0
    smooth: float = 1.5
    members: int = 4
    sum_width: int = 128
    validation: float = 0.05
    validation_rows: int = 2000
    evaluations: int = 40
    storage: str = "float16"
    threads: int = 1


@dataclass(frozen=True)
class Settings(Shared):
    """All numbers of a training. First the aim is trained, then the photon sum, then the splits.

    Those of :class:`Shared`, and:

    Attributes:
        parents: at most so many parents of each kind, a fine level and update, drawn at random.
        faint: at fine levels a response weighs N to minus this power, and once more where parents are drawn.
        dropout: of the context of the coarse levels.
        fine_dropout: of that of the fine levels.
        components: Dirichlet-multinomials in a mixture.
        width: of split networks at coarse levels.
        fine_width: of split networks at fine levels.
        single_width: of networks for a single photon.
    """

    parents: int = 2500
    faint: float = 0.3
    dropout: float = 0.1
    fine_dropout: float = 0.05
    components: int = 4
    width: int = 96
    fine_width: int = 64
    single_width: int = 32


_STORAGE = ("float16", "float32")
BELOW_ONE = ("dropout", "fine_dropout", "sum_dropout", "ema", "sum_ema", "validation")
MAY_BE_ZERO = (
    "bright",
    "faint",
    "lr_end",
    "warmup",
    "decay",
    "sum_decay",
    "dropout",
    "fine_dropout",
    "sum_dropout",
    "ema",
    "sum_ema",
    "smooth",
)


def resolve(preset: str, overrides: Mapping[str, str]) -> Settings:
    """The settings with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: there is no such preset or setting, or a value is of the wrong type or out of range.
    """
    if preset != "compact":
        raise ValueError(f"a cascade has the preset compact only, found {preset!r}")
    settings = overridden(Settings(), overrides)
    require_in_range(asdict(settings), MAY_BE_ZERO, BELOW_ONE)
    return settings


def require_in_range(
    settings: Mapping[str, Any], may_be_zero: Sequence[str], below_one: Sequence[str]
) -> None:
    """Refuse settings that are no finite numbers above 0, or no precision, with a ValueError.

    Args:
        settings: by name.
        may_be_zero: names of those that may.
        below_one: names of those that have to be.
    """
    for name, value in settings.items():
        if isinstance(value, str):
            if value not in _STORAGE:
                raise ValueError(f"setting {name}: expected {' or '.join(_STORAGE)}, found {value!r}")
        elif not 0 <= value < float("inf"):  # false for NaN too
            raise ValueError(f"setting {name}: expected a finite number >= 0, found {value}")
        elif value == 0 and name not in may_be_zero:
            raise ValueError(f"setting {name}: expected a number above 0, found {value}")
        elif value >= 1 and name in below_one:
            raise ValueError(f"setting {name}: expected a number below 1, found {value}")
