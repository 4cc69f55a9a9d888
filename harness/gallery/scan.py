"""Which metric sees which wrong simulator, and from which size of the fault on?

Everything is made from the reference simulation of a detector. Some independent runs of it tell what a
perfect simulator scores: mean and standard deviation sigma, the **floor**. One more run is spoiled in every
way of :mod:`.faults`. A metric **sees** a fault that makes its value of these responses worse by more than
three sigma: so the answer does not hang on the luck of that run, and a fault that is just seen is beyond
three sigma of the floor in half of all runs. The perfect simulator, which nothing is done to, is compared
with the floor's mean. Sizes are tried from the whole fault downwards, each half of the one before, until
no metric sees it any more.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..data.dataset import Dataset
from ..data.open import load_rows, open_data, split_rows
from ..data.sums import Projection
from ..data.unit import Unit, joined
from ..errors import UserError
from ..plugin.detectors import Detector
from ..plugin.metric import Metric, Scored
from ..plugin.registry import Registry
from ..plugin.simulators import Context, Simulator, SimulatorOffer
from ..run.opening import chosen_metrics
from ..run.runner import chunks
from ..run.tasks import check_responses
from ..score.evaluate import overall, scored, scored_by
from .faults import spoiled, whole
from .spoiling import FAULTS

SIGMAS = 3.0
FLOORS = 12  # runs of the floor
LIMIT = 10_000  # test responses
SIZES = tuple(0.5**step for step in range(7))  # 1 to 1/64
KNOWN = 10_000  # responses of the training part that the memoriser knows, and no more


@dataclass(frozen=True)
class Wish:
    """What ``simbench gallery`` is asked for; the options of the command line."""

    detector: str = "proton"
    data: str = "embedded"
    limit: int = LIMIT
    seed: int = 0
    metrics: Sequence[str] = ()
    sizes: Sequence[float] = SIZES
    floors: int = FLOORS


@dataclass(frozen=True)
class Floor:
    """What a perfect simulator scores: mean and standard deviation (n - 1) over independent runs."""

    mean: float
    std: float


@dataclass(frozen=True)
class Look:
    """A metric on a fault of a size: its value, and by how many sigma of the floor the fault makes it worse.

    Of the perfect simulator, by how many it is worse than the floor's mean.
    """

    fault: str
    size: float
    metric: str
    value: float
    sigmas: float

    @property
    def seen(self) -> bool:
        """Whether that is beyond chance."""
        return self.sigmas > SIGMAS


@dataclass(frozen=True)
class Gallery:
    """What was seen.

    Attributes:
        detector, data: whose responses, and the dataset's fingerprint.
        simulator: the reference simulation that everything is made from.
        responses, particles: of the test part that were used.
        floors: how many runs made the floor.
        seed: of the generation and the faults.
        metrics: by name, as results describe them; those that have a floor.
        floor: by metric.
        looks: fault by fault, from large to small sizes.
        problems: by metric, why it measured nothing.
    """

    detector: str
    data: str
    simulator: str
    responses: int
    particles: int
    floors: int
    seed: int
    metrics: Mapping[str, Mapping[str, Any]]
    floor: Mapping[str, Floor]
    looks: tuple[Look, ...]
    problems: Mapping[str, str]

    def smallest(self, fault: str, metric: str) -> float | None:
        """The size from which on the metric sees the fault at every size; ``None``: not even in full."""
        found = None
        for look in self.looks:
            if (look.fault, look.metric) == (fault, metric):
                if not look.seen:
                    break
                found = look.size
        return found

    @property
    def unseen(self) -> tuple[str, ...]:
        """The wrong simulators that no metric sees."""
        return tuple(
            fault
            for fault in dict.fromkeys(look.fault for look in self.looks)
            if fault != "perfect" and not any(self.smallest(fault, metric) for metric in self.metrics)
        )


def scan(registry: Registry, wish: Wish, report: Callable[[int, int], None] = lambda *_: None) -> Gallery:
    """Make the wrong simulators and measure them.

    Args:
        registry: of the plugins.
        wish: what is asked for.
        report: told the measurements done, of how many at most.

    Raises:
        UserError: wrong use, unreadable data, or no reference simulation of the detector.
    """
    if wish.limit < 1:
        raise UserError(f"--limit should be at least 1, found {wish.limit}")
    detector = registry.detectors[wish.detector]
    metrics = chosen_metrics(registry, wish.metrics)
    offer = _reference(registry, detector)
    with open_data(registry, detector, wish.data) as data:
        learned, rows = split_rows(data, "particle", 0, data.min_photons)
        rows = rows[: wish.limit]
        stage = _Stage(data, rows, learned, detector, offer, metrics, wish.seed)
    steps = wish.floors + len(FAULTS) * len(wish.sizes)
    problems: dict[str, str] = {}
    floor_scores = []
    for run in range(wish.floors):
        report(run, steps)
        floor_scores.append(stage.measure(stage.responses(run), problems))
    perfect = stage.responses(wish.floors)
    sound = stage.measure(perfect, problems)
    known = {metric.name: metric for metric in metrics if metric.name not in problems}
    values = {name: [scores[name] for scores in floor_scores] for name in known}
    floor = {name: Floor(float(np.mean(each)), float(np.std(each, ddof=1))) for name, each in values.items()}
    looks: list[Look] = []
    for place, fault in enumerate(FAULTS):
        beside = sound if fault != "perfect" else {name: one.mean for name, one in floor.items()}
        for step, size in enumerate(wish.sizes):
            report(wish.floors + place * len(wish.sizes) + step, steps)
            scores = stage.measure(stage.spoiled(fault, perfect, size), problems)
            found = [
                Look(fault, size, name, value, _sigmas(known[name], value - beside[name], floor[name]))
                for name, value in scores.items()
            ]
            looks += found
            if fault == "perfect" or not any(one.seen for one in found):
                break
    report(steps, steps)
    return Gallery(
        detector=detector.name,
        data=data.fingerprint,
        simulator=offer.name,
        responses=len(rows),
        particles=len(np.unique(data.particle[rows])),
        floors=wish.floors,
        seed=wish.seed,
        metrics={name: metric.description(detector.unit) for name, metric in known.items()},
        floor=floor,
        looks=tuple(looks),
        problems=problems,
    )


def _reference(registry: Registry, detector: Detector) -> SimulatorOffer:
    for offer in registry.simulators:
        if offer.family == "reference" and offer.serves(detector):
            return offer
    raise UserError(
        f"the gallery's wrong simulators are made from a reference simulation, and detector "
        f"{detector.name!r} has none"
    )


def _sigmas(metric: Metric, step: float, floor: Floor) -> float:
    """How much worse a step is; of what never varies, such as the rate of empties, infinitely many."""
    worse = step if metric.better == "lower" else -step
    if floor.std > 0:
        return worse / floor.std
    return math.copysign(math.inf, worse) if worse else 0.0


class _Stage:
    """The test part, and the reference simulation that answers it."""

    def __init__(
        self,
        data: Dataset,
        rows: npt.NDArray[np.int64],
        learned: npt.NDArray[np.int64],
        detector: Detector,
        offer: SimulatorOffer,
        metrics: Sequence[Metric],
        seed: int,
    ) -> None:
        self._metrics, self._seed, self._detector, self._offer = metrics, seed, detector, offer.name
        self._projection = Projection(detector)
        self._reference = load_rows(data, rows, self._projection)
        self._conditions, self._particle = data.conditions[rows], data.particle[rows]
        self._pdg = data.pdg[rows].astype(np.int64)
        self._simulator: Simulator = offer.factory(Context(detector, min_photons=data.min_photons))
        needs = {need for metric in metrics for need in metric.needs}
        self._images = np.concatenate(list(data.blocks(rows))) if "responses" in needs else None
        self._training: Unit | None = None
        if "training" in needs:
            self._training = load_rows(data, learned, self._projection)
        known = learned[:: -(-len(learned) // KNOWN)]
        self._pool = np.concatenate(list(data.blocks(known))), data.conditions[known]
        self._protocol = {"channels": detector.default_channels, "min_photons": data.min_photons}

    def responses(self, run: int) -> npt.NDArray[Any]:
        """(N, H, W) of the reference simulation."""
        found = []
        for index, chunk in chunks(len(self._conditions)):
            conditions = self._conditions[chunk]
            seed = rng.derive(self._seed, "gallery", self._offer, run, index)
            answer = self._simulator.generate(conditions.copy(), seed=seed)
            found.append(check_responses(answer, len(conditions), self._detector.shape))
        return np.concatenate(found)

    def spoiled(self, fault: str, responses: npt.NDArray[Any], size: float) -> npt.NDArray[Any]:
        """With a fault; counts stay whole."""
        found = spoiled(
            fault,
            responses,
            self._conditions,
            self._particle,
            seed=self._seed,
            size=size,
            species=self._pdg if len(np.unique(self._pdg)) > 1 else None,
            pool=self._pool,
        )
        if responses.dtype.kind not in "iu":
            return found.astype(np.float32)
        return whole(found, self._seed).astype(np.int32)

    def measure(self, responses: npt.NDArray[Any], problems: dict[str, str]) -> dict[str, float]:
        """The metrics' values; what measures nothing is told in ``problems``, once."""
        run = self._scored(responses)
        found = {}
        for metric in self._metrics:
            if metric.name in problems:
                continue
            values, problem = scored_by(metric, [run])
            value = overall(values[0]) if values else None
            if value is None:
                problems[metric.name] = problem or "no value"
            else:
                found[metric.name] = value
        return found

    def _scored(self, responses: npt.NDArray[Any]) -> Scored:
        unit = joined([self._projection(responses[chunk]) for _, chunk in chunks(len(responses))])
        images = self._images

        def blocks() -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
            assert images is not None  # noqa: S101 - given only where they are
            return ((images[chunk], responses[chunk]) for _, chunk in chunks(len(responses)))

        return scored(
            self._reference, unit, self._protocol, self._training, None if images is None else blocks
        )
