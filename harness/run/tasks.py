"""What is asked of a model, and what does it, in this process or in another.

A task carries all that its reply depends on, so that it may be done anywhere, any number of times: a worker
needs the plugins, but neither the dataset nor the folder of results. What a model raises is told, not raised.
"""

import hashlib
import os
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import plain
from ..data.sums import Projection
from ..data.unit import Lit, Unit
from ..errors import UserError, one_line, traced
from ..files import kept_folder
from ..plugin.description import Description, describe, notes_of
from ..plugin.registry import Registry, Source, load
from ..plugin.simulators import Context, Routing, Simulator, SimulatorOffer
from ..processes.workers import RAISED, Reply, with_threads
from ..record.lock import LOCK
from . import latency, timing
from .contention import look


@dataclass(frozen=True)
class ModelKey:
    """What a worker needs to make a model.

    Attributes:
        label: of the model in this run.
        name: of the simulator in the worker's registry.
        source: the plugin, which is to be of the same version everywhere.
        offer: the simulator itself, of a model that is in no registry.
        weights: an absolute path, or ``None``.
        detector, min_photons, device, engine, training: as in :class:`simbench.harness.hooks.Context`.
    """

    label: str
    name: str
    source: Source
    offer: SimulatorOffer | None
    weights: Path | None
    detector: str
    min_photons: int
    device: str
    engine: str = "auto"
    training: Path | None = None


@dataclass(frozen=True)
class Task:
    """Make the simulator and tell what it is: the answer is a :class:`Description`."""

    model: ModelKey


@dataclass(frozen=True)
class Generate(Task):
    """Respond to a chunk of a run: the answer is its :class:`Unit`.

    Attributes:
        conditions: (n, F) float32.
        examples: rows of the chunk of which images are kept.
        weights: what the :class:`Description` told.
        keep: whether the responses themselves are part of the answer.
    """

    run: int
    chunk: int
    conditions: npt.NDArray[np.float32] = field(repr=False)
    seed: int
    examples: npt.NDArray[np.int64]
    weights: Any
    keep: bool = False


@dataclass(frozen=True)
class Time(Task):
    """Measure the speed on (N, F) conditions: the answer is what :func:`.timing.measure` returns."""

    conditions: npt.NDArray[np.float32] = field(repr=False)
    brief: bool = False


