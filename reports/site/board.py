"""What the pages show, gathered from submissions: boards of one protocol each, and the models on them."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simbench.harness.sharing.folder import Submission

from ..figures.scores import EXPECTED
from ..tables.table import Cell
from ..text.rounding import finite

COLUMNS = ("detector", "protocol", "submission", "added", "model", "plugin", "version", "weights", "metric",
           "mean", "std", "floor", "relative_time", "marks")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A model of a submission that was scored."""

    submission: Submission
    model: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.model["name"])

    @property
    def version(self) -> str:
        """The plugin's."""
        return str(self.model["plugin"]["version"])

    @property
    def weights(self) -> str:
        """The first digits of a digest of the plugin's code and of the model's weights."""
        identity = self.model.get("identity") or {}
        told = repr((identity.get("plugin"), identity.get("weights")))
        return hashlib.sha256(told.encode()).hexdigest()[:8]

    @property
    def apart(self) -> int:
        """0 of a candidate, 1 of an anchor, 2 of the reference simulation, which take no rank."""
        return {"anchor": 1, "reference": 2}.get(str(self.model.get("family")), 0)

    def score(self, metric: str) -> Cell:
        """A metric's mean and deviation over runs."""
        return Cell.measured(self.model.get(metric))

    @property
    def time(self) -> float | None:
        """Seconds of 10,000 responses on the CPU, in those of the fixed workload timed beside them.

        Seconds of different machines are not compared; see ``docs/performance.md``.
        """
        timing = (self.model.get("timing") or {}).get("cpu") or {}
        seconds, work = finite(timing.get("seconds_per_10k")), timing.get("workload") or []
        known = [number for each in work if (number := finite(each)) is not None and number > 0]
        return seconds / sorted(known)[len(known) // 2] if seconds and known else None


@dataclass(frozen=True)
class Board:
    """All submissions of one protocol."""

    detector: str
    protocol: str
    submissions: tuple[Submission, ...]

    @property
    def fixed(self) -> Mapping[str, Any]:
        """What is held fixed."""
        return dict(self.submissions[0].run.result["protocol"])

    @property
    def metrics(self) -> list[str]:
        """Their names, the one that ranks first."""
        names = list(self.fixed["metrics"])
        first = EXPECTED if EXPECTED in names else names[0]
        return [first, *(name for name in names if name != first)]

    def better(self, metric: str) -> str:
        """``lower`` or ``higher``."""
        return str(self.submissions[0].run.result["metrics"][metric]["better"])

    @property
    def entries(self) -> list[Entry]:
        """Best first by the first metric; anchors and the reference simulation last."""
        found = [Entry(one, model) for one in self.submissions for model in one.run.result["models"]]
        metric = self.metrics[0]
        sign = 1 if self.better(metric) == "lower" else -1

        def order(entry: Entry) -> tuple[int, bool, float, str, str]:
            mean = entry.score(metric).mean
            return (entry.apart, mean is None, sign * (mean or 0.0), entry.name, entry.submission.name)

        return sorted((entry for entry in found if entry.model["status"] == "ok"), key=order)

    @property
    def failed(self) -> list[Entry]:
        """The models that failed."""
        found = [Entry(one, model) for one in self.submissions for model in one.run.result["models"]]
        return [entry for entry in found if entry.model["status"] != "ok"]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One value a row, as :data:`COLUMNS`, for the downloads."""
        for entry in self.entries:
            one = entry.submission
            plugin = str(entry.model["plugin"]["name"])
            head = (self.detector, self.protocol, one.name, one.added, entry.name, plugin)
            for metric in self.metrics:
                value = entry.model.get(metric) or {}
                numbers = tuple(finite(value.get(key)) for key in ("mean", "std", "floor"))
                yield (
                    *head,
                    entry.version,
                    entry.weights,
                    metric,
                    *numbers,
                    entry.time,
                    "; ".join(entry.model["marks"]),
                )


def boards(submissions: Sequence[Submission]) -> list[Board]:
    """A board for each detector and protocol."""
    found: dict[tuple[str, str], list[Submission]] = {}
    for one in submissions:
        found.setdefault((one.detector, one.protocol), []).append(one)
    return [Board(*place, tuple(ones)) for place, ones in sorted(found.items())]


def slug(name: str) -> str:
    """A file's name for a model: its own where that is plain, else with digits that tell it from others."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:60]
    return name if plain and plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
