"""Which models a run cannot tell apart, written into its result so that every report can say it."""

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..plugin.metric import Metric
from ..record.folder import RunFolder
from .leaderboard import BY, rank
from .significance import CONFIDENCE


def significance(run: RunFolder, known: Mapping[str, Metric]) -> dict[str, Any]:
    """The ``significance`` of a result: for each metric that models are ranked by, the groups of each model.

    Two models that share a group are not told apart, with this confidence for all pairs by one metric; see
    :mod:`.leaderboard`. Empty where fewer than two models have scores.

    Returns:
        ``confidence``, and ``groups`` by metric and model, lists of numbers.
    """
    if sum(model["status"] == "ok" for model in run.result["models"]) < 2:
        return {}
    groups: dict[str, dict[str, list[int]]] = {}
    for name in BY:
        if name not in run.result["metrics"]:
            continue
        try:
            board = rank([run], known, by=name)
        except UserError:  # such as data of which the particles are not known
            continue
        if len(board.places) > 1:
            groups[name] = {place.model: list(place.groups) for place in board.places}
    return {"confidence": CONFIDENCE, "groups": groups} if groups else {}
