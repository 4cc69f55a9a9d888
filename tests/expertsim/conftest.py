import numpy as np
import pytest
import torch

from simbench.baselines.gan.settings import resolve
from simbench.baselines.gan.training_job import TrainingJob
from simbench.expertsim.settings import PRESETS
from simbench.expertsim.training import make_mixture

SHAPE = (6, 5)


def toy_data(particles, seed):
    """Showers of a toy detector, four for each particle: the energy sets the brightness."""
    draw = np.random.default_rng(seed)
    conditions = np.column_stack([draw.uniform(1, 20, particles), draw.uniform(-1, 1, particles)])
    i, j = np.indices(SHAPE)
    profile = np.exp(-0.5 * ((i - 2.5 - 2 * conditions[:, 1, None, None]) ** 2 + (j - 2) ** 2))
    rates = 5 * conditions[:, 0, None, None] * profile / profile.sum((1, 2), keepdims=True)
    particle = np.repeat(np.arange(particles), 4)
    showers = draw.poisson(rates[particle]).astype(np.uint16)
    showers[showers.sum((1, 2)) == 0, 3, 2] = 1
    return conditions[particle].astype(np.float32), showers, particle


@pytest.fixture
def toy_job(tmp_path):
    """A function that makes a small training job, any field of which may be replaced."""
    conditions, showers, particle = toy_data(100, seed=1)
    validation, reference, _ = toy_data(40, seed=2)
    i, j = np.indices(SHAPE)
    expected = np.sort(reference.sum((1, 2)))

    def score(conditions, responses):
        return {"validation": float(np.abs(np.sort(responses.sum((1, 2))) - expected).mean())}

    def make(**changes):
        settings = {"steps": "6", "evaluations": "3", "batch": "48", "width": "16", "start": "5"}
        values = {
            "model": "expertsim-2",
            "preset": "compact",
            "detector": "toy",
            "shape": SHAPE,
            "channel_masks": np.stack([(i + j) % 2 == 0, (i + j) % 2 == 1]),
            "half_size": None,
            "distance": None,
            "centre": None,
            "feature_names": ("Energy", "place"),
            "conditions": conditions,
            "showers": showers,
            "particle": particle,
            "validation_conditions": validation,
            "score": score,
            "seed": 3,
            "out": tmp_path / "out",
            "overrides": settings | changes.pop("settings", {}),
            "provenance": {"fingerprint": "toy", "split": "particle"},
        }
        return TrainingJob(**(values | changes))

    return make


@pytest.fixture
def trainee(toy_job):
    """A function that makes what a job trains: learner, rows, steps and header."""

    def make(**changes):
        job = toy_job(**changes)
        scaler, generator = job.scaler(), torch.Generator().manual_seed(job.seed)
        settings = resolve(job.preset, job.overrides, PRESETS)
        return make_mixture(job, scaler, job.summary(scaler), settings, generator)

    return make
