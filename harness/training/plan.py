"""What a sweep is asked to do, and what its plugin makes of it, checked before anything is computed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import UserError, one_line
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.sweeps import Sweep, SweepPoint, SweepRequest
from ..run.request import Request, check_seed

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class SweepOptions:
    """What ``simbench sweep`` was asked to do; the options of the command line, with their defaults.

    ``scoring`` is how every point is scored, less its model, and on which data and split it is trained.
    """

    sweep: str
    scoring: Request
    preset: str = "compact"
    budget: float = 1.0
    seeds: tuple[int, ...] = (0,)
    overrides: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1

    def check(self) -> None:
        """Raise UserError for a number that is out of range."""
        if not 0 < self.budget <= 1:  # NaN is neither
            raise UserError(f"--budget should be above 0 and at most 1, found {self.budget}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UserError(f"--seeds should name each seed once, found {', '.join(map(str, self.seeds))}")
        for seed in self.seeds:
            check_seed("--seeds", seed)
        if self.workers < 1:
            raise UserError(f"--workers should be at least 1, found {self.workers}")
        self.scoring.check()


def points_of(
    registry: Registry, planned: Sweep, detector: Detector, options: SweepOptions, seeds: tuple[int, ...]
) -> list[SweepPoint]:
    """The points that a plugin plans.

    Raises:
        UserError: it refuses, or they are not what :class:`simbench.harness.hooks.SweepPoint` promises.
    """
    asked = SweepRequest(detector, options.preset, options.budget, seeds, dict(options.overrides))
    where = f"sweep {planned.name!r}"
    try:
        points = [
            replace(point, overrides=dict(point.overrides), parameters=dict(point.parameters))
            for point in planned.plan(asked)
        ]
    except Exception as error:
        told = str(error) if isinstance(error, ValueError) else one_line(error)
        raise UserError(f"{where}: {told}") from error
    names = [point.name for point in points]
    if not points or len(set(names)) < len(names):
        raise UserError(f"{where} should plan points of different names, found {', '.join(names) or 'none'}")
    for point in points:
        if not _NAME.fullmatch(point.name):
            raise UserError(f"{where}: a point's name should match {_NAME.pattern}, found {point.name!r}")
        if registry.simulators[point.model].trainer is None:
            raise UserError(f"{where}, point {point.name}: the model {point.model!r} does not learn")
        if point.seed not in seeds:
            raise UserError(f"{where}, point {point.name}: the seed {point.seed} was not asked for")
        if point.parameters.keys() != set(planned.parameters):
            raise UserError(
                f"{where}, point {point.name}: parameters should be {', '.join(planned.parameters)}, "
                f"found {', '.join(point.parameters)}"
            )
        for name, value in point.parameters.items():
            if not isinstance(value, str) and not (isinstance(value, int | float) and math.isfinite(value)):
                raise UserError(
                    f"{where}, point {point.name}: {name} should be text or a finite number, found {value!r}"
                )
    return points


def require_same_sweep(before: Mapping[str, Any], options: SweepOptions, out: Path) -> None:
    """Raise UserError naming in what the sweep in ``out`` is another than the one asked for."""
    stored = {**before, "overrides": before["settings"]["overrides"]}
    for name in ("sweep", "detector", "preset", "budget", "overrides"):
        asked = options.scoring.detector if name == "detector" else getattr(options, name)
        if stored[name] != asked:
            raise UserError(
                f"{out} holds a sweep of another {name}: {stored[name]}, asked for {asked}; "
                "choose another folder or delete it"
            )


def require_same_points(
    entries: Mapping[str, Mapping[str, Any]], points: Sequence[SweepPoint], out: Path
) -> None:
    """Raise UserError if a point of ``out`` (its entries by name) is now planned otherwise."""
    for point in points:
        entry = entries.get(point.name, {})
        for name in ("model", "seed", "overrides", "parameters"):
            if entry and entry[name] != getattr(point, name):
                raise UserError(
                    f"{out}: the {name} of the point {point.name} was {entry[name]} and would now be "
                    f"{getattr(point, name)}; choose another folder or delete it"
                )
