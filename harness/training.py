"""Prepares a training: the training part of the split, less a validation part that chooses the checkpoint."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .detectors import Detector
from .hooks import Progress, TrainedOn, TrainingRequest
from .metrics import wasserstein
from .projection import Projection
from .registry import Registry
from .sources import load_part, open_data, split_rows
from .split import TEST_FRACTION, VALIDATION_FRACTION, particle_hashes, selected


def prepare(
    registry: Registry,
    detector: Detector,
    *,
    data: str,
    min_photons: int | None,
    split: str,
    split_seed: int,
    preset: str,
    seed: int,
    overrides: Mapping[str, str],
    out: Path,
    device: str,
    progress: Callable[[Progress], None],
    making: Callable[[int, int], None],
) -> TrainingRequest:
    """A request for a trainer. The test part is left unread; arguments as for ``simbench train``.

    A tenth of the training part (of its particles, or events) is for validation.
    """
    projection = Projection(detector)
    with open_data(registry, detector, data, making) as opened:
        threshold = opened.min_photons if min_photons is None else min_photons
        rows, _ = split_rows(opened, split, split_seed, threshold)
        held_out = selected(opened.particle[rows], split, split_seed, VALIDATION_FRACTION, "validation")
        fit = rows[~held_out]
        validation = load_part(opened, rows[held_out], projection)
        showers = np.concatenate(list(opened.blocks(fit)))
        conditions, particle = opened.conditions[fit], opened.particle[fit]
        # Validation particles choose the checkpoint, so a test must not hold them either.
        seen = particle_hashes(opened.conditions[rows])
        trained_on = TrainedOn(opened.fingerprint, split, split_seed, TEST_FRACTION, seen)
    reference = projection.channels(validation.sums, detector.default_channels)

    def score(conditions: npt.NDArray[np.float32], responses: npt.NDArray[Any]) -> float:
        if len(conditions) != len(responses) or len(responses) != len(reference):
            raise ValueError(f"expected responses to all {len(reference)} validation conditions")
        generated = projection.channels(projection(responses), detector.default_channels)
        return float(np.mean([wasserstein(*pair) for pair in zip(reference.T, generated.T, strict=True)]))

    return TrainingRequest(
        detector=detector,
        preset=preset,
        conditions=conditions,
        showers=showers,
        particle=particle,
        validation_conditions=validation.conditions,
        score=score,
        trained_on=trained_on,
        min_photons=threshold,
        seed=seed,
        overrides=overrides,
        out=out,
        device=device,
        progress=progress,
    )
