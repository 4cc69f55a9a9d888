"""One run of the benchmark, from what was asked to ``result.json`` and ``scores.csv``."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.dataset import Dataset
from ..data.open import load_rows, open_data, split_rows
from ..data.sums import Projection
from ..data.unit import Unit
from ..errors import one_line
from ..files import make_folder, read_json, write_json
from ..models.names import parse_models
from ..plugin.detectors import Detector
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..record.folder import REFERENCE, SCHEMA, example_rows, save_unit
from ..record.protocol import Protocol, require_same
from ..score.evaluate import Values, score, score_rows, scored, write_scores
from . import timing
from .entry import environment, model_entry
from .placement import resolve_device
from .request import Request
from .runner import Outcome, Plan, key_of, run_models
from .timed import devices_of, time_models
from .watch import Watch


def run(
    registry: Registry, request: Request, out: Path, watch: Watch | None = None, command: str | None = None
) -> dict[str, Any]:
    """Run the benchmark, write what :mod:`simbench.harness.score.evaluate` describes, and return the result.

    Everything that a user can get wrong is checked before anything is generated or written. A failing model
    is reported in its entry and the others go on. Where the run is computed changes no score.

    Raises:
        UserError: wrong use, unreadable data, or an ``out`` that holds a run of another protocol.
    """
    watch = watch or Watch()
    request.check()
    detector = registry.detectors[request.detector]
    detector.channel_map(request.channels)  # it is there
    metrics = [registry.metrics[name] for name in dict.fromkeys(request.metrics)] or list(registry.metrics)
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    executor = request.placement.to_generate(registry)
    with executor, open_data(registry, detector, request.data, watch.data) as data:
        protocol = protocol_of(request, detector, data, metrics)
        projection = Projection(detector)
        _, rows = split_rows(data, protocol.split, protocol.split_seed, protocol.min_photons)
        rows = rows[: protocol.limit]
        reference = load_rows(data, rows, projection)
        units = _units_folder(out, protocol, request.resume)
        examples = example_rows(reference.photons)
        images = np.concatenate([data.read(row, row + 1) for row in rows[examples]])
        reference = replace(reference, examples=images, example_rows=examples)
        save_unit(units / REFERENCE, reference, {"dataset": data.fingerprint})
        context = replace(context, min_photons=protocol.min_photons)
        plan = Plan(
            protocol=protocol,
            context=context,
            conditions=data.conditions[rows],
            example_rows=examples,
            keys={model.label: key_of(registry, model, context) for model in models},
            projection=projection,
            runs=request.runs,
            seed=request.seed,
            allow_leak=request.allow_leak,
            units=units,
            scoring=request.scoring,
            timeout=request.placement.timeout,
        )
        head = head_of(request, protocol, data, rows, metrics, context)
        for name in ("result.json", "scores.csv"):  # one of before must not pass for this run's, if killed
            (out / name).unlink(missing_ok=True)
        scored = len(rows) * request.runs * request.scoring
        timed = len(devices_of(context.device)) * request.timing
        watch.begin([model.label for model in models], scored + timing.RESPONSES * timing.REPEATS * timed)
        entries, scores = {}, {}

        def finish(outcome: Outcome) -> None:
            label = outcome.model.label
            entries[label], scores[label] = _score(outcome, metrics, reference, protocol)
            watch.end(entries[label])

        generated = []
        for outcome in run_models(models, plan, executor, watch.advance):
            if request.timing and outcome.status == "ok":
                generated.append(outcome)
            else:
                finish(outcome)
    with request.placement.to_time(registry) as executor:
        for outcome in time_models(generated, plan, executor, watch.advance):
            finish(outcome)
    result = {**head, "command": command, "models": [entries[model.label] for model in models]}
    write_scores(out / "scores.csv", [row for model in models for row in scores[model.label]])
    write_json(out / "result.json", result)
    return result


def protocol_of(request: Request, detector: Detector, data: Dataset, metrics: Sequence[Metric]) -> Protocol:
    """What a request holds fixed on opened data."""
    return Protocol(
        detector=detector.name,
        dataset=data.fingerprint,
        min_photons=data.min_photons if request.min_photons is None else request.min_photons,
        split=request.split,
        split_seed=request.split_seed,
        limit=request.limit,
        channels=request.channels or detector.default_channels,
        metrics={metric.name: metric.version for metric in metrics},
    )


def _units_folder(out: Path, protocol: Protocol, resume: bool) -> Path:
    """The folder of finished units, emptied unless resumed, refused if it is another protocol's."""
    units = out / "units"
    if not resume and units.exists():
        shutil.rmtree(units)
    make_folder(units)
    head = units / "protocol.json"
    if head.exists():
        # Units know no metric, so a resumed run may ask for others.
        require_same(read_json(head), protocol.as_dict(), str(out), ignore=("metrics",))
    else:
        write_json(head, protocol.as_dict())
    return units


def head_of(
    request: Request,
    protocol: Protocol,
    data: Dataset,
    rows: npt.NDArray[np.int64],
    metrics: Sequence[Metric],
    context: Context,
) -> dict[str, Any]:
    """What ``result.json`` says besides the models; ``rows`` are those of the data that are scored."""
    settings = {
        "models": list(request.models),
        "seed": request.seed,
        "runs": request.runs,
        "device": context.device,
        "engine": context.engine,
        "executor": request.placement.executor,
        "workers": request.placement.workers,
        "timeout": request.placement.timeout,
        "threads": 1,  # of a process that generates; a timing tells its own
        "data": request.data,
        "allow_leak": request.allow_leak,
    }
    return {
        "schema": SCHEMA,
        "protocol": protocol.as_dict(),
        "settings": settings,
        "dataset": {
            "responses": len(data),
            "unit": context.detector.unit,
            "test_responses": len(rows),
            "test_particles": len(np.unique(data.particle[rows])),
            "provenance": data.provenance,
        },
        "environment": environment(),
        "metrics": {metric.name: metric.description(context.detector.unit) for metric in metrics},
    }


def _score(
    outcome: Outcome, metrics: Sequence[Metric], reference: Unit, protocol: Protocol
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """A model's entry in the result and its rows of scores; a metric that fails makes the model failed."""
    scores: dict[str, Any] = {}
    values: Values = {}
    try:
        runs = [scored(reference, unit, protocol.channels, protocol.min_photons) for unit in outcome.units]
        if runs:
            scores, values = score(metrics, runs)
    except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
        outcome = Outcome(outcome.model, "failed", one_line(error), outcome.marks)
    return model_entry(outcome, scores), score_rows(outcome.model.label, protocol.detector, values)
