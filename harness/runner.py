"""Runs simulators on the test part: chunk by chunk, unit by unit, each failure kept to itself.

A unit is one run (one generation seed) of one model. A finished one leaves its sums behind in a small file
(:mod:`simbench.harness.folder`), so a killed run resumes where it stopped.
"""

import hashlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import rng, timing
from .errors import one_line
from .files import read_json, write_json
from .folder import Unit, load_unit, save_unit, unit_path
from .hooks import Context, Recorded, Routing, Simulator, Trained
from .models import Model
from .projection import Projection
from .protocol import CHUNK, Protocol, leak


@dataclass(frozen=True)
class Plan:
    """What a run of the benchmark does, whatever the model.

    Attributes:
        protocol: what is held fixed.
        context: for the models' factories, less their weights.
        conditions: (N, F) of the test part.
        example_rows: of the test part, of which run 0 keeps the images.
        projection: to the sums that are kept.
        runs, seed, allow_leak: as asked for.
        units: the folder of units.
        scoring, timing: what is to be done.
    """

    protocol: Protocol
    context: Context
    conditions: npt.NDArray[np.float32]
    example_rows: npt.NDArray[np.int64]
    projection: Projection
    runs: int
    seed: int
    allow_leak: bool
    units: Path
    scoring: bool = True
    timing: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a model fared: its units, one a run, if ``ok``; else the one line that says why not."""

    model: Model
    status: str
    error: str | None = None
    marks: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    training: Mapping[str, Any] | None = None
    timing: Mapping[str, Any] | None = None


def chunks(count: int) -> Iterator[tuple[int, slice]]:
    """(index, rows) of the chunks of ``count`` test responses, counted from the start of the test part."""
    for index, start in enumerate(range(0, count, CHUNK)):
        yield index, slice(start, min(start + CHUNK, count))


def check_responses(responses: Any, rows: int, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """The responses, if they are what :class:`Simulator` promises.

    Raises:
        TypeError: they are no NumPy array.
        ValueError: they are of another shape or kind, not finite, or negative; says where.
    """
    if not isinstance(responses, np.ndarray):
        raise TypeError(f"generate should return a NumPy array, found {type(responses).__name__}")
    expected = (rows, *shape)
    if responses.shape != expected:
        raise ValueError(f"generate should return responses of shape {expected}, found {responses.shape}")
    if responses.dtype.kind not in "uif":
        raise ValueError(f"generate should return float32 or integers, found {responses.dtype}")
    if responses.dtype.kind == "u":
        return responses
    for what, wrong in (("NaN or infinite", ~np.isfinite(responses)), ("negative", responses < 0)):
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise ValueError(f"generate should return finite values >= 0, found a {what} one at {place}")
    return responses


def generate_unit(
    simulator: Simulator, plan: Plan, name: str, run: int, advance: Callable[[int], None]
) -> Unit:
    """One run: every chunk generated with a seed of its own, projected and dropped."""
    sums, examples, experts = [], [], []
    for index, rows in chunks(len(plan.conditions)):
        conditions = plan.conditions[rows].copy()
        responses = simulator.generate(conditions, seed=rng.derive(plan.seed, name, run, index))
        check_responses(responses, len(conditions), plan.projection.shape)
        sums.append(plan.projection(responses))
        if run == 0:
            kept = plan.example_rows[(plan.example_rows >= rows.start) & (plan.example_rows < rows.stop)]
            examples.append(responses[kept - rows.start])
        if isinstance(simulator, Routing):
            experts.append(np.asarray(simulator.route(plan.conditions[rows].copy()), dtype=np.int64))
        advance(len(conditions))
    return Unit(
        sums=np.concatenate(sums),
        columns=plan.projection.columns,
        examples=np.concatenate(examples) if run == 0 else None,
        example_rows=plan.example_rows if run == 0 else None,
        experts=np.concatenate(experts) if experts else None,
    )


def run_model(model: Model, plan: Plan, advance: Callable[[int], None]) -> Outcome:
    """All runs of one model. Whatever it raises becomes the outcome's one line."""
    marks: list[str] = []
    try:
        simulator = model.offer.factory(
            Context(plan.context.detector, plan.context.min_photons, plan.context.device, model.weights)
        )
        trained = simulator.trained_on if isinstance(simulator, Trained) else None
        if trained is not None:
            leaking = leak(trained, plan.protocol, plan.conditions)
            if leaking and not plan.allow_leak:
                return Outcome(model, "failed", f"leak: {leaking}; --allow-leak scores it all the same")
            if leaking:
                marks.append("scored on particles that it was trained on")
            if trained.dataset != plan.protocol.dataset:
                marks.append("trained on other data")
        identity = _identity(model, simulator, plan)
        units = []
        for run in range(plan.runs if plan.scoring else 0):
            path = unit_path(plan.units, model.label, f"run{run}")
            unit = load_unit(path, {**identity, "run": run})
            if unit is None:
                unit = generate_unit(simulator, plan, model.offer.name, run, advance)
                save_unit(path, unit, {**identity, "run": run})
            else:
                advance(len(unit.sums))
            units.append(unit)
        timed = _time(simulator, model, plan, identity, advance) if plan.timing else None
        training = simulator.training_record if isinstance(simulator, Recorded) else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model may fail in any way but Ctrl-C
        return Outcome(model, "failed", f"{one_line(error)}{_place(error)}", tuple(marks))
    return Outcome(model, "ok", None, tuple(marks), tuple(units), training, timed)


def _time(
    simulator: Simulator,
    model: Model,
    plan: Plan,
    identity: Mapping[str, Any],
    advance: Callable[[int], None],
) -> Mapping[str, Any]:
    """The timing of a model on this device, kept in a file of its own, so that a resumed run keeps it."""
    path = unit_path(plan.units, model.label, "timing").with_suffix(".json")
    asked = {**identity, "threads": timing.threads()}
    if path.exists():
        stored = read_json(path)
        if stored["identity"] == asked:
            advance(timing.RESPONSES * timing.REPEATS)
            return {plan.context.device: stored["timing"]}
    measured = timing.measure(simulator, plan.conditions, plan.context.device, advance)
    write_json(path, {"identity": asked, "timing": measured})
    return {plan.context.device: measured}


def _identity(model: Model, simulator: Simulator, plan: Plan) -> dict[str, Any]:
    """All that the sums of a unit depend on, besides the folder's protocol and the run."""
    return {
        "model": model.label,
        "plugin": [model.source.name, model.source.version],
        "weights": [getattr(simulator, "fingerprint", None), _digest(model.weights)],
        "seed": plan.seed,
        "device": plan.context.device,
    }


def _digest(folder: Path | None) -> str | None:
    """What the files of a weights folder hold, or ``None`` for a model with weights of its own."""
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _place(error: BaseException) -> str:
    """Where in which file an exception was raised, for a plugin's author."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
