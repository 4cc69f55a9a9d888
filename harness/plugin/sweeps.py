"""A sweep, as a plugin offers it: trainings that differ in a few settings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .detectors import Detector


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep is to be planned for.

    Attributes:
        detector: whose responses are to be learned.
        preset: ``compact`` or ``paper``.
        budget: 0 < budget <= 1, the share of the preset's passes over the data that every training gets.
        seeds: of the trainings, each once.
        overrides: settings given by ``--set name=value``, for every point.
    """

    detector: Detector
    preset: str
    budget: float
    seeds: tuple[int, ...]
    overrides: Mapping[str, str]


@dataclass(frozen=True)
class SweepPoint:
    """One training of a sweep.

    Attributes:
        name: unique in its sweep, and the same whatever other seeds are asked for; lower-case letters,
            digits, dots and hyphens, for it names a folder.
        model: a registered simulator that has a trainer.
        seed: of the training, one of those asked for.
        overrides: all settings that the trainer is given: the point's own, the request's, and the length of
            the training that the budget comes to.
        parameters: what tables show for the point, by the names in :attr:`Sweep.parameters`; equal for
            points that differ by their seed only.
    """

    name: str
    model: str
    seed: int
    overrides: Mapping[str, str]
    parameters: Mapping[str, str | int | float]


@dataclass(frozen=True)
class Sweep:
    """Trainings that differ in a few settings, to be scored and shown side by side.

    Attributes:
        name: what ``simbench sweep`` calls it.
        title: its name in prose.
        parameters: names of what differs between points, the columns of its tables.
        plan: its points, in the order of its tables. A ``ValueError`` is shown to the user as one line.
        caption: a sentence for its tables.
        reference: where the like was published.
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    plan: Callable[[SweepRequest], Iterable[SweepPoint]]
    caption: str = ""
    reference: str = ""
