"""Who is told how a run, or a sweep of trainings, goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.unit import Unit
from ..metrics.wasserstein import wasserstein
from ..plugin.simulators import Progress


@dataclass
class Watch:
    """What a run of models, or a sweep of points, tells those who watch it; every default is silent."""

    data: Callable[[int, int], None] = lambda *_: None  # rows made so far, of how many
    begin: Callable[[Sequence[str], int], None] = lambda *_: None  # names, responses (or points) of each
    advance: Callable[[str, int], None] = lambda *_: None  # a name, responses (or points) more
    running: Callable[[str, float], None] = lambda *_: None  # a name, its WS over the runs that are done
    scored: Callable[[int, int], None] = lambda *_: None  # scores computed so far, of how many
    news: Callable[[str, Progress], None] = lambda *_: None  # of a point's training, with one worker only
    end: Callable[[Mapping[str, Any]], None] = lambda *_: None  # an entry of the result


class RunningScore:
    """Tells the mean WS of a model over its finished runs, long before all metrics are measured."""

    def __init__(self, reference: Unit, convention: str, tell: Callable[[str, float], None]) -> None:
        self._reference, self._convention, self._tell = reference.channels(convention), convention, tell
        self._values: dict[str, list[float]] = {}

    def __call__(self, label: str, unit: Unit) -> None:
        """Take in a finished run."""
        pairs = zip(self._reference.T, unit.channels(self._convention).T, strict=True)
        values = self._values.setdefault(label, [])
        values.append(float(np.mean([wasserstein(*pair) for pair in pairs])))
        self._tell(label, float(np.mean(values)))
