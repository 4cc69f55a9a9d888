"""Whether what O2 gets of a model scores as the model does inside this package."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scipy import stats

from ..models.onnx.declared import WEIGHTS_KEY
from ..models.onnx.read import read_onnx
from ..plugin.description import describe
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.simulators import Check, Context

ALIKE = 0.02  # of WS
CHANCE = 1e-3  # of a larger difference of means where there is none, by Student's t


def made_of(registry: Registry, graph: Path, detector: Detector) -> str | None:
    """The model that a graph was exported of, if it comes with the package and has the same weights."""
    metadata = read_onnx(graph).metadata
    name, weights = metadata.get("model"), metadata.get(WEIGHTS_KEY)
    offer = registry.simulators.records.get(name or "")
    if offer is None or weights is None or not offer.serves(detector):
        return None
    try:
        same = describe(offer.factory(Context(detector))).weights == weights
    except Exception:  # noqa: BLE001 - a plugin may fail in any way; then there is nothing to compare with
        return None
    return name if same else None


def same_ws(after: Mapping[str, Any], inside: Mapping[str, Any], name: str) -> Check:
    """Whether two WS differ by 2 %, or by what the spread of their runs gives in one of a thousand.

    Args:
        after: ``mean`` and ``std`` over its ``runs``, as a result has them.
        inside: the same of equally many.
        name: of the model inside.
    """
    apart, runs = abs(after["mean"] - inside["mean"]), len(after["runs"])
    told = " and ".join(f"{ws['mean']:.3g} ± {ws.get('std') or 0:.2g}" for ws in (after, inside))
    text = f"scores: WS after O2's path and of {name}, {told}: {apart:.2g} apart"
    if runs < 2:
        return Check(f"{text}; of a single run nothing tells the spread", passed=True)
    error = math.sqrt((after["std"] ** 2 + inside["std"] ** 2) / runs)
    allowed = max(ALIKE * inside["mean"], float(stats.t.ppf(1 - CHANCE / 2, 2 * runs - 2)) * error)
    return Check(
        f"{text} ({100 * ALIKE:g} % or what {runs} runs spread allowed, {allowed:.2g})", apart <= allowed
    )
