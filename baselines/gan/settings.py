"""The settings of a training: what each preset chooses, and how ``name=value`` overrides are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from ..overrides import overridden


@dataclass(frozen=True)
class Settings:
    """All numbers of a training. Rates, lengths and weights; steps are updates of the generator.

    Attributes:
        steps: length of the training; 0 means ``epochs``.
        epochs: passes through the training part, used where ``steps`` is 0.
        batch: responses a step.
        bright: share of a batch whose rows are drawn in proportion to a power of their particle's mean
            photon sum, the rest uniformly. Conditions are drawn so, responses of one condition never:
            what is learned, the distribution of the response to a condition, stays the same.
        bright_power: that power.
        noise: dimension of the noise z ~ N(0, 1).
        lambda_div: weight of the diversity term (Eq. 1).
        lambda_in: weight of the intensity term (Eqs. 2, 3).
        lambda_aux: weight of the auxiliary regressor's term (Eq. 4).
        aux_units: in which Eq. 4 measures places: ``pixels``, as it is printed, or ``image``, where they are
            scaled to [0, 1] and the term is some thousand times smaller.
        lr_generator: Adam's learning rate for the generator.
        lr_discriminator: the same for the discriminator.
        lr_regressor: the same for the auxiliary regressor.
        beta1: Adam's first-moment decay.
        beta2: Adam's second-moment decay.
        warmup: steps over which the rates rise linearly from zero.
        decay: last share of the training over which the rates fall along a cosine.
        decay_to: what is left of the rates at the end.
        adversarial: ``bce`` (non-saturating) or ``relativistic`` (pairing of real and generated).
        penalty: weight gamma of R1 + R2; 0 switches them off.
        penalty_every: they are computed every so many steps, and weigh so many times more.
        ema: decay of the moving average of the generator's weights that is kept; 0 keeps the weights.
        ema_from: step at which the average starts.
        ema_late: its decay in the last 30 % of the training.
        div_distance: the distance d_I of Eq. 1: ``images`` (log images; the compact preset takes the log of
            its groups' rates) or ``latent`` (the discriminator's last hidden layer, as the released code).
        div_clip: upper bound of the ratio d_z / d_I of Eq. 1.
        div_rows: rows of the batch on which Eq. 1 is evaluated; 0 means all.
        intensity: the intensity of Eq. 2 in ``photons``, or their ``log``.
        width: hidden width of the compact networks.
        depth: hidden layers of the compact generator.
        rank: width of the compact generator's layer that spans the profiles.
        cell: side of the compact discriminator's cells, in pixels; with the ``layers`` preset, in layers.
        sums: scale of the logarithms of channel sums among its inputs.
        lines: scale of the logarithms of rows and columns among its inputs; or of layers and rings.
        field: spacing of the nodes of the compact generator's coarse field, in pixels.
        evaluations: how many times the validation score is taken, and a checkpoint written.
        storage: ``float32`` or ``float16``, the precision of the weights file.
        threads: torch threads; results are bitwise reproducible for a given number.
    """

    steps: int
    epochs: int
    batch: int
    bright: float
    bright_power: float
    noise: int
    lambda_div: float
    lambda_in: float
    lambda_aux: float
    aux_units: str
    lr_generator: float
    lr_discriminator: float
    lr_regressor: float
    beta1: float
    beta2: float
    warmup: int
    decay: float
    decay_to: float
    adversarial: str
    penalty: float
    penalty_every: int
    ema: float
    ema_from: int
    ema_late: float
    div_distance: str
    div_clip: float
    div_rows: int
    intensity: str
    width: int
    depth: int
    rank: int
    cell: int
    sums: float
    lines: float
    field: int
    evaluations: int
    storage: str
    threads: int


# The released architecture with the paper's published choices; the last lines do not concern it.
PAPER = Settings(
    steps=0,
    epochs=150,
    batch=512,
    bright=0.0,
    bright_power=0.0,
    noise=10,
    lambda_div=0.1,
    lambda_in=1e-3,
    lambda_aux=1e-3,
    aux_units="pixels",
    lr_generator=1e-4,
    lr_discriminator=1e-5,
    lr_regressor=1e-4,
    beta1=0.9,
    beta2=0.999,
    warmup=0,
    decay=0.0,
    decay_to=1.0,
    adversarial="bce",
    penalty=0.0,
    penalty_every=1,
    ema=0.0,
    ema_from=0,
    ema_late=0.0,
    div_distance="images",
    div_clip=50.0,
    div_rows=0,
    intensity="photons",
    width=0,
    depth=0,
    rank=0,
    cell=0,
    sums=0.0,
    lines=0.0,
    field=0,
    evaluations=50,
    storage="float32",
    threads=1,
)

# For CPUs: a rate map with a photon draw, judged on coarse cells (see networks_compact.py).
COMPACT = Settings(
    steps=5_000,
    epochs=0,
    batch=256,
    bright=0.5,
    bright_power=0.5,
    noise=10,
    lambda_div=0.01,
    lambda_in=1e-4,
    lambda_aux=1e-5,
    aux_units="pixels",
    lr_generator=5e-4,
    lr_discriminator=5e-4,
    lr_regressor=5e-4,
    beta1=0.0,
    beta2=0.99,
    warmup=100,
    decay=0.3,
    decay_to=0.02,
    adversarial="relativistic",
    penalty=0.2,
    penalty_every=4,
    ema=0.995,
    ema_from=300,
    ema_late=0.998,
    div_distance="images",
    div_clip=50.0,
    div_rows=64,
    intensity="photons",
    width=256,
    depth=2,
    rank=128,
    cell=4,
    sums=3.0,
    lines=0.1,
    field=2,
    evaluations=40,
    storage="float16",
    threads=1,
)

# The same for energies in layers of rings (see networks_layers.py).
LAYERS = replace(
    COMPACT,
    steps=12000,
    batch=128,
    lambda_in=0.1,
    intensity="log",
    lambda_aux=1e-3,
    lr_generator=1e-3,
    lr_discriminator=2e-3,
    penalty=0.02,
    ema_from=150,
    ema_late=0.999,
    cell=3,
    sums=0.0,
    lines=3.0,
    field=0,
)

PRESETS: dict[str, Settings] = {"compact": COMPACT, "layers": LAYERS, "paper": PAPER}
AnySettings = TypeVar("AnySettings", bound=Settings)

_CHOICES = {
    "adversarial": ("bce", "relativistic"),
    "aux_units": ("pixels", "image"),
    "div_distance": ("images", "latent"),
    "intensity": ("photons", "log"),
    "storage": ("float32", "float16"),
    "router": ("learned", "energy", "intensity", "random"),
    "diff_intensity": ("photons", "log"),
}
_AT_LEAST_ONE = ("batch", "noise", "penalty_every", "evaluations", "threads")
_ABOVE_ZERO = ("temperature",)
_SIZES = {
    "compact": ("width", "depth", "rank", "cell", "field"),
    "layers": ("width", "depth", "rank", "cell"),
}
_AT_MOST_ONE = ("bright", "beta1", "beta2", "decay", "decay_to", "ema", "ema_late", "shared")


def resolve(preset: str, overrides: Mapping[str, str], presets: Mapping[str, AnySettings]) -> AnySettings:
    """The settings of one of ``presets`` with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: an unknown preset or setting, or a value of the wrong type or out of range.
    """
    if preset not in presets:
        raise ValueError(f"unknown preset {preset!r}; expected one of {', '.join(presets)}")
    settings = overridden(presets[preset], overrides)
    _check(settings, _AT_LEAST_ONE + _SIZES.get(preset, ()))
    return settings


def _check(settings: Settings, at_least_one: tuple[str, ...]) -> None:
    values = asdict(settings)
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise ValueError(f"setting {name}: expected {' or '.join(choices)}, found {values[name]!r}")
    for name, value in values.items():
        if isinstance(value, str):
            continue
        if not 0 <= value < float("inf"):  # false for NaN too
            raise ValueError(f"setting {name}: expected a finite number >= 0, found {value}")
        if name in at_least_one and value < 1:
            raise ValueError(f"setting {name}: expected at least 1, found {value}")
        if name in _ABOVE_ZERO and value == 0:
            raise ValueError(f"setting {name}: expected a number above 0, found {value}")
        if name in _AT_MOST_ONE and value > 1:
            raise ValueError(f"setting {name}: expected at most 1, found {value}")
    if settings.steps == 0 and settings.epochs == 0:
        raise ValueError("settings steps and epochs: one of them must be above 0, found both 0")
