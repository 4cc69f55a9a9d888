"""The settings of a mixture's training: those of a cascade, of each expert's size, and a few of its own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...overrides import overridden
from ..settings import BELOW_ONE, MAY_BE_ZERO, Settings, require_in_range


@dataclass(frozen=True)
class MixtureSettings(Settings):
    """All numbers of a training; what a cascade's training has, too, stands there.

    First the aim is trained, then all else together, in rounds: at the beginning of a round, Bayes' theorem
    says of which expert each response of a pool is; during the round these teach the experts and the gate.
    ``batch`` and ``parents`` are those of all experts together, an update. Experts are half as wide as a
    cascade.

    Attributes:
        experts: how many; with ``search``, at the start.
        search: during this share of the updates, the first ones, experts are born and die by the likelihood
            of held-out particles; 0 keeps their number.
        rounds: how often it is asked anew of which expert a response is.
        pool: responses of a round, drawn at random.
    """

    width: int = 48
    fine_width: int = 32
    single_width: int = 16
    experts: int = 3
    search: float = 0.0
    rounds: int = 16
    pool: int = 12000


def resolve(preset: str, overrides: Mapping[str, str]) -> MixtureSettings:
    """The settings with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: there is no such preset or setting, or a value is of the wrong type or out of range.
    """
    if preset != "compact":
        raise ValueError(f"a mixture of cascades has the preset compact only, found {preset!r}")
    settings = overridden(MixtureSettings(), overrides)
    require_in_range(asdict(settings), (*MAY_BE_ZERO, "search"), (*BELOW_ONE, "search"))
    return settings
