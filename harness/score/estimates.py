"""Scores of finished runs with all that tells their noise: each run's value, and its replicates."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from .. import mapped
from ..errors import UserError
from ..metrics.tools.arrays import parts
from ..metrics.tools.replicates import Floats
from ..plugin.metric import Metric, Resampling, Scored
from ..record.folder import RunFolder
from ..record.protocol import require_same
from ..system import give_back
from .evaluate import measure, overall
from .rescore import reference_of, scored_runs
from .significance import Estimate

PARTS = 20  # of the particles, for a jackknife


class Resamples:
    """The test part that several runs share, resampled by particles.

    Raises:
        UserError: the runs' protocols or reference responses differ, or no folder tells the particles.
    """

    def __init__(self, folders: Sequence[RunFolder]) -> None:
        first = folders[0]
        for other in folders[1:]:
            where = f"{first.path} and {other.path} cannot be compared"
            require_same(first.result["protocol"], other.result["protocol"], where)
        self.convention = first.result["protocol"]["channels"]
        self._references = {folder.path: reference_of(folder, self.convention) for folder in folders}
        sums = [reference.channels(self.convention) for reference in self._references.values()]
        if not all(np.array_equal(sums[0], others) for others in sums[1:]):
            raise UserError("the reference responses of the runs differ, though their protocols are the same")
        told = [one.particle for one in self._references.values() if one.particle is not None]
        if not told:
            raise UserError(
                f"{first.path}: an older version wrote it, without the particles of its responses; "
                "start its simbench run again to add them, nothing is generated again"
            )
        self.resampling = Resampling.of(told[0])
        count = min(PARTS, self.resampling.particles)
        self._part, self._parts = parts(told[0], count, 0, "jackknife"), count

    def estimate(self, folder: RunFolder, model: Mapping[str, Any], metric: Metric) -> Estimate:
        """The estimate of a metric for a model that is ``ok`` in a run.

        A metric that has no value on a part of the particles has no replicates: the spread between runs is
        then all that tells its noise.

        Raises:
            ValueError: the metric has no value in some run, or the model's responses are not all there.
        """
        values = (model.get(metric.name) or {}).get("runs") or [None]
        if None in values:
            raise ValueError(f"it has no {metric.name} in some run")
        reference = self._references[folder.path]
        stream = (folder.result["settings"]["seed"], model["name"])
        rows = []
        for scored in islice(scored_runs(folder, reference, model["name"], self.convention), len(values)):
            mapped.forget()
            give_back()
            found = self._replicates(metric, scored)
            if found is None:
                return Estimate(tuple(values), stream=stream)
            rows.append(found)
        count = 0 if metric.resampled is not None else self._parts
        return Estimate(tuple(values), np.stack(rows), self.resampling.particles, count, stream)

    def _replicates(self, metric: Metric, scored: Scored) -> Floats | None:
        """(B,) the metric's value over all responses in each replicate."""
        if metric.resampled is not None:
            return metric.resampled(scored, self.resampling)
        values = []
        for part in range(self._parts):
            try:
                value = overall(measure(metric, scored.take(self._part != part)))
            except Exception:  # noqa: BLE001 - a plugin's metric may fail in any way where there is less
                return None
            if value is None:
                return None
            values.append(value)
        return np.array(values)


def metrics_of(known: Mapping[str, Metric], folders: Sequence[RunFolder]) -> list[Metric]:
    """The metrics that all runs have.

    Raises:
        UserError: one of them is unknown here, or of another version, or there is none.
    """
    names = [
        name
        for name in folders[0].result["metrics"]
        if all(name in folder.result["metrics"] for folder in folders)
    ]
    if not names:
        raise UserError("the runs have no metric in common")
    for name in names:
        used = folders[0].result["metrics"][name]["version"]
        if name not in known:
            raise UserError(f"metric {name!r} is not offered by any plugin here: install the one that has it")
        if known[name].version != used:
            raise UserError(f"metric {name!r}: version {known[name].version} here, {used} in the runs")
    return [known[name] for name in names]
