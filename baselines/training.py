"""The training of one GAN: from a job to a weights file, resumable at any kill, bitwise."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simbench.harness import rng

from .adversary import Adversary
from .checkpoint import CHECKPOINT, State, resume, write_checkpoint
from .job import Progress, TrainingJob, check_same
from .networks import blank_generator, make_networks, network_header
from .rows import TrainingRows
from .settings import MODELS, Settings, resolve
from .simulator import PARTICLES, GanSimulator
from .weights import FILE_NAME, Arrays, write_atomic, write_weights

RECORD = "record.json"
_QUIET = 0.3  # seconds between two reports of progress


def train(job: TrainingJob) -> Path:
    """Train a model and return its weights file, the best on validation, ``job.out/weights.safetensors``.

    Beside it appears ``record.json``. While it runs, ``checkpoint.pt`` is written at every evaluation; a
    training that was killed continues from there to the same weights. A finished one is returned at once.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    settings = resolve(job.preset, job.overrides)
    job.check()
    identity = job.identity(settings)
    job.out.mkdir(parents=True, exist_ok=True)
    if _finished(job.out, identity):
        (job.out / CHECKPOINT).unlink(missing_ok=True)  # a kill may have left it
        return job.out / FILE_NAME
    with _threads(settings.threads):
        return _train(job, settings, identity)


def _train(job: TrainingJob, settings: Settings, identity: dict[str, Any]) -> Path:
    generator = torch.Generator(device=job.device)
    generator.manual_seed(rng.derive(job.seed, "training"))
    scaler = job.scaler()
    task = job.task(scaler)
    networks = make_networks(job.preset, task, settings, generator)
    rows = TrainingRows(job, scaler, networks, settings, generator)
    steps = settings.steps or settings.epochs * rows.per_epoch
    adversary = Adversary(networks, MODELS[job.model], settings, steps, generator)
    state = resume(job.out, identity, adversary, generator)
    header = {
        **{name: identity[name] for name in ("model", "preset", "detector", "features", "min_photons")},
        "settings": identity["settings"],
        "data": identity["data"],
        "network": network_header(job.preset, task, settings),
        "scaler": scaler.to_json(),
        "training": {},
    }
    candidate = GanSimulator(
        blank_generator(job.preset, header["network"]), scaler, header, device=job.device
    )
    every = -(-steps // settings.evaluations)
    started, told = time.monotonic() - state.seconds, 0.0
    while state.step < steps:
        found = adversary.step(rows.batch(state.step), state.step)
        state.step += 1
        due = state.step % every == 0 or state.step == steps
        if not due and time.monotonic() - told < _QUIET:
            continue
        mean = {name: round(loss.item(), 6) for name, loss in found.items()}
        epoch = round(state.step / rows.per_epoch, 3)
        if due:
            state.seconds = time.monotonic() - started
            score = _evaluate(job, candidate, adversary.average)
            state.history.append(
                {"step": state.step, "epoch": epoch, "seconds": round(state.seconds, 1)}
                | {"losses": mean, "validation": score}
            )
            if score < state.best_score:
                state.best_score, state.best_step = score, state.step
                state.best = {name: tensor.clone() for name, tensor in adversary.average.items()}
            if state.step < steps:
                write_checkpoint(job.out, identity, adversary, generator, state)
        told = time.monotonic()
        last = state.history[-1]["validation"] if state.history else None
        job.progress(Progress(state.step, steps, epoch, mean, last))
    return _finish(job, header, identity, settings, state)


def _evaluate(job: TrainingJob, candidate: GanSimulator, weights: Mapping[str, Tensor]) -> float:
    """The validation score of generator weights, on the same noise every time."""
    candidate.set_weights(weights)
    responses = candidate.generate(job.validation_conditions, seed=rng.derive(job.seed, "validation"))
    return float(job.score(job.validation_conditions, responses))


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
    if job.training_particles is not None:
        arrays[PARTICLES] = job.training_particles
    path = job.out / FILE_NAME
    # Weights of the same training are the same bytes, however long it took.
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in state.history]
    write_weights(path, arrays, header | {"training": {**training, "history": history}})
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    record = {
        **identity,
        "training": training,
        "history": state.history,
        "versions": versions,
        "finished": True,
    }
    write_atomic(job.out / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    (job.out / CHECKPOINT).unlink(missing_ok=True)
    return path


def _finished(out: Path, identity: Mapping[str, Any]) -> bool:
    """Whether the folder holds this job, finished.

    Raises:
        ValueError: it holds another one, or its record is unreadable.
    """
    if not (out / RECORD).exists():
        if (out / FILE_NAME).exists() and not (out / CHECKPOINT).exists():
            raise ValueError(
                f"{out / FILE_NAME} has no {RECORD} beside it: choose another folder or delete it"
            )
        return False
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        stored = {name: record[name] for name in identity}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{out / RECORD} is no record of a training: {error}") from error
    check_same(stored, identity, out)
    return (out / FILE_NAME).exists()


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
