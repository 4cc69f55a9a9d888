"""Scores from the responses that a run has kept: for another metric, another channel convention, a bootstrap.

Nothing is generated: units hold the sums of every channel convention of the detector.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..data.unit import Unit
from ..errors import UserError, one_line
from ..plugin.metric import Metric, Scored
from ..record.folder import RunFolder
from .evaluate import score, scored


def reference_of(folder: RunFolder, convention: str) -> Unit:
    """The reference responses of a run.

    Raises:
        UserError: the folder does not have them, or not the sums of this convention.
    """
    reference = folder.reference
    if reference is None:
        raise UserError(f"{folder.path} has no readable units: the whole folder of a run is needed")
    known = reference.conventions
    if convention not in known:
        raise UserError(f"{folder.path}: no channel convention {convention!r}; it has {', '.join(known)}")
    return reference


def scored_runs(folder: RunFolder, reference: Unit, label: str, convention: str) -> Iterator[Scored]:
    """Every run of a model that is ``ok``, beside the reference.

    Raises:
        ValueError: a run's responses are not in the folder, or not as many as the reference's.
    """
    for run in range(folder.result["settings"]["runs"]):
        unit = folder.unit(label, run)
        if unit is None or unit.sums.shape != reference.sums.shape:
            raise ValueError(f"the responses of run {run} are not in {folder.path / 'units'}")
        yield scored(reference, unit, convention, folder.result["protocol"]["min_photons"])


def rescored(folder: RunFolder, metrics: Sequence[Metric], convention: str | None = None) -> RunFolder:
    """The run with its models scored again by other metrics or another channel convention.

    Its result says so under ``rescored``. A model whose responses are not all there, or on which a metric
    fails, is ``failed`` with one line.

    Raises:
        UserError: there are no units, or none of this convention.
    """
    result = folder.result
    convention = convention or result["protocol"]["channels"]
    reference = reference_of(folder, convention)
    again = copy.copy(folder)
    again.result = {
        **result,
        "protocol": {
            **result["protocol"],
            "channels": convention,
            "metrics": {metric.name: metric.version for metric in metrics},
        },
        "metrics": {
            metric.name: metric.description(result["dataset"].get("unit", "photons")) for metric in metrics
        },
        "rescored": {"metrics": [metric.name for metric in metrics], "channels": convention},
        "models": [_entry(folder, reference, model, metrics, convention) for model in result["models"]],
    }
    return again


def _entry(
    folder: RunFolder,
    reference: Unit,
    model: Mapping[str, Any],
    metrics: Sequence[Metric],
    convention: str,
) -> dict[str, Any]:
    old = {*folder.result["metrics"], "quartiles", "below_threshold"}
    entry = {key: value for key, value in model.items() if key not in old}
    if model["status"] != "ok":
        return entry
    try:
        runs = list(scored_runs(folder, reference, model["name"], convention))
        return {**entry, **score(metrics, runs)[0]}
    except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
        return {**entry, "status": "failed", "error": one_line(error)}
