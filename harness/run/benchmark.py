"""One run of the benchmark, from what was asked to ``result.json`` and ``scores.csv``."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.dataset import Dataset
from ..data.open import open_data, split_rows
from ..data.sums import Projection
from ..data.training import keep_training_part
from ..errors import UserError
from ..files import write_json
from ..models.names import parse_models
from ..plugin.detectors import Detector
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..record.lock import held
from ..record.protocol import Protocol
from ..record.result import SCHEMA
from ..score.evaluate import Measured, add_floors, has_floor, score_entry, score_rows, write_scores
from ..score.scorer import score_all
from . import timing
from .entry import environment, model_entry
from .keep import keep_reference, keep_training, units_folder
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
        UserError: wrong use, unreadable data, or an ``out`` that holds a run of another protocol, or that
            another process writes to.
        OSError: the system failed; what was computed is written before this is raised.
    """
    watch = watch or Watch()
    request.check()
    detector = registry.detectors[request.detector]
    detector.channel_map(request.channels)  # it is there
    metrics = chosen_metrics(registry, request.metrics)
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    executor = request.placement.to_generate(registry)
    with ExitStack() as held_folder:
        with executor, open_asked(registry, detector, request, watch) as data:
            protocol = protocol_of(request, detector, data, metrics)
            learned, rows = split_rows(data, protocol.split, protocol.split_seed, protocol.min_photons)
            rows = rows[: protocol.limit]
            held_folder.enter_context(held(out, command or "simbench run"))
            units = units_folder(out, protocol, request.resume)
            training = None
            if any(model.offer.recalls for model in models):
                named = f"{protocol.split}-{protocol.split_seed}-{protocol.min_photons}"
                training = keep_training_part(data, learned, named)
            context = replace(context, min_photons=protocol.min_photons, training=training)
            projection = Projection(detector)
            identity = detector_identity(registry, projection, detector)
            reference = keep_reference(data, rows, projection, units, request).light()
            if request.scoring and any("training" in metric.needs for metric in metrics):
                keep_training(data, learned, projection, units, identity)
            plan = Plan(
                protocol=protocol,
                context=context,
                conditions=data.conditions[rows],
                example_rows=_known(reference.example_rows),
                keys={model.label: key_of(registry, model, context) for model in models},
                projection=projection,
                runs=request.runs,
                seed=request.seed,
                allow_leak=request.allow_leak,
                units=units,
                detector=identity,
                scoring=request.scoring,
                timeout=request.placement.timeout,
                keep="responses" in request.keep,
            )
            head = head_of(request, protocol, data, rows, metrics, context)
            for name in ("result.json", "scores.csv"):  # of before: no other's, if this is killed
                (out / name).unlink(missing_ok=True)
            scored = len(rows) * request.runs * request.scoring
            timed = len(devices_of(context.device)) * request.timing
            watch.begin([model.label for model in models], scored + timing.RESPONSES * timing.REPEATS * timed)
            outcomes = {}
            for outcome in run_models(models, plan, executor, watch.advance):
                outcomes[outcome.model.label] = outcome
                if outcome.status != "ok":
                    watch.end(model_entry(outcome, {}))
        del data, learned, rows  # of a large dataset they are large
        measured = _score(registry, request, outcomes, metrics, units, protocol, watch)
        trouble: Exception | None = None
        if request.timing:
            generated = [outcome for outcome in outcomes.values() if outcome.status == "ok"]
            try:
                with request.placement.to_time(registry) as executor:
                    for outcome in time_models(generated, plan, executor, watch.advance):
                        outcomes[outcome.model.label] = outcome
            except (OSError, UserError) as error:  # the scores are there: they are written first
                trouble = error
        entries, scores = [], []
        for model in models:
            outcome, found = outcomes[model.label], measured.get(model.label)
            told = {}
            if found is not None and outcome.status == "ok":  # it may have failed while it was timed
                photons = [unit.photons for unit in outcome.units]
                told = score_entry(found, reference.photons, photons, protocol.min_photons)
                scores += score_rows(model.label, protocol.detector, found)
            entries.append(model_entry(outcome, told))
        add_floors(entries, protocol.metrics, measured.get(None, {}))
        for entry in entries:
            if entry["status"] == "ok":
                watch.end(entry)
        result = {**head, "command": command, "models": entries}
        try:
            write_scores(out / "scores.csv", scores)
        except OSError as error:  # result.json holds them too
            trouble = trouble or error
        write_json(out / "result.json", result)
        if trouble is not None:
            raise trouble
    return result


def chosen_metrics(registry: Registry, names: Sequence[str]) -> list[Metric]:
    """The metrics of these names, each once; ``all`` is every one, no name those of the default set.

    Raises:
        UserError: one is unknown.
    """
    if "all" in names:
        return list(registry.metrics)
    if names:
        return [registry.metrics[name] for name in dict.fromkeys(names)]
    return [metric for metric in registry.metrics if metric.default]


def _known(rows: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    return np.zeros(0, np.int64) if rows is None else rows


def _score(
    registry: Registry,
    request: Request,
    outcomes: Mapping[str, Outcome],
    metrics: Sequence[Metric],
    units: Path,
    protocol: Protocol,
    watch: Watch,
) -> dict[str | None, dict[str, Measured]]:
    """By model, and by ``None`` for the reference's halves where there is no reference simulation."""
    runs: dict[str | None, int] = {
        label: len(outcome.units) for label, outcome in outcomes.items() if outcome.units
    }
    families = ({"status": o.status, "family": o.model.offer.family} for o in outcomes.values())
    if runs and not has_floor(families):
        runs[None] = 1
    with request.placement.to_score(registry) as executor:
        return score_all(
            runs, metrics, units, protocol.as_dict(), executor, request.placement.timeout, watch.scored
        )


def open_asked(registry: Registry, detector: Detector, request: Request, watch: Watch) -> Dataset:
    """The data of a request, as :func:`open_data` opens them."""
    return open_data(
        registry, detector, request.data, watch.data, partial=request.allow_partial, force=request.force
    )


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
        left_out=data.left_out,
    )


def detector_identity(registry: Registry, projection: Projection, detector: Detector) -> list[str | None]:
    """What the numbers kept of a response depend on besides it: channels, observables, and their code."""
    source = registry.detectors.sources[detector.name]
    return [source.name, source.code(), projection.fingerprint()]


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
            **({"left_out": list(data.left_out)} if data.left_out else {}),
        },
        "environment": {**environment(), "data checked by": data.checked},
        "metrics": {metric.name: metric.description(context.detector.unit) for metric in metrics},
    }
