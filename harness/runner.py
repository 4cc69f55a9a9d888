"""Runs simulators on the test part: chunk by chunk, unit by unit, each failure kept to itself.

A unit is one run (one generation seed) of one model. What a finished unit leaves behind is its channel sums
in a small file, so a killed run resumes where it stopped and new metrics need no new generation.
"""

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import rng
from .errors import UserError, one_line
from .files import atomic
from .hooks import Context, Simulator, SimulatorOffer, Trained
from .projection import Projection
from .protocol import CHUNK, Protocol, leak
from .registry import Registry, Source

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A model as the command line asks for it: ``label`` is NAME or NAME@WEIGHTS_DIR."""

    label: str
    offer: SimulatorOffer
    source: Source
    weights: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What a run of the benchmark does, whatever the model."""

    protocol: Protocol
    context: Context
    conditions: npt.NDArray[np.float32]
    projection: Projection
    runs: int
    seed: int
    allow_leak: bool
    units: Path


@dataclass(frozen=True)
class Outcome:
    """How a model fared: its (N, K) sums for each run if ``ok``, or the one line that says why not."""

    model: Model
    status: str
    error: str | None = None
    marks: tuple[str, ...] = ()
    runs: tuple[Sums, ...] = ()


def parse_models(registry: Registry, specs: Sequence[str], context: Context) -> list[Model]:
    """The models that ``--models`` names, each once, in order.

    Raises:
        UserError: a name is unknown, does not serve the detector, or names a folder that is not there.
    """
    models: dict[str, Model] = {}
    for spec in (part.strip() for text in specs for part in text.split(",")):
        if spec == "all":
            chosen = [o.name for o in registry.simulators if not o.slow and o.serves(context.detector)]
        else:
            chosen = [spec]
        for label in chosen:
            name, _, folder = label.partition("@")
            offer = registry.simulators[name]
            if not offer.serves(context.detector):
                serves = ", ".join(offer.detectors or ())
                raise UserError(
                    f"model {name!r} does not serve detector {context.detector.name!r}; it serves {serves}"
                )
            if folder and not Path(folder).is_dir():
                raise UserError(f"model {label!r}: no folder of weights at {folder}")
            weights = Path(folder) if folder else None
            models.setdefault(label, Model(label, offer, registry.simulators.sources[name], weights))
    if not models:
        raise UserError(f"no model serves the detector {context.detector.name!r}")
    return list(models.values())


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
    if responses.size == 0:
        return responses
    for what, bad in (
        ("NaN or infinite", responses.dtype.kind == "f" and not np.isfinite(responses.sum(dtype=np.float64))),
        ("negative", responses.dtype.kind != "u" and responses.min() < 0),
    ):
        if bad:
            wrong = ~np.isfinite(responses) if what != "negative" else responses < 0
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise ValueError(f"generate should return finite values >= 0, found a {what} one at {place}")
    return responses


def generate_sums(
    simulator: Simulator, plan: Plan, name: str, run: int, advance: Callable[[int], None]
) -> Sums:
    """The (N, K) sums of one run: every chunk generated with a seed of its own, projected and dropped."""
    sums: list[Sums] = []
    for index, rows in chunks(len(plan.conditions)):
        conditions = plan.conditions[rows].copy()
        seed = rng.derive(plan.seed, name, run, index)
        responses = simulator.generate(conditions, seed=seed)
        sums.append(plan.projection(check_responses(responses, len(conditions), plan.projection.shape)))
        advance(len(conditions))
    return np.concatenate(sums)


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
        runs = []
        for run in range(plan.runs):
            path = plan.units / f"{_file_name(model.label)}-run{run}.npz"
            sums = _load_unit(path, {**identity, "run": run})
            if sums is None:
                sums = generate_sums(simulator, plan, model.offer.name, run, advance)
                _save_unit(path, {**identity, "run": run}, sums)
            else:
                advance(len(sums))
            runs.append(sums)
    except Exception as error:  # noqa: BLE001 - a model may fail in any way, and must not stop the others
        return Outcome(model, "failed", f"{one_line(error)}{_place(error)}", tuple(marks))
    return Outcome(model, "ok", None, tuple(marks), tuple(runs))


def _identity(model: Model, simulator: Simulator, plan: Plan) -> dict[str, Any]:
    """All that the sums of a unit depend on, besides the folder's protocol and the run."""
    return {
        "model": model.label,
        "plugin": [model.source.name, model.source.version],
        "weights": getattr(simulator, "fingerprint", None),
        "seed": plan.seed,
        "device": plan.context.device,
    }


def _file_name(label: str) -> str:
    """A label as part of a file name; different labels give different names."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in label)
    return plain if plain == label else f"{plain[-80:]}-{rng.derive(label):016x}"


def _save_unit(path: Path, identity: dict[str, Any], sums: Sums) -> None:
    exact = np.array_equal(sums, sums.astype(np.uint32))
    stored = sums.astype(np.uint32) if exact else sums
    with atomic(path) as part, part.open("wb") as file:
        np.savez_compressed(file, sums=stored, identity=np.array(json.dumps(identity, sort_keys=True)))


def _load_unit(path: Path, identity: dict[str, Any]) -> Sums | None:
    """The sums of a finished unit, or ``None`` if it is absent, unreadable, or of another identity."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as unit:
            if str(unit["identity"]) != json.dumps(identity, sort_keys=True):
                return None
            return np.asarray(unit["sums"], dtype=np.float64)
    except Exception:  # noqa: BLE001 - a damaged unit, whatever its damage, is made again
        return None


def _place(error: BaseException) -> str:
    """Where in which file an exception was raised, for a plugin's author."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
