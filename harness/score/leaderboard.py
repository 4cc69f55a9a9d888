"""Models of several runs, ranked by a metric, and which differences between them are noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..errors import UserError, one_line
from ..plugin.metric import Metric
from ..plugin.simulators import ANCHOR
from ..record.folder import RunFolder
from .estimates import Resamples, metrics_of
from .significance import CONFIDENCE, Estimate, difference, groups, holm

BY = ("ws-conditional", "ws")  # the first that all runs have, unless another is asked for
_APART = {ANCHOR: 1, "reference": 2}  # families that take no rank, in the order in which they stand last


@dataclass(frozen=True)
class Place:
    """A model in the ranking.

    Attributes:
        rank: counted from 1; ``None`` of the reference simulation and of anchors, which only stand beside.
        model, run: its name and the run it is of.
        estimate: its score.
        groups: numbers, from 0; models that share one are not told apart.
        marks: what the run says of it.
    """

    rank: int | None
    model: str
    run: RunFolder
    estimate: Estimate
    groups: tuple[int, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of the models of some runs.

    Attributes:
        runs: them.
        places: best first, the reference simulation last.
        unranked: ``(model, run, reason)`` of the models without a score.
        metric: what they are ranked by.
        confidence: that no two models are told apart by noise.
        pairs: how many pairs were tested.
    """

    runs: tuple[RunFolder, ...]
    places: tuple[Place, ...]
    unranked: tuple[tuple[str, RunFolder, str], ...]
    metric: Metric
    confidence: float
    pairs: int


def rank(
    runs: Sequence[RunFolder],
    known: Mapping[str, Metric],
    confidence: float = CONFIDENCE,
    report: Callable[[int, int], None] = lambda *_: None,
    by: str | None = None,
) -> Leaderboard:
    """Rank the models of runs of one protocol; every pair is tested, all pairs together (Holm).

    Args:
        runs: at least one.
        known: the metrics that plugins offer, by name.
        confidence: that no two models are told apart by noise, above 0.5 and below 1.
        report: is told the models done, of how many.
        by: the metric; by default the first of :data:`BY` that all runs have.

    Raises:
        UserError: the runs are not comparable, or lack the metric, or the confidence is no share.
    """
    if not 0.5 < confidence < 1:
        raise UserError(f"--confidence should be above 0.5 and below 1, found {confidence:g}")
    resamples = Resamples(runs)
    metrics = {metric.name: metric for metric in metrics_of(known, runs)}
    name = next((name for name in ((by,) if by else BY) if name in metrics), None)
    if name is None:
        raise UserError(
            f"the runs are not all scored by {by or BY[-1]!r}, which models are ranked by; they have "
            f"{', '.join(metrics)}"
        )
    metric = metrics[name]
    models = [(run, model) for run in runs for model in run.result["models"]]
    scored, unranked = [], []
    for done, (run, model) in enumerate(models):
        report(done, len(models))
        if model["status"] != "ok":
            unranked.append((model["name"], run, f"{model['status']}: {model['error']}"))
            continue
        try:
            estimate = resamples.estimate(run, model, metric)
            difference(estimate, estimate)  # its noise is known
            scored.append((estimate, run, model))
        except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
            unranked.append((model["name"], run, one_line(error)))
    report(len(models), len(models))
    sign = 1 if metric.better == "lower" else -1  # equal ones stay in the order of the runs
    scored.sort(key=lambda one: (_APART.get(one[2].get("family"), 0), sign * one[0].mean))
    estimates = [estimate for estimate, _, _ in scored]
    members = groups(len(scored), _told_apart(estimates, 1 - confidence))
    places, ranked = [], 0
    for (estimate, run, model), shared in zip(scored, members, strict=True):
        apart = model.get("family") in _APART
        ranked += not apart
        places.append(
            Place(
                None if apart else ranked,
                model["name"],
                run,
                estimate,
                tuple(shared),
                tuple(model.get("marks") or ()),
            )
        )
    pairs = len(scored) * (len(scored) - 1) // 2
    return Leaderboard(tuple(runs), tuple(places), tuple(unranked), metric, confidence, pairs)


def _told_apart(estimates: Sequence[Estimate], level: float) -> list[tuple[int, int]]:
    pairs = list(combinations(range(len(estimates)), 2))
    adjusted = holm([difference(estimates[i], estimates[j]).p for i, j in pairs])
    return [pair for pair, p in zip(pairs, adjusted, strict=True) if p <= level]
