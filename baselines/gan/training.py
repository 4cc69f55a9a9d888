"""The training of a model: from a job to a weights file, resumable at any kill, bitwise."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from simbench.harness import rng

from ..checkpoint import CHECKPOINT, Resumable, State, resume, write_checkpoint
from ..conditions import Scaler
from ..finish import finish, is_finished, threads
from ..weights import FILE_NAME, Arrays
from .batches import Batch, TrainingRows
from .ladder import MODELS, GanLearner, Step
from .networks import DataSummary, make_networks, network_header
from .settings import PRESETS, AnySettings, Settings, resolve
from .simulator import GanSimulator
from .training_job import Progress, TrainingJob

_QUIET = 0.3  # seconds between two reports of progress


class Learner(Resumable, Protocol):
    """What a training loop needs of what it trains."""

    def step(self, batch: Batch, step: int) -> Step:
        """Update everything once, on real rows, at a step counted from 0."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept if the training ended now."""
        ...


@dataclass(frozen=True)
class Trainee:
    """What is trained, made anew from a job whether it starts or resumes.

    Attributes:
        learner: steps on batches.
        rows: where these come from.
        steps: the length of the training.
        network: the header of the network, as weights files keep it.
        begins: a checkpoint is chosen, and warned of, after this step only.
    """

    learner: Learner
    rows: TrainingRows
    steps: int
    network: dict[str, Any]
    begins: int = 0


Make: TypeAlias = Callable[[TrainingJob, Scaler, DataSummary, AnySettings, torch.Generator], Trainee]


def train(job: TrainingJob) -> Path:
    """Train a GAN; see :func:`run`.

    Raises:
        ValueError: no such GAN, an impossible job, or ``job.out`` holds another one.
    """
    if job.model not in MODELS:
        raise ValueError(f"unknown model {job.model!r}; expected one of {', '.join(MODELS)}")
    return run(job, resolve(job.preset, job.overrides, PRESETS), make_gan, GanSimulator)


def make_gan(
    job: TrainingJob, scaler: Scaler, summary: DataSummary, settings: Settings, generator: torch.Generator
) -> Trainee:
    """A single GAN, and its rows."""
    terms = MODELS[job.model]
    networks = make_networks(job.preset, summary, settings, generator)
    rows = TrainingRows(job, scaler, networks, terms, settings, generator)
    steps = settings.steps or settings.epochs * rows.per_epoch
    learner = GanLearner(networks, terms, settings, steps, generator)
    return Trainee(learner, rows, steps, network_header(job.preset, summary, settings))


def run(
    job: TrainingJob, settings: AnySettings, make: Make[AnySettings], simulator: type[GanSimulator]
) -> Path:
    """Train a model and return its weights file, the best on validation, ``job.out/weights.safetensors``.

    Beside it appears ``record.json``. While it runs, ``checkpoint.pt`` is written at every evaluation; a
    training that was killed continues from there to the same weights. A finished one is returned at once.

    Args:
        job: what is asked for.
        settings: of the training.
        make: makes what is trained.
        simulator: generates with its weights.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    job.check()
    identity = job.identity(settings)
    job.out.mkdir(parents=True, exist_ok=True)
    if is_finished(job.out, identity):
        (job.out / CHECKPOINT).unlink(missing_ok=True)  # a kill may have left it
        return job.out / FILE_NAME
    with threads(settings.threads):
        return _train(job, settings, identity, make, simulator)


def _train(
    job: TrainingJob,
    settings: AnySettings,
    identity: dict[str, Any],
    make: Make[AnySettings],
    simulator: type[GanSimulator],
) -> Path:
    generator = torch.Generator(device=job.device)
    generator.manual_seed(rng.derive(job.seed, "training"))
    scaler = job.scaler()
    trainee = make(job, scaler, job.summary(scaler), settings, generator)
    learner, rows, steps = trainee.learner, trainee.rows, trainee.steps
    state = resume(job.out, identity, learner, generator)
    header = {
        **{name: identity[name] for name in ("model", "preset", "detector", "features", "min_photons")},
        "settings": identity["settings"],
        "data": identity["data"],
        "network": trainee.network,
        "scaler": scaler.to_json(),
        "training": {},
    }
    candidate = simulator(simulator.blank(header), scaler, header, device=job.device)
    every = -(-steps // settings.evaluations)
    started, told = time.monotonic() - state.seconds, 0.0
    while state.step < steps:
        found = learner.step(rows.batch(state.step), state.step)
        state.step += 1
        due = state.step % every == 0 or state.step == steps
        if not due and time.monotonic() - told < _QUIET:
            continue
        mean = {name: round(loss.item(), 6) for name, loss in found.losses.items()}
        epoch = round(state.step / rows.per_epoch, 3)
        if due:
            state.seconds = time.monotonic() - started
            candidate.set_weights(learner.weights())
            whole = state.step > trainee.begins
            news = _evaluate(job, candidate)
            warnings = [*rows.warnings, *news.pop("warnings", ())]
            if whole and warnings:
                news["warnings"] = warnings
            state.history.append(
                {"step": state.step, "epoch": epoch, "seconds": round(state.seconds, 1)}
                | {"losses": mean, **news}
            )
            if whole and news["validation"] < state.best_score:
                state.best_score, state.best_step = news["validation"], state.step
                state.best = {name: tensor.clone() for name, tensor in learner.weights().items()}
            if state.step < steps:
                write_checkpoint(job.out, identity, learner, generator, state)
        told = time.monotonic()
        last = state.history[-1] if state.history else {}
        told_of = tuple(last.get("warnings", ())), last.get("experts")
        job.progress(Progress(state.step, steps, epoch, mean, last.get("validation"), *told_of))
    return _finish(job, header, identity, settings, state)


def _evaluate(job: TrainingJob, candidate: GanSimulator) -> dict[str, Any]:
    """The validation scores of a candidate, on the same noise every time, and what it tells of itself."""
    conditions = job.validation_conditions
    responses = candidate.generate(conditions, seed=rng.derive(job.seed, "validation"))
    scores = {name: float(score) for name, score in job.score(conditions, responses).items()}
    return {**scores, **candidate.health(conditions, responses)}


def _finish(
    job: TrainingJob, header: dict[str, Any], identity: dict[str, Any], settings: Settings, state: State
) -> Path:
    if not state.best:
        raise ValueError("the validation score was never a number: the training has diverged")
    training = {
        "seed": job.seed,
        "steps": state.step,
        "best_step": state.best_step,
        "validation": state.best_score,
    }
    arrays: Arrays = {}
    for name, tensor in state.best.items():
        array = tensor.cpu().numpy()
        with np.errstate(over="ignore"):  # an overflow is found when the weights are written
            arrays[name] = array.astype(settings.storage) if tensor.is_floating_point() else array
    return finish(job.out, header, identity, state, arrays, training, job.training_particles)
