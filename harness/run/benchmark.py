"""One run of the benchmark, from what was asked to ``result.json`` and ``scores.csv``."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.dataset import Dataset
from ..data.unit import Unit
from ..errors import UserError
from ..files import write_json
from ..models.names import parse_models
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..record.folder import RunFolder
from ..record.lock import held
from ..record.part import PART, write_part
from ..record.protocol import Protocol
from ..record.result import SCHEMA
from ..record.spent import Spent
from ..score.alike import significance
from ..score.evaluate import Measured, add_floors, has_floor, score_entry, score_rows, write_scores
from ..score.scorer import score_all
from .entry import environment, expert_load, model_entry
from .keep import keep_reference, keep_training, units_folder
from .opening import Opened, chosen_metrics, open_asked, plan_of
from .placement import Placement, resolve_device
from .request import Request
from .runner import run_models
from .timed import TIMED, devices_of, time_models
from .watch import RunningScore, Watch


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
    begun = time.monotonic()
    request.check()
    detector = registry.detectors[request.detector]
    detector.channel_map(request.channels)  # it is there
    metrics = chosen_metrics(registry, request.metrics)
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    executor = request.placement.to_generate(registry)
    with ExitStack() as held_folder:
        with executor, open_asked(registry, detector, request, watch) as data:
            opened = Opened.of(data, request, detector, metrics)
            protocol = opened.protocol
            held_folder.enter_context(held(out, command or "simbench run"))
            units = units_folder(out, protocol, request.resume)
            plan = plan_of(registry, request, context, models, opened, units)
            whole = keep_reference(data, opened.rows, plan.projection, units, request)
            running, reference = RunningScore(whole, protocol.channels, watch.running), whole.light()
            del whole  # its observables are needed no more
            if request.scoring and any("training" in metric.needs for metric in metrics):
                keep_training(data, opened.learned, plan.projection, units, plan.detector)
            plan = replace(plan, example_rows=_known(reference.example_rows), finished=running)
            head = head_of(request, protocol, data, opened.rows, metrics, plan.context)
            for name in ("result.json", "scores.csv", PART):  # of before: no other's, if this is killed
                (out / name).unlink(missing_ok=True)
            if request.part is not None:
                models = [model for model in models if plan.runs[model.label]]
            scored = len(opened.rows)
            generated = scored * max(map(len, plan.runs.values()), default=0)
            timed = len(devices_of(context.device)) * (request.timing != "none" and request.part is None)
            watch.begin([model.label for model in models], generated + timed * TIMED)
            outcomes = {}
            for outcome in run_models(models, plan, executor, watch.advance):
                outcomes[outcome.model.label] = outcome
                if outcome.status != "ok" or request.part is not None:
                    watch.end(model_entry(outcome))
        del data, opened  # of a large dataset they are large
        spent = Spent(scored, {label: outcome.spent for label, outcome in outcomes.items()})
        entries = [model_entry(outcomes[model.label]) for model in models]
        if request.part is not None:
            result = write_part(out, request.part, {**head, "command": command}, plan.runs, entries)
            spent.write(out, time.monotonic() - begun)
            return result
        kept = {label: outcome.units for label, outcome in outcomes.items()}
        measured = score_units(
            registry, request.placement, entries, kept, metrics, units, protocol, watch, spent
        )
        trouble: Exception | None = None
        if request.timing != "none":
            ready = [outcome for outcome in outcomes.values() if outcome.status == "ok"]
            try:
                with request.placement.to_time(registry) as executor:
                    for outcome in time_models(
                        ready, plan, executor, watch.advance, brief=request.timing == "brief"
                    ):
                        outcomes[outcome.model.label] = outcome
            except (OSError, UserError) as error:  # the scores are there: they are written first
                trouble = error
            entries = [model_entry(outcomes[model.label]) for model in models]
        result = {**head, "command": command, "models": entries}
        spent.write(out, time.monotonic() - begun)
        finish(registry, out, result, kept, measured, reference, watch, trouble)
    return result


def finish(
    registry: Registry,
    out: Path,
    result: dict[str, Any],
    kept: Mapping[str, Sequence[Unit]],
    measured: Mapping[str | None, Mapping[str, Measured]],
    reference: Unit,
    watch: Watch,
    trouble: Exception | None = None,
) -> None:
    """Write the scores into the models' entries of ``result``, and ``scores.csv`` and ``result.json``.

    Args:
        registry: whose metrics tell which models are alike.
        out: the folder.
        result: all that ``result.json`` says, less the scores.
        kept: the units of each model, light ones.
        measured: the values of each model, and of ``None``: the reference's halves.
        reference: the reference's light unit.
        watch: is told the models that are done.
        trouble: raised when all is written.
    """
    protocol, scores = result["protocol"], []
    for entry in result["models"]:
        found = measured.get(entry["name"])
        if found is not None and entry["status"] == "ok":  # it may have failed while it was timed
            units = kept[entry["name"]]
            photons = [unit.photons for unit in units]
            entry |= score_entry(found, reference.photons, photons, protocol["min_photons"])
            entry |= expert_load(units[0], entry.get("training"))
            scores += score_rows(entry["name"], protocol["detector"], found)
    add_floors(result["models"], protocol["metrics"], measured.get(None, {}))
    for entry in result["models"]:
        if entry["status"] == "ok":
            watch.end(entry)
    told = significance(RunFolder(out, result), registry.metrics.records) if measured else {}
    result |= {"significance": told} if told else {}
    try:
        write_scores(out / "scores.csv", scores)
    except OSError as error:  # result.json holds them too
        trouble = trouble or error
    write_json(out / "result.json", result)
    if trouble is not None:
        raise trouble


def _known(rows: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    return np.zeros(0, np.int64) if rows is None else rows


def score_units(
    registry: Registry,
    placement: Placement,
    entries: Iterable[Mapping[str, Any]],
    kept: Mapping[str, Sequence[Unit]],
    metrics: Sequence[Metric],
    units: Path,
    protocol: Protocol,
    watch: Watch,
    spent: Spent,
) -> dict[str | None, dict[str, Measured]]:
    """By model, and by ``None`` for the reference's halves where there is no reference simulation."""
    runs: dict[str | None, int] = {label: len(made) for label, made in kept.items() if made}
    if runs and not has_floor(entries):
        runs[None] = 1
    with placement.to_score(registry) as executor:
        return score_all(
            runs,
            metrics,
            units,
            protocol.as_dict(),
            executor,
            placement.timeout,
            watch.scored,
            spent.scored,
        )


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
