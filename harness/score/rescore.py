"""Scores from the responses that a run has kept: for another metric, another channel convention, a bootstrap.

Nothing is generated: units hold the sums of every channel convention of the detector.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..data.unit import Unit
from ..errors import UserError
from ..plugin.metric import Metric, Scored
from ..record.folder import REFERENCE, TRAINING, RunFolder, load_unit, unit_path
from ..record.responses import blocks, has_blocks
from .evaluate import Blocks, Measured, add_floors, has_floor, score_entry, score_rows, scored, scored_by


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
    protocol = {**folder.result["protocol"], "channels": convention}
    for run in range(folder.result["settings"]["runs"]):
        yield scored_run(folder.path / "units", reference, label, run, protocol)


def scored_run(units: Path, reference: Unit, label: str, run: int, protocol: Mapping[str, Any]) -> Scored:
    """A run of a model beside the reference, with all that a folder of units has kept of both.

    Raises:
        ValueError: the run's responses are not there, or not as many as the reference's.
    """
    path = unit_path(units, label, f"run{run}")
    unit = load_unit(path)
    if unit is None or unit.sums.shape != reference.sums.shape:
        raise ValueError(f"the responses of run {run} are not in {units}")
    kept = units / REFERENCE
    chunks = -(-len(unit.sums) // protocol["chunk_size"])
    pairs: Blocks | None = None
    if unit.image is not None and has_blocks(path, chunks) and has_blocks(kept, chunks):
        shape = unit.image.shape

        def pairs() -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
            return zip(blocks(kept, shape), blocks(path, shape), strict=True)

    return scored(reference, unit, protocol, load_unit(units / TRAINING), pairs)


def rescored(folder: RunFolder, metrics: Sequence[Metric], convention: str | None = None) -> RunFolder:
    """The run with its models scored again by other metrics or another channel convention.

    Its result says so under ``rescored``. A model whose responses are not all there, or on which a metric
    fails, is ``failed`` with one line.

    Raises:
        UserError: there are no units, or none of this convention.
    """
    return rescored_with_rows(folder, metrics, convention)[0]


def rescored_with_rows(
    folder: RunFolder, metrics: Sequence[Metric], convention: str | None = None
) -> tuple[RunFolder, list[tuple[Any, ...]]]:
    """As :func:`rescored`, with the rows of ``scores.csv``."""
    result = folder.result
    convention = convention or result["protocol"]["channels"]
    reference = reference_of(folder, convention)
    found = [_entry(folder, reference, model, metrics, convention) for model in result["models"]]
    models = [entry for entry, _ in found]
    rows = [row for _, rows in found for row in rows]
    halves: dict[str, Measured] = {}
    if not has_floor(models):
        other = scored(reference, reference, {**result["protocol"], "channels": convention}).halves()
        halves = {metric.name: scored_by(metric, [other]) for metric in metrics}
    add_floors(models, [metric.name for metric in metrics], halves)
    again = copy.copy(folder)
    again.result = {
        **{key: value for key, value in result.items() if key != "significance"},
        "protocol": {
            **result["protocol"],
            "channels": convention,
            "metrics": {metric.name: metric.version for metric in metrics},
        },
        "metrics": {
            metric.name: metric.description(result["dataset"].get("unit", "photons")) for metric in metrics
        },
        "rescored": {"metrics": [metric.name for metric in metrics], "channels": convention},
        "models": models,
    }
    return again, rows


def _entry(
    folder: RunFolder,
    reference: Unit,
    model: Mapping[str, Any],
    metrics: Sequence[Metric],
    convention: str,
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """A model's entry and rows."""
    old = {*folder.result["metrics"], "quartiles", "below_threshold"}
    entry = {key: value for key, value in model.items() if key not in old}
    if model["status"] != "ok":
        return entry, []
    try:
        runs = list(scored_runs(folder, reference, model["name"], convention))
    except ValueError as error:
        return {**entry, "status": "failed", "error": str(error)}, []
    measured = {metric.name: scored_by(metric, runs) for metric in metrics}
    photons = [run.generated_photons for run in runs]
    rows = score_rows(model["name"], folder.result["protocol"]["detector"], measured)
    return {**entry, **score_entry(measured, reference.photons, photons, runs[0].min_photons)}, list(rows)
