"""What a run has cost, kept among its units: a later one of its kind will cost about the same."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json, write_json

SPENT = "units/spent.json"  # in a run's folder


@dataclass
class Spent:
    """Seconds of one process each.

    Attributes:
        models: (responses, seconds) that were generated, by label.
        metrics: (runs, seconds) that were scored, by metric.
        responses: of a run.
    """

    responses: int
    models: dict[str, tuple[int, float]] = field(default_factory=dict)
    metrics: dict[str, tuple[int, float]] = field(default_factory=dict)

    def scored(self, metric: str, seconds: float) -> None:
        """Take in one run, scored by a metric."""
        runs, before = self.metrics.get(metric, (0, 0.0))
        self.metrics[metric] = runs + 1, before + seconds

    def write(self, folder: Path, wall: float) -> None:
        """Write it, with the wall time of the whole and this process' peak memory; older figures stay.

        A model or metric that this time had nothing to do keeps what it has cost before.
        """
        before: Any = {}
        with suppress(UserError):
            before = read_spent(folder)
        models = {
            label: {"responses": count, "seconds": seconds}
            for label, (count, seconds) in self.models.items()
            if count
        }
        metrics = {
            name: {"responses": self.responses, "runs": runs, "seconds": seconds}
            for name, (runs, seconds) in self.metrics.items()
        }
        told = {
            **before,
            "models": {**before.get("models", {}), **models},
            "metrics": {**before.get("metrics", {}), **metrics},
            "last": {"seconds": wall, "memory_mb": peak_memory()},
        }
        write_json(folder / SPENT, told)


def add_page(folder: Path, seconds: float) -> None:
    """Write down what the tables and the page of a run have cost."""
    write_json(folder / SPENT, {**read_spent(folder), "page": {"seconds": seconds}})


def read_spent(folder: Path) -> Mapping[str, Any]:
    """What a folder's runs have cost: ``models``, ``metrics`` and the ``last`` command's whole.

    Raises:
        UserError: the folder tells nothing of it, or not so.
    """
    found = read_json(folder / SPENT)
    try:
        for kind, keys in (("models", ("responses",)), ("metrics", ("responses", "runs"))):
            for each in found[kind].values():
                if not (all(each[key] > 0 for key in keys) and each["seconds"] >= 0):
                    raise ValueError(each)  # noqa: TRY301
        float(found.get("page", {"seconds": 0})["seconds"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{folder / SPENT} does not tell what a run has cost: {error}") from error
    return dict(found)


def peak_memory() -> float | None:
    """The most memory that this process has held, in MB; ``None`` where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
