"""What the terms of the generator's loss push with, on images of a real size."""

import numpy as np
import pytest
import torch

from simbench.baselines.gan.settings import COMPACT, PAPER, PRESETS, resolve
from simbench.baselines.gan.training import make_gan

SHAPE = (56, 30)


@pytest.fixture(scope="module")
def showers():
    """400 responses, four to each of 100 particles, whose second condition is where they fall."""
    draw = np.random.default_rng(0)
    conditions = np.repeat(draw.uniform(-1, 1, (100, 2)), 4, axis=0).astype(np.float32)
    i, j = np.indices(SHAPE)
    centre = 28 + 20 * conditions[:, 1, None, None]
    profile = np.exp(-0.5 * (((i - centre) / 3) ** 2 + ((j - 15) / 3) ** 2))
    rates = 60 * np.exp(conditions[:, 0])[:, None, None] * profile / profile.sum((1, 2), keepdims=True)
    return conditions, draw.poisson(rates).astype(np.uint16)


@pytest.fixture
def learner(toy_job, showers):
    """A function that trains the full ladder for some steps: its learner and a batch."""

    def make(**settings):
        conditions, images = showers
        job = toy_job(
            model="sdi-gan-ir-ar",
            shape=SHAPE,
            channel_masks=np.ones((1, *SHAPE), dtype=bool),
            conditions=conditions,
            showers=images,
            validation_conditions=conditions[:4],
            settings={"batch": "64", "steps": "100", "width": "32", "warmup": "0"} | settings,
        )
        scaler, generator = job.scaler(), torch.Generator().manual_seed(job.seed)
        settings = resolve("compact", job.overrides, PRESETS)
        trained = make_gan(job, scaler, job.summary(scaler), settings, generator)
        for step in range(60):
            trained.learner.step(trained.rows.batch(step), step)
        return trained.learner, trained.rows.batch(61)

    return make


def norms(learner, batch):
    """The length of each term's gradient in the generator."""
    terms = learner.generator_losses(batch, learner.fake(batch.conditions), len(batch))
    parameters = list(learner.networks.generator.parameters())
    found = {}
    for name, values in terms.items():
        gradients = torch.autograd.grad(values.mean(), parameters, retain_graph=True, allow_unused=True)
        found[name] = torch.cat([each.flatten() for each in gradients if each is not None]).norm().item()
    return found


@pytest.mark.parametrize(("weight", "least"), [(PAPER.lambda_aux, 0.1), (COMPACT.lambda_aux, 0.001)])
def test_the_auxiliary_term_pushes_beside_the_adversarial_one(learner, weight, least):
    assert COMPACT.aux_units == PAPER.aux_units == "pixels"
    found = norms(*learner(lambda_aux=str(weight)))
    assert least < found["auxiliary"] / found["adversarial"] < 10


def test_in_units_of_the_image_it_hardly_pushes(learner):
    found = norms(*learner(lambda_aux="1e-3", aux_units="image"))
    assert 0 < found["auxiliary"] / found["adversarial"] < 0.005


def test_the_units_are_the_sides_of_the_image(learner):
    """One row further along the height costs one square pixel."""
    for units, pixel in (("pixels", 1.0), ("image", 1 / 55**2)):
        made, batch = learner(aux_units=units, lambda_aux="1")
        fakes = made.fake(batch.conditions)
        place = made.networks.regressor(fakes.photons).detach()
        place[:, 0] += 1 / 55
        moved = type(batch)(
            batch.photons, batch.conditions, batch.diversity, place, batch.index, batch.weight
        )
        found = made.generator_losses(moved, fakes, 1)["auxiliary"]
        torch.testing.assert_close(found, torch.full((64,), pixel), rtol=1e-3, atol=0)
