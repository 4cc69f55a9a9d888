"""Whether what O2 gets of a model scores as the model does inside this package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..models.onnx.declared import WEIGHTS_KEY
from ..models.onnx.read import read_onnx
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from ..plugin.simulators import Check, Context, describe

ALIKE = 0.02  # of WS
SPREADS = 2.0  # standard deviations of the difference of two runs


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
    """Whether two WS (``mean`` and ``std`` over runs) differ by 2 % or by what single runs do."""
    apart = abs(after["mean"] - inside["mean"])
    noise = SPREADS * float(np.hypot(after.get("std") or 0.0, inside.get("std") or 0.0))
    allowed = max(ALIKE * inside["mean"], noise)
    told = " and ".join(f"{ws['mean']:.3g} ± {ws.get('std') or 0:.2g}" for ws in (after, inside))
    return Check(
        f"scores: WS after O2's path and of {name}, {told}: {apart:.2g} apart ({100 * ALIKE:g} % or the "
        f"runs' spread allowed, {allowed:.2g})",
        apart <= allowed,
    )
