"""``--try-readings``: an ONNX file in each of its possible readings, and which of them fits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UserError
from ...models.onnx.file import is_onnx_model, readings

_READ = re.compile(r"(?P<file>.*):(?P<how>units=[^:]+:layout=[^:]+)", re.DOTALL)
_BY = ("ws-conditional", "ws")  # the first that all have
_CLEAR = 3.0  # standard deviations between two readings that the runs can part


def all_readings(models: Sequence[str]) -> list[str]:
    """The names of ``--models``, each ONNX file in all readings.

    Raises:
        UserError: there is no ONNX file among them, or one says itself how it is read.
    """
    names = [name.strip() for text in models for name in text.split(",")]
    if not any(map(is_onnx_model, names)):
        raise UserError(f"--try-readings is for onnx:FILE, found {', '.join(names)}")
    return [each for name in names for each in (readings(name) if is_onnx_model(name) else [name])]


def fitting(result: Mapping[str, Any]) -> Iterator[str]:
    """For each file that was read in several ways, a line: the reading with the best score, if one is."""
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    for model in result["models"]:
        read = _READ.fullmatch(model["name"])
        if read:
            groups.setdefault(read["file"], {})[read["how"]] = model
    for file, found in groups.items():
        scored = {how: model for how, model in found.items() if model["status"] == "ok"}
        metric = next(
            (name for name in _BY if all(_mean(m, name) is not None for m in scored.values())), None
        )
        if not scored or metric is None:
            yield f"{file}: no reading has a score to tell by"
            continue
        order = sorted(scored, key=lambda how: _mean(scored[how], metric) or 0.0)
        best, *others = ((how, *_score(scored[how], metric)) for how in order)
        alike = [how for how, mean, std in others if mean - best[1] <= _CLEAR * np.hypot(std, best[2])]
        told = "; ".join(f"{how} {mean:.3g} ± {std:.2g}" for how, mean, std in (best, *others))
        verdict = f"reads best as {best[0]}"
        if alike:
            verdict = f"cannot be told: {best[0]} and {', '.join(alike)} fit alike"
        yield f"{file} {verdict} ({metric}: {told})"


def _mean(model: Mapping[str, Any], metric: str) -> float | None:
    mean = (model.get(metric) or {}).get("mean")
    return None if mean is None else float(mean)


def _score(model: Mapping[str, Any], metric: str) -> tuple[float, float]:
    """Mean and deviation over the runs, 0 of a single one."""
    return _mean(model, metric) or 0.0, float(model[metric].get("std") or 0.0)
