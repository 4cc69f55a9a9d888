"""Prepares a training: the training part of the split, less a validation part that chooses the checkpoint."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from .. import mapped
from ..data.open import load_rows, parts_of, share_of_test
from ..data.split import particle_hashes
from ..data.sums import Projection
from ..plugin.classifiers import ClassifierRequest
from ..plugin.registry import Registry
from ..plugin.simulators import TrainedOn, TrainingRequest
from ..record.lock import held
from ..run.opening import open_asked
from ..run.placement import resolve_device
from ..run.request import Request, check_seed
from ..run.watch import Watch
from .validation import Validation

Asked = TypeVar("Asked", TrainingRequest, ClassifierRequest)


def train(trainer: Callable[[Asked], Path], request: Asked, command: str) -> Path:
    """What a trainer writes, while no other process writes to the same folder.

    Raises:
        UserError: another one does.
    """
    with held(request.out, command):
        return trainer(request)


def prepare(
    registry: Registry,
    request: Request,
    *,
    preset: str,
    seed: int,
    overrides: Mapping[str, str],
    out: Path,
    watch: Watch,
    name: str,
) -> TrainingRequest:
    """What a trainer is asked, on the data and the split of ``request``. The test part is left unread.

    A tenth of the training part (of its particles, or of its events) is for validation. ``watch`` is told of
    it under ``name``; the other arguments are those of ``simbench train``.
    """
    request.check()
    check_seed("--seed", seed)
    detector = registry.detectors[request.detector]
    projection = Projection(detector)
    with open_asked(registry, detector, request, watch) as opened:
        threshold = opened.min_photons if request.min_photons is None else request.min_photons
        parts = parts_of(opened, request.split, request.split_seed, threshold)
        fit, held_out = parts.train, parts.validation
        validation = load_rows(opened, held_out, projection)
        showers = mapped.gather(opened.blocks(fit), len(fit))
        conditions, particle = opened.conditions[fit], opened.particle[fit]
        asked = opened.conditions[held_out]
        # Validation particles choose the checkpoint, so a test must not hold them either.
        seen = particle_hashes(np.concatenate([conditions, asked]))
        share = share_of_test(opened, request.split)
        trained_on = TrainedOn(opened.fingerprint, request.split, request.split_seed, share, seen)
    judge = Validation(detector, projection, validation)
    return TrainingRequest(
        detector=detector,
        preset=preset,
        conditions=conditions,
        showers=showers,
        particle=particle,
        validation_conditions=asked,
        score=judge,
        scores=judge.scores,
        trained_on=trained_on,
        min_photons=threshold,
        seed=seed,
        overrides=overrides,
        out=out,
        device=resolve_device(request.device),
        progress=partial(watch.news, name),
    )
