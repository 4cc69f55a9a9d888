"""What a step is given, and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .features import Features
from .showers import Showers

Seen: TypeAlias = Callable[[int, int], None]  # told how much is done, of how much


@dataclass(frozen=True)
class Side:
    """Showers in one or more files, their features, and the largest voxel in MeV."""

    showers: Showers
    features: Features
    largest: float


@dataclass(frozen=True)
class Found:
    """A score: its value, its error, and of how many showers of a side where not of all."""

    value: float | None
    error: float | None = None
    rows: int | None = None
