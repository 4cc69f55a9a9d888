"""The training of a cascade: from a job to a weights file, resumable at any kill, bitwise."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from simbench.harness import rng

from ..checkpoint import CHECKPOINT, Resumable, State, resume, write_checkpoint
from ..finish import finish, is_finished, threads
from ..weights import FILE_NAME, Arrays
from .density.model import Sizes, make
from .density.sums import Bins
from .density.tree import Tree
from .inputs import Inputs
from .job import CascadeJob, Progress
from .learner import CascadeLearner
from .settings import Settings, resolve

Job = TypeVar("Job", bound=CascadeJob)
Model = TypeVar("Model", bound=nn.Module)
Chosen = TypeVar("Chosen", bound=Any)  # settings, with threads among them
_QUIET = 0.3  # seconds between two reports of progress


def train(job: CascadeJob) -> Path:
    """Train a cascade and return its weights file, the best on validation, ``job.out/weights.safetensors``.

    Beside it appears ``record.json``. While it runs, ``checkpoint.pt`` is written at every evaluation; a
    training that was killed continues from there to the same weights. A finished one is returned at once.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    job.check()
    return once(job, resolve(job.preset, job.overrides), _train)


def once(job: Job, settings: Chosen, trainer: Callable[[Job, Chosen, dict[str, Any]], Path]) -> Path:
    """Train, unless the job's folder holds that training, finished.

    Args:
        job: checked.
        settings: of the training.
        trainer: is given both and what identifies the training, and returns the weights file.

    Raises:
        ValueError: the folder holds another training.
    """
    identity = job.identity(settings)
    job.out.mkdir(parents=True, exist_ok=True)
    if is_finished(job.out, identity):
        (job.out / CHECKPOINT).unlink(missing_ok=True)  # a kill may have left it
        return job.out / FILE_NAME
    with threads(settings.threads):
        return trainer(job, settings, identity)


def _train(job: CascadeJob, settings: Settings, identity: dict[str, Any]) -> Path:
    inputs, bins = Inputs.fit(job.conditions, job.geometry), Bins.fit(job.sums(), job.min_photons)
    scaled = inputs(job.conditions)
    sizes = sizes_of(settings, scaled.shape[1], len(bins))
    start = rng.derive(job.seed, "cascade start")
    dropouts = (settings.sum_dropout, settings.dropout, settings.fine_dropout)
    model = make(Tree(job.shape), sizes, start, dropouts)
    learner = CascadeLearner(job, settings, model, bins, scaled)
    judge = make(Tree(job.shape), sizes).eval()
    draw = np.random.default_rng(rng.derive(job.seed, "cascade judges"))
    rows = min(settings.validation_rows, len(learner.held_out))
    judges = np.sort(draw.choice(learner.held_out, rows, replace=False))
    state = learn(job, identity, learner, loader(judge), judges, settings.evaluations)
    arrays = stored(state, settings.storage)
    judge.load_state_dict({name: torch.from_numpy(array).float() for name, array in arrays.items()})
    header = {
        **{name: identity[name] for name in ("model", "preset", "detector", "features", "min_photons")},
        "settings": identity["settings"],
        "data": identity["data"],
        "network": {"shape": list(job.shape), "sizes": sizes.to_json(), "bins": bins.to_json()},
        "inputs": inputs.to_json(),
    }
    some = np.sort(draw.choice(learner.fit, min(len(learner.held_out), len(learner.fit)), replace=False))
    likelihood = {
        "validation": units(learner.likelihood(judge, learner.held_out)),
        "training": units(learner.likelihood(judge, some)),
    }
    return ending(job, header, identity, state, arrays, likelihood)


def sizes_of(settings: Settings, conditions: int, bins: int) -> Sizes:
    """The sizes of networks for so many scaled conditions and bins of the photon sum."""
    return Sizes(
        conditions=conditions,
        bins=bins,
        members=settings.members,
        sum_width=settings.sum_width,
        components=settings.components,
        width=settings.width,
        fine_width=settings.fine_width,
        single_width=settings.single_width,
    )


