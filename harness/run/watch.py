"""Who is told how a run, or a sweep of trainings, goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plugin.simulators import Progress


@dataclass
class Watch:
    """What a run of models, or a sweep of points, tells those who watch it; every default is silent."""

    data: Callable[[int, int], None] = lambda *_: None  # rows made so far, of how many
    begin: Callable[[Sequence[str], int], None] = lambda *_: None  # names, responses (or points) of each
    advance: Callable[[str, int], None] = lambda *_: None  # a name, responses (or points) more
    scored: Callable[[int, int], None] = lambda *_: None  # scores computed so far, of how many
    news: Callable[[str, Progress], None] = lambda *_: None  # of a point's training, with one worker only
    end: Callable[[Mapping[str, Any]], None] = lambda *_: None  # an entry of the result
