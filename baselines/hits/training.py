"""The training of a classifier of hits: a minute on one core, so that it has no checkpoint to resume from."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from simbench.harness import rng

from ..checkpoint import State
from ..conditions import CLIP, Geometry, Scaler
from ..finish import finish, is_finished, threads
from ..overrides import overridden
from .curves import curves
from .network import loss, make_network


@dataclass(frozen=True)
class Settings:
    """All numbers of a training.

    Attributes:
        steps: updates.
        batch: particles of an update.
        width: of the hidden layers.
        lr: learning rate of AdamW; it falls to nothing along a cosine.
        decay: its weight decay.
        evaluations: how often the validation loss is taken; the best checkpoint is kept.
    """

    steps: int = 1500
    batch: int = 512
    width: int = 64
    lr: float = 1e-3
    decay: float = 0.1
    evaluations: int = 30


@dataclass(frozen=True)
class HitJob:
    """What is to be learned.

    Attributes:
        detector: its name.
        geometry: of a ZDC's face, else None.
        feature_names: of the conditions.
        conditions, validation_conditions: (K, F) float32, physical units.
        hit, validation_hit: (K, R) bool.
        seed: of everything random.
        out: folder of the results.
        overrides: settings as text.
        provenance: of the data, for the weights' header.
        progress: told step, steps, loss and the last validation loss.
        validation_pdg: (K,) PDG ids, for the curves; None if unknown.
    """

    detector: str
    geometry: Geometry | None
    feature_names: Sequence[str]
    conditions: npt.NDArray[np.float32]
    hit: npt.NDArray[np.bool_]
    validation_conditions: npt.NDArray[np.float32]
    validation_hit: npt.NDArray[np.bool_]
    seed: int
    out: Path
    overrides: Mapping[str, str]
    provenance: Mapping[str, Any]
    progress: Callable[[int, int, float, float | None], None]
    validation_pdg: npt.NDArray[np.int32] | None = None


def resolve(overrides: Mapping[str, str]) -> Settings:
    """The settings with ``name=value`` overrides, the values as text.

    Raises:
        ValueError: there is no such setting, or a value is of the wrong type or out of range.
    """
    settings = overridden(Settings(), overrides)
    for name, value in asdict(settings).items():
        if not 0 < value < float("inf"):
            raise ValueError(f"setting {name}: expected a finite number above 0, found {value}")
    return settings


def train(job: HitJob) -> Path:
    """Train, write weights and record, and return the weights file. A finished training is left as it is.

    Raises:
        ValueError: a setting is wrong, a part is empty, or the folder holds another training.
    """
    settings = resolve(job.overrides)
    if not len(job.conditions) or not len(job.validation_conditions):
        raise ValueError("the data hold too few raw particles to train and to validate on")
    identity = _identity(job, settings)
    job.out.mkdir(parents=True, exist_ok=True)
    if is_finished(job.out, identity):
        return job.out / "weights.safetensors"
    with threads(1):
        return _train(job, settings, identity)


def _train(job: HitJob, settings: Settings, identity: dict[str, Any]) -> Path:
    generator = torch.Generator().manual_seed(rng.derive(job.seed, "hits"))
    scaler = Scaler.fit(job.conditions, clip=CLIP, geometry=job.geometry)
    inputs, validation = (
        torch.from_numpy(scaler(part)) for part in (job.conditions, job.validation_conditions)
    )
    share, held_out = (
        torch.from_numpy(part.mean(axis=1, dtype=np.float32)) for part in (job.hit, job.validation_hit)
    )
    network = make_network(inputs.shape[1], settings.width, generator)
    optimiser = torch.optim.AdamW(network.parameters(), settings.lr, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    state, every = State(), max(settings.steps // settings.evaluations, 1)
    for step in range(1, settings.steps + 1):
        rows = torch.randint(len(inputs), (settings.batch,), generator=generator)
        value = loss(network(inputs[rows])[:, 0], share[rows]).mean()
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % every == 0 or step == settings.steps:
            with torch.no_grad():
                judged = float(loss(network(validation)[:, 0], held_out).mean())
            state.history.append({"step": step, "loss": value.item(), "validation": judged})
            if judged < state.best_score:
                state.best_score, state.best_step = judged, step
                state.best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            job.progress(step, settings.steps, value.item(), judged)
    state.step = settings.steps
    network.load_state_dict(state.best)
    with torch.no_grad():
        found = torch.sigmoid(network(validation).double()).numpy()[:, 0]
    energy = next(
        (job.validation_conditions[:, k] for k, name in enumerate(job.feature_names) if name == "Energy"),
        None,
    )
    training = {
        "seed": job.seed,
        "steps": settings.steps,
        "best_step": state.best_step,
        "validation": state.best_score,
        "curves": curves(found, job.validation_hit, energy, job.validation_pdg),
    }
    header = {
        "model": "hit",
        "preset": "compact",
        "detector": job.detector,
        "features": list(job.feature_names),
        "scaler": scaler.to_json(),
        "network": {"width": settings.width},
        "settings": asdict(settings),
        "data": dict(job.provenance),
    }
    arrays = {name: tensor.numpy().astype(np.float16) for name, tensor in network.state_dict().items()}
    return finish(job.out, header, identity, state, arrays, training, None)


def _identity(job: HitJob, settings: Settings) -> dict[str, Any]:
    digest = hashlib.sha256()
    for array in (job.conditions, job.hit, job.validation_conditions, job.validation_hit):
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "model": "hit",
        "detector": job.detector,
        "features": list(job.feature_names),
        "seed": job.seed,
        "arrays": digest.hexdigest(),
        "data": dict(job.provenance),
        "settings": asdict(settings),
    }