class Learner(Resumable, Protocol):
    """What is trained update by update.

    Attributes:
        steps: how many there are.
    """

    @property
    def steps(self) -> int:
        """How many updates there are."""
        ...

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses."""
        ...

    def epoch(self, step: int) -> float:
        """How often all rows have been seen after so many updates."""
        ...

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept."""
        ...

    def likelihood(self, model: Any, rows: Any) -> dict[str, float]:
        """Mean log likelihood of rows, in nats, by factor."""
        ...


def learn(
    job: CascadeJob,
    identity: Mapping[str, Any],
    learner: Learner,
    judge: Callable[[Mapping[str, Tensor]], Any],
    rows: Any,
    evaluations: int,
) -> State:
    """All updates, from the checkpoint on if there is one; the best weights by the likelihood of some rows.

    Args:
        job: tells where checkpoints lie, and is told the progress.
        identity: of the training.
        learner: to be trained.
        judge: makes a model of the learner's weights, to be judged.
        rows: of the job, held out.
        evaluations: how often a checkpoint is judged, and written.

    Raises:
        ValueError: the folder holds another training, or the training has diverged.
    """
    generator = torch.Generator()  # not used: every update has random numbers of its own
    state = resume(job.out, identity, learner, generator)
    every = -(-learner.steps // evaluations)
    started, told = time.monotonic() - state.seconds, 0.0
    while state.step < learner.steps:
        losses = {name: round(value, 6) for name, value in learner.step(state.step).items()}
        state.step += 1
        due = state.step % every == 0 or state.step == learner.steps
        if due:
            state.seconds = time.monotonic() - started
            levels = learner.likelihood(judge(learner.weights()), rows)
            validation = -sum(levels.values())
            state.history.append(
                {
                    "step": state.step,
                    "epoch": round(learner.epoch(state.step), 3),
                    "seconds": round(state.seconds, 1),
                    "losses": losses,
                    "validation": validation,
                    "levels": {name: round(-nats, 6) for name, nats in levels.items()},
                }
            )
            if validation < state.best_score:
                state.best_score, state.best_step = validation, state.step
                state.best = {name: tensor.clone() for name, tensor in learner.weights().items()}
            if state.step < learner.steps:
                write_checkpoint(job.out, identity, learner, generator, state)
        if due or time.monotonic() - told > _QUIET:
            told = time.monotonic()
            last = state.history[-1]["validation"] if state.history else None
            job.progress(Progress(state.step, learner.steps, losses, last))
    if not state.best:
        raise ValueError("the validation likelihood was never a number: the training has diverged")
    return state


def loader(model: Model) -> Callable[[Mapping[str, Tensor]], Model]:
    """What puts weights into a model and gives it back."""

    def load(weights: Mapping[str, Tensor]) -> Model:
        model.load_state_dict(dict(weights))
        return model

    return load


def units(levels: Mapping[str, float]) -> dict[str, Any]:
    """Mean log likelihoods in nats and in bits a response, by factor, and all together."""
    nats = {**levels, "all": sum(levels.values())}
    return {
        "nats": {name: round(value, 6) for name, value in nats.items()},
        "bits": {name: round(value / math.log(2), 6) for name, value in nats.items()},
    }


def stored(state: State, storage: str) -> Arrays:
    """The best weights, in the precision that they are stored in."""
    arrays: Arrays = {}
    for name, tensor in state.best.items():
        with np.errstate(over="ignore"):  # an overflow is found when the weights are written
            # Three digits of a place on the image are too few.
            exact = name.startswith("aim.")
            arrays[name] = tensor.numpy().astype("float32" if exact else storage)
    return arrays


def ending(
    job: CascadeJob,
    header: dict[str, Any],
    identity: dict[str, Any],
    state: State,
    arrays: Arrays,
    likelihood: dict[str, Any],
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write weights and record, which also tell ``more``, and return the weights file."""
    training = {
        "seed": job.seed,
        "steps": state.step,
        "best_step": state.best_step,
        "validation": state.best_score,
        "likelihood": likelihood,
        "parameters": sum(array.size for array in arrays.values()),
        **(more or {}),
    }
    return finish(job.out, header, identity, state, arrays, training, job.training_particles)