class TaskRunner:
    """Does tasks. It holds the simulator of the last task, and no other."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._held: tuple[ModelKey, Simulator, Projection, Any] | None = None

    def __call__(self, task: Task) -> Reply:
        """Do what is asked; an exception is told in the reply."""
        begun = time.monotonic()
        try:
            answer = self._answer(task)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a model may fail in any way but Ctrl-C
            line = self._line(task.model, error)
            self._held = None
            return Reply(None, time.monotonic() - begun, line, RAISED)
        return Reply(answer, time.monotonic() - begun)

    def _answer(self, task: Task) -> Description | Unit | dict[str, Any]:
        if isinstance(task, Time):
            return self._timed(task)
        simulator, projection, weights = self._open(task.model)
        if isinstance(task, Generate):
            if task.weights != weights:
                raise UserError("a worker found other weights than the run began with")
            return _generate(simulator, projection, task)
        return replace(describe(simulator), weights=weights)

    def _timed(self, task: Time) -> dict[str, Any]:
        """Seconds and latencies, with as many threads as the machine has free, and how many those were."""
        before = look(timing.threads())
        self._held = None  # a session has its threads from when it was opened
        with with_threads(before.threads):
            simulator, _, _ = self._open(task.model)
            computes = describe(simulator).execution
            timed = timing.measure(
                simulator, task.conditions, task.model.device, lambda _: None, brief=task.brief
            )
            self._held = None
        told = {**timed, "engine": computes.get("engine"), "batch": computes.get("batch")}
        if task.model.device == "cpu" and not task.brief:
            make = partial(self._make, task.model)
            numbers = sorted({1, before.cores})
            told["latency"] = latency.card(make, task.conditions, numbers)
        after = look(before.cores)
        return {**told, "cores": before.cores, "cores_free": min(before.free, after.free)}

    def _make(self, model: ModelKey, engine: str) -> Simulator:
        return self._offer(model).factory(self._context(replace(model, engine=engine)))

    def _context(self, model: ModelKey) -> Context:
        return Context(
            self._registry.detectors[model.detector],
            model.min_photons,
            model.device,
            model.weights,
            model.engine,
            kept_folder(),
            model.training,
        )

    def _open(self, model: ModelKey) -> tuple[Simulator, Projection, Any]:
        named = replace(model, offer=None)  # which travels, and is another object each time
        if self._held is None or self._held[0] != named:
            self._held = None  # two simulators may be too many for the memory
            simulator = self._offer(model).factory(self._context(model))
            projection = Projection(self._registry.detectors[model.detector])
            weights = [describe(simulator).weights, weights_digest(model.weights)]
            self._held = named, simulator, projection, weights
        return self._held[1:]

    def _offer(self, model: ModelKey) -> SimulatorOffer:
        if model.offer is not None:
            return model.offer
        offer, source = self._registry.simulators[model.name], self._registry.simulators.sources[model.name]
        if source != model.source:
            raise UserError(
                f"a worker has plugin {source.name} {source.version}, "
                f"expected {model.source.name} {model.source.version}"
            )
        return offer

    def _line(self, model: ModelKey, error: BaseException) -> str:
        """The error, the line of the plugin at which it went wrong, and which plugin that is."""
        frames = list(traceback.walk_tb(error.__traceback__))
        generate = getattr(self._held[1], "generate", None) if self._held else None
        if (
            generate is not None and frames[-1][0].f_globals is globals()
        ):  # refused here: nothing was raised there
            code = getattr(generate, "__code__", None)
            place = f" ({Path(code.co_filename).name}:{code.co_firstlineno})" if code else ""
            text = f"{one_line(error)}{place}"
        else:
            text = traced(error)
        return f"{text}, plugin {model.source.name} {model.source.version}"


def prepare() -> TaskRunner:
    """What does tasks in a process of its own, with the plugins that are installed there."""
    return TaskRunner(load())


def check_responses(responses: Any, rows: int, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """The responses, if they are what :class:`Simulator` promises.

    Raises:
        TypeError: they are no NumPy array, or a masked one.
        ValueError: they are of another shape or kind, not finite, or negative; says where.
    """
    if not isinstance(responses, np.ndarray):
        raise TypeError(f"generate should return a NumPy array, found {type(responses).__name__}")
    found = plain(responses, "generate")
    expected = (rows, *shape)
    if found.shape != expected:
        raise ValueError(f"generate should return found of shape {expected}, found {found.shape}")
    if found.dtype.kind not in "uif":
        raise ValueError(f"generate should return float32 or integers, found {found.dtype}")
    low, high = (found.min(), found.max()) if found.size else (0, 0)
    if low >= 0 and high < np.inf:  # neither is true of NaN
        return found
    for what, wrong in (("NaN or infinite", ~np.isfinite(found)), ("negative", found < 0)):
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise ValueError(f"generate should return finite values >= 0, found a {what} one at {place}")
    return found


def _generate(simulator: Simulator, projection: Projection, task: Generate) -> Unit:
    responses = simulator.generate(task.conditions.copy(), seed=task.seed)
    notes = notes_of(simulator)  # some are only known now
    responses = check_responses(responses, len(task.conditions), projection.shape)
    experts = None
    if task.run == 0 and isinstance(simulator, Routing):  # the expert depends on the condition alone
        experts = np.array(plain(simulator.route(task.conditions.copy()), "route"), dtype=np.int64)
        if experts.shape != (len(task.conditions),):
            raise ValueError(f"route should return {len(task.conditions)} experts, found {experts.shape}")
    examples = np.array(responses[task.examples])
    lit = Lit.of(responses) if task.keep else None
    return replace(projection(responses), examples=examples, experts=experts, lit=lit, notes=notes or None)


_PASSED = ("__pycache__", ".git", LOCK)  # of a folder of weights
_OF_A_RUN = ("units", "result.json", "scores.csv", "report.html", "figures")


def weights_digest(folder: Path | None) -> str | None:
    """What the files of a weights folder hold, those of its folders and behind its links too.

    ``None`` for a model with weights of its own. The folders of runs that lie within are no weights, nor is
    what Python and git keep for themselves.
    """
    if folder is None:
        return None
    digest = hashlib.sha256()
    for name, path in sorted(_weights(folder, "", frozenset())):
        if path.is_file():
            digest.update(f"{name}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
            digest.update(path.read_bytes())
        elif path.is_symlink():  # which leads nowhere
            digest.update(f"{name}\0{path.readlink()}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _weights(folder: Path, name: str, above: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Each file by its name from the folder's top; a folder within itself, by a link, is entered once."""
    real = os.path.realpath(folder)
    of_run = (folder / "units" / "protocol.json").exists()
    if real in above or (of_run and name):
        return
    passed = (*_PASSED, *(_OF_A_RUN if of_run else ()))
    for path in folder.iterdir():
        if path.name in passed or path.suffix == ".part":
            continue
        if not path.is_dir():
            yield name + path.name, path
        else:
            yield from _weights(path, f"{name}{path.name}/", above | {real})
