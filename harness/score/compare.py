"""Two runs of the same protocol, model by model and metric by metric: what has changed beyond noise?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UserError, one_line
from ..plugin.metric import Metric
from ..record.folder import RunFolder
from .estimates import Resamples, metrics_of
from .significance import CONFIDENCE, Difference, Estimate, difference, holm
from .speed import BETTER as FASTER
from .speed import SPEED, UNIT, require_alike, speed

REGRESSION = "regression"
BETTER = "better"
NO_CHANGE = "no change"
NOT_COMPARABLE = "not comparable"
VERDICTS = (REGRESSION, BETTER, NO_CHANGE, NOT_COMPARABLE)

Estimator = Callable[[RunFolder, Mapping[str, Any]], Estimate]


@dataclass(frozen=True)
class Change:
    """One metric of one model in both runs.

    Attributes:
        model, metric, unit, better: what is compared.
        tolerance: percent of the base that the new value may be worse by.
        base, new: the scores; ``None`` where they are not comparable.
        difference: new less base, with its standard error and p-value.
        adjusted: the p-value, adjusted for all that is tested at once.
        visible: the smallest change, in the metric's unit, that these runs would have shown to be significant
            four times in five, at the strictest level of the test (Holm's first).
        verdict: ``regression``, ``better``, ``no change`` or ``not comparable``.
        reason: why it is not comparable.
    """

    model: str
    metric: str
    unit: str
    better: str
    tolerance: float
    base: Estimate | None = None
    new: Estimate | None = None
    difference: Difference | None = None
    adjusted: float | None = None
    visible: float | None = None
    verdict: str = NOT_COMPARABLE
    reason: str = ""

    @property
    def percent(self) -> float | None:
        """The change in percent of the base; ``None`` of a base of zero."""
        if self.difference is None or self.base is None or self.base.mean == 0:
            return None
        return 100 * self.difference.change / abs(self.base.mean)


@dataclass(frozen=True)
class Comparison:
    """All changes from one run to another; ``confidence`` is that of all verdicts together."""

    base: RunFolder
    new: RunFolder
    changes: tuple[Change, ...]
    confidence: float

    def having(self, verdict: str) -> tuple[Change, ...]:
        """The changes with a verdict."""
        return tuple(change for change in self.changes if change.verdict == verdict)

    @property
    def lost(self) -> tuple[str, ...]:
        """Models of the base that could not be compared in full."""
        guarded = {model["name"] for model in self.base.result["models"]}
        lost = (change.model for change in self.having(NOT_COMPARABLE) if change.model in guarded)
        return tuple(dict.fromkeys(lost))

    @property
    def status(self) -> int:
        """The exit status: 3 with a regression, else 1 with a model lost, else 0."""
        if self.having(REGRESSION):
            return 3
        return 1 if self.lost else 0


def compare(
    base: RunFolder,
    new: RunFolder,
    known: Mapping[str, Metric],
    tolerances: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
    report: Callable[[int, int], None] = lambda *_: None,
) -> Comparison:
    """Compare every model and metric of two runs.

    A regression is a change for the worse that is significant, all tests taken together (Holm), and larger
    than the metric's tolerance. Speed, and metrics that score the first runs only because they cost more, are
    compared only if ``tolerances`` has them.

    Args:
        base: the run to compare with.
        new: the run in question.
        known: the metrics that plugins offer, by name.
        tolerances: percent of the base value by metric; 0 for those not named.
        confidence: that no verdict at all is noise, above 0.5 and below 1.
        report: is told the models done, of how many.

    Raises:
        UserError: the runs are not comparable, or a tolerance or the confidence is out of range.
    """
    tolerances = dict(tolerances or {})
    if not 0.5 < confidence < 1:
        raise UserError(f"--confidence should be above 0.5 and below 1, found {confidence:g}")
    resamples = Resamples([base, new])
    common = metrics_of(known, [base, new])
    _check(tolerances, [*(metric.name for metric in common), SPEED])
    metrics = [metric for metric in common if metric.runs is None or metric.name in tolerances]
    if SPEED in tolerances:
        require_alike(base, new)
    names = list(dict.fromkeys(model["name"] for run in (base, new) for model in run.result["models"]))
    changes: list[Change] = []
    for done, name in enumerate(names):
        report(done, len(names))
        for metric in metrics:

            def score(run: RunFolder, model: Mapping[str, Any], metric: Metric = metric) -> Estimate:
                return resamples.estimate(run, model, metric)

            tolerance = tolerances.get(metric.name, 0.0)
            unit = str(base.result["metrics"][metric.name]["unit"])
            change = Change(name, metric.name, unit, metric.better, tolerance)
            changes.append(_measured(change, base, new, score))
        if SPEED in tolerances:
            change = Change(name, SPEED, UNIT, FASTER, tolerances[SPEED])
            changes.append(_measured(change, base, new, speed))
    report(len(names), len(names))
    return Comparison(base, new, tuple(_judged(changes, 1 - confidence)), confidence)


def _check(tolerances: Mapping[str, float], known: Sequence[str]) -> None:
    for name, percent in tolerances.items():
        if name not in known:
            raise UserError(f"--tolerance: unknown metric {name!r}; the runs have {', '.join(known)}")
        if not 0 <= percent < float("inf"):
            raise UserError(f"--tolerance {name}: expected a percentage of 0 or more, found {percent:g}")


def _measured(change: Change, base: RunFolder, new: RunFolder, estimator: Estimator) -> Change:
    """The change with its numbers, or with the reason why there are none."""
    estimates = []
    for which, run in (("base", base), ("new", new)):
        model = next((one for one in run.result["models"] if one["name"] == change.model), None)
        if model is None:
            return replace(change, reason=f"not in the {which} run")
        if model["status"] != "ok":
            return replace(change, reason=f"{model['status']} in the {which} run: {model['error']}")
        try:
            estimates.append(estimator(run, model))
        except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
            return replace(change, reason=f"in the {which} run: {one_line(error)}")
    try:
        found = difference(*estimates)
    except ValueError as error:
        return replace(change, reason=str(error))
    return replace(change, base=estimates[0], new=estimates[1], difference=found)


def _judged(changes: Sequence[Change], level: float) -> list[Change]:
    """The changes with verdicts, at this level for the family of all that could be compared."""
    tested = [change.difference.p for change in changes if change.difference is not None]
    adjusted = iter(holm(tested))
    judged = []
    for change in changes:
        if change.difference is None or change.base is None:
            judged.append(change)
            continue
        p = next(adjusted)
        worse = change.difference.change * (1 if change.better == "lower" else -1)
        verdict = NO_CHANGE
        if p <= level and worse < 0:
            verdict = BETTER
        elif p <= level and worse > abs(change.base.mean) * change.tolerance / 100:
            verdict = REGRESSION
        visible = change.difference.visible(level / len(tested))
        judged.append(replace(change, adjusted=p, visible=visible, verdict=verdict))
    return judged
