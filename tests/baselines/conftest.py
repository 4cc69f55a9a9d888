import numpy as np
import pytest

from simbench.baselines.cascade.job import CascadeJob
from simbench.baselines.gan.training_job import TrainingJob

SHAPE = (6, 5)


def toy_data(particles, seed):
    """Showers of a toy detector: the first condition sets the brightness, the second the place."""
    draw = np.random.default_rng(seed)
    conditions = draw.uniform(-1, 1, (particles, 2))
    i, j = np.indices(SHAPE)
    centre = 2.5 + 2 * conditions[:, 1, None, None]
    profile = np.exp(-0.5 * ((i - centre) ** 2 + (j - 2) ** 2))
    profile /= profile.sum((1, 2), keepdims=True)
    rates = 30 * np.exp(conditions[:, 0])[:, None, None] * profile
    particle = np.repeat(np.arange(particles), 4)
    showers = np.maximum(draw.poisson(rates[particle]), 0).astype(np.uint16)
    showers[showers.sum((1, 2)) == 0, 3, 2] = 1
    return conditions[particle].astype(np.float32), showers, particle


def channel_sums(showers, masks):
    return showers.reshape(len(showers), -1) @ masks.reshape(len(masks), -1).T.astype(np.int64)


@pytest.fixture
def toy_job(tmp_path):
    """A function that makes a small training job, any field of which may be replaced."""
    conditions, showers, particle = toy_data(100, seed=1)
    validation, reference, _ = toy_data(50, seed=2)
    i, j = np.indices(SHAPE)
    masks = np.stack([(i + j) % 2 == 0, (i + j) % 2 == 1])
    expected = np.sort(channel_sums(reference, masks), axis=0)

    def score(conditions, responses):
        found = np.sort(channel_sums(responses, masks), axis=0)
        return {"validation": float(np.abs(found - expected).mean())}

    def make(**changes):
        settings = {"steps": "6", "evaluations": "3", "batch": "32", "width": "16"}
        values = {
            "model": "gan",
            "preset": "compact",
            "detector": "toy",
            "shape": SHAPE,
            "channel_masks": masks,
            "half_size": None,
            "distance": None,
            "centre": None,
            "feature_names": ("brightness", "place"),
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
def counts_job(toy_job):
    """``counts_job(settings, **changes)``: a small training of a model that draws sums first."""

    def make(settings, **changes):
        toy = toy_job()
        values = {
            "model": "cascade",
            "preset": "compact",
            "detector": "toy",
            "shape": toy.shape,
            "geometry": None,
            "feature_names": toy.feature_names,
            "conditions": toy.conditions,
            "showers": toy.showers,
            "particle": toy.particle,
            "min_photons": 1,
            "seed": 3,
            "out": toy.out,
            "overrides": settings,
            "provenance": {"dataset": "toy", "split": "particle", "split_seed": 0, "test_fraction": 0.2},
        }
        return CascadeJob(**(values | changes))

    return make
