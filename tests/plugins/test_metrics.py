"""The metrics that come with simbench: what each says of a perfect simulator, and of one that is blind."""

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.plugin.metric import Scored
from simbench.harness.plugin.observables import NAMES, observe

CHANNELS = ("left", "right")
EXACT = ("ws", "empty", "prdc")  # what says nothing about a bias at this size of the sample


def metrics_of(ours):
    return {metric.name: metric for metric in ours.metrics}


def sums(showers):
    half = showers.shape[1] // 2
    return np.stack([part.sum(axis=(1, 2)) for part in (showers[:, :half], showers[:, half:])], axis=1)


@pytest.fixture(scope="module")
def samples_of_one_world():
    """Responses of 250 particles twice, and the right responses of the wrong particles."""
    first, second = (make_dataset("proton", particles=250, repeats=8, seed=3, run=run) for run in (0, 1))
    return first, second


def scored_of(reference, generated, particle, conditions):
    return Scored(
        reference=sums(reference),
        generated=sums(generated),
        reference_photons=reference.sum(axis=(1, 2), dtype=np.int64),
        generated_photons=generated.sum(axis=(1, 2), dtype=np.int64),
        channels=CHANNELS,
        min_photons=1,
        particle=particle,
        conditions=conditions.astype(np.float32),
        features=("Energy", "Vx", "Vy", "Vz", "Px", "Py", "Pz", "mass", "charge"),
        observed=NAMES,
        reference_observables=observe(reference).astype(np.float32),
        generated_observables=observe(generated).astype(np.float32),
        reference_image=reference.sum(axis=0, dtype=np.int64),
        generated_image=generated.sum(axis=0, dtype=np.int64),
        training=observe(reference[:400]).astype(np.float32),
        blocks=lambda: zip(np.array_split(reference, 3), np.array_split(generated, 3), strict=True),
    )
