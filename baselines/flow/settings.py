"""The settings of a flow's training, and how ``name=value`` overrides are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..cascade.settings import BELOW_ONE, MAY_BE_ZERO, Shared, require_in_range
from ..overrides import overridden


@dataclass(frozen=True)
class FlowSettings(Shared):
    """All numbers of a training. First the aim is trained, then the photon sum, then the flow of images.

    Those of :class:`simbench.baselines.cascade.settings.Shared`, and:

    Attributes:
        faint: a response's loss weighs N to minus this power.
        noise: width of the noise that makes counts real numbers, at most 1.
        width: of the layers that work on a patch.
        depth: of these layers, after the first.
        context_width: of the network that is told of the particle.
        whole_width: of the path through the whole image.
        steps_ode: steps from noise to an image in generation; stored with the weights.
    """

    steps: int = 1500
    aim_steps: int = 800
    sum_steps: int = 1500
    batch: int = 192
    decay: float = 1e-3
    evaluations: int = 20
    faint: float = 0.3
    noise: float = 0.2
    width: int = 48
    depth: int = 2
    context_width: int = 128
    whole_width: int = 96
    steps_ode: int = 6


def resolve(preset: str, overrides: Mapping[str, str]) -> FlowSettings:
    """The settings with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: there is no such preset or setting, or a value is of the wrong type or out of range.
    """
    if preset != "compact":
        raise ValueError(f"a flow has the preset compact only, found {preset!r}")
    settings = overridden(FlowSettings(), overrides)
    require_in_range(asdict(settings), MAY_BE_ZERO, BELOW_ONE)
    if settings.noise > 1:
        raise ValueError(f"setting noise: expected a number of at most 1, found {settings.noise}")
    return settings
