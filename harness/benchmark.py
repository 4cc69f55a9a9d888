"""One run of the benchmark, from what was asked to ``result.json`` and ``scores.csv``."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import timing
from .dataset import Dataset
from .detectors import Detector
from .errors import UserError, one_line
from .files import make_folder, read_json, write_json
from .folder import REFERENCE, SCHEMA, Unit, example_rows, save_unit
from .hooks import Context
from .metrics import Metric, Scored
from .models import Model, parse_models
from .placement import Placement, resolve_device
from .projection import Projection
from .protocol import Protocol, require_same
from .registry import Registry
from .results import environment, evaluate, model_entry, score_rows, write_scores
from .runner import Outcome, Plan, key_of, run_models
from .sources import Part, load_part, open_data, split_rows
from .timed import devices_of, time_models
from .workers import one_thread

ENGINES = ("auto", "torch", "onnx")


@dataclass(frozen=True)
class Request:
    """What ``simbench run`` was asked to do; the options of the command line, with their defaults."""

    models: Sequence[str] = ("all",)
    detector: str = "proton"
    data: str = "embedded"
    min_photons: int | None = None
    split: str = "particle"
    split_seed: int = 0
    limit: int | None = None
    channels: str | None = None
    runs: int = 5
    seed: int = 0
    device: str = "auto"
    engine: str = "auto"
    metrics: Sequence[str] = ()
    allow_leak: bool = False
    resume: bool = True
    scoring: bool = True
    timing: bool = False
    placement: Placement = field(default_factory=Placement)

    def check(self) -> None:
        """Raise UserError for what is out of range."""
        self.placement.check()
        if self.engine not in ENGINES:
            raise UserError(f"unknown engine {self.engine!r}; known: {', '.join(ENGINES)}")
        for what, number in (("--runs", self.runs), ("--limit", self.limit)):
            if number is not None and number < 1:
                raise UserError(f"{what} should be at least 1, found {number}")


@dataclass
class Watch:
    """What a run tells those who watch it; every default is silent."""

    data: Callable[[int, int], None] = lambda *_: None  # rows made so far, of how many
    begin: Callable[[Sequence[Model], int], None] = lambda *_: None  # the models, responses of each
    advance: Callable[[Model, int], None] = lambda *_: None  # a model, responses more
    end: Callable[[Mapping[str, Any]], None] = lambda *_: None  # a model's entry in the result


def run(
    registry: Registry, request: Request, out: Path, watch: Watch | None = None, command: str | None = None
) -> dict[str, Any]:
    """Run the benchmark, write what :mod:`simbench.harness.results` describes, and return the result.

    Everything that a user can get wrong is checked before anything is generated or written. A failing model
    is reported in its entry and the others go on. Where the run is computed changes no score.

    Raises:
        UserError: wrong use, unreadable data, or an ``out`` that holds a run of another protocol.
    """
    watch = watch or Watch()
    request.check()
    detector = registry.detectors[request.detector]
    channel_map = detector.channel_map(request.channels)
    metrics = [registry.metrics[name] for name in dict.fromkeys(request.metrics)] or list(registry.metrics)
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    executor = request.placement.to_generate(registry)
    with executor, open_data(registry, detector, request.data, watch.data) as data:
        protocol = protocol_of(request, detector, data, metrics)
        projection = Projection(detector)
        _, rows = split_rows(data, protocol.split, protocol.split_seed, protocol.min_photons)
        reference = load_part(data, rows[: protocol.limit], projection)
        units = _units_folder(out, protocol, request.resume)
        examples = example_rows(projection.photons(reference.sums))
        images = np.concatenate([data.read(row, row + 1) for row in reference.rows[examples]])
        unit = Unit(reference.sums, projection.columns, images, examples, particle=reference.particle)
        save_unit(units / REFERENCE, unit, {"dataset": data.fingerprint})
        context = replace(context, min_photons=protocol.min_photons)
        plan = Plan(
            protocol=protocol,
            context=context,
            conditions=reference.conditions,
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
        head = head_of(request, protocol, data, reference.rows, metrics, context)
        for name in ("result.json", "scores.csv"):  # one of before must not pass for this run's, if killed
            (out / name).unlink(missing_ok=True)
        scored = len(reference.rows) * request.runs * request.scoring
        timed = len(devices_of(context.device)) * request.timing
        watch.begin(models, scored + timing.RESPONSES * timing.REPEATS * timed)
        entries, scores = {}, {}

        def finish(outcome: Outcome) -> None:
            label = outcome.model.label
            entries[label], scores[label] = _score(outcome, metrics, reference, plan, channel_map.names)
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
    outcome: Outcome, metrics: Sequence[Metric], reference: Part, plan: Plan, channels: tuple[str, ...]
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """A model's entry in the result and its rows of scores; a metric that fails makes the model failed.

    Scores are computed on one thread, as responses are.
    """

    def scored(unit: Unit) -> Scored:
        arrays = {
            "reference": plan.projection.channels(reference.sums, plan.protocol.channels),
            "generated": unit.channels(plan.protocol.channels),
            "reference_photons": plan.projection.photons(reference.sums),
            "generated_photons": unit.photons,
        }
        for array in arrays.values():
            array.flags.writeable = False  # a metric that writes would change what the next one sees
        return Scored(**arrays, channels=channels, min_photons=plan.protocol.min_photons)

    runs = [scored(unit) for unit in outcome.units]
    try:
        with one_thread():
            values = evaluate(metrics, runs) if runs else {}
    except Exception as error:  # noqa: BLE001 - a plugin's metric may fail in any way
        outcome = Outcome(outcome.model, "failed", one_line(error), outcome.marks)
        values, runs = {}, []
    entry = model_entry(outcome, values, runs)
    return entry, score_rows(outcome.model.label, plan.protocol.detector, values)
