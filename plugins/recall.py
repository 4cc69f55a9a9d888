"""``blind`` and ``replay``: what draws from the training part itself, the anchors of every table."""

from collections.abc import Iterable

from simbench.harness.hooks import (
    ANCHOR,
    Context,
    Simulator,
    SimulatorOffer,
    TrainingPart,
    hookimpl,
    read_training,
)


def _blind(context: Context) -> Simulator:
    from simbench.baselines.recall import Blind

    part = _part(context)
    return Blind(len(part), part.responses)


def _replay(context: Context) -> Simulator:
    from simbench.baselines.conditions import CLIP, Scaler, geometry_of
    from simbench.baselines.recall import Replay

    part, detector = _part(context), context.detector
    geometry = geometry_of(detector.half_size, detector.centre, detector.distance, detector.feature_names)
    scaler = Scaler.fit(part.conditions, clip=CLIP, geometry=geometry)
    return Replay(part.conditions, part.particle, part.responses, scaler)


def _part(context: Context) -> TrainingPart:
    if context.training is None:
        raise ValueError("there is no training part to draw from: it is that of a run's split")
    return read_training(context.training)


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """Two anchors, for any detector. They need no weights: a run gives them its split's training part."""
    yield SimulatorOffer(
        name="blind",
        title="Blind: training responses at random, whatever the particle",
        factory=_blind,
        family=ANCHOR,
        reference="simbench documentation, Protocol",
        recalls=True,
    )
    yield SimulatorOffer(
        name="replay",
        title="Replay: training responses of the nearest particles",
        factory=_replay,
        family=ANCHOR,
        reference="simbench documentation, Models",
        recalls=True,
    )
