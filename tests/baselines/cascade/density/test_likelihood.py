"""The likelihood is exact: it sums to 1, draws follow it, and its gradients are right."""

import numpy as np
import pytest
import torch

from simbench.baselines.cascade.density import splits
from simbench.harness import rng

CONDITION = np.array([[0.4, -1.1]], np.float32)


@pytest.mark.parametrize(
    ("shape", "photons"), [((4, 4), 1), ((4, 4), 2), ((4, 4), 3), ((5, 7), 1), ((5, 7), 2), ((1, 6), 3)]
)
@pytest.mark.parametrize("top_cells", [64, 4, 1])
def test_all_responses_of_a_sum_together_have_the_probability_of_the_sum(
    toy_cascade, all_images, shape, photons, top_cells
):
    simulator = toy_cascade(shape, top_cells)
    images = all_images(shape, photons)
    levels = simulator.log_prob_levels(np.repeat(CONDITION, len(images), 0), images)
    total = np.sum(list(levels.values()), axis=0)
    assert np.exp(total).sum() == pytest.approx(np.exp(levels["sum"][0]), rel=1e-6)
    assert np.exp(total - levels["sum"]).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("top_cells", [64, 1])
def test_all_responses_of_at_most_three_photons(toy_cascade, all_images, top_cells):
    """4 x 4 pixels; what they lack of 1 is the probability of four photons or more."""
    simulator = toy_cascade((4, 4), top_cells)
    images = np.concatenate([all_images((4, 4), photons) for photons in (1, 2, 3)])
    found = simulator.log_prob(np.repeat(CONDITION, len(images), 0), images)
    scaled = simulator._inputs(CONDITION)
    above, _ = simulator._bins.log_at_least(simulator._sampler.log_bins(scaled), 4)
    assert np.exp(found).sum() + np.exp(above[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("photons", [1, 2, 3])
@pytest.mark.parametrize("top_cells", [64, 1])
def test_draws_follow_the_likelihood(toy_cascade, all_images, chance, photons, top_cells):
    simulator, rows = toy_cascade((4, 4), top_cells), 20_000
    images = all_images((4, 4), photons)
    condition = np.repeat(CONDITION, len(images), 0)
    levels = simulator.log_prob_levels(condition, images)
    probabilities = np.exp(np.sum([levels[name] for name in simulator.names[1:]], axis=0))
    scaled, line = simulator._told(np.repeat(CONDITION, rows, 0))
    sums = np.full(rows, photons)
    drawn = simulator._sampler.share_out(sums, scaled, line, rng.keys(5, np.arange(rows)))
    assert chance(drawn, images, probabilities) > 1e-3


def test_gradients():
    generator = torch.Generator().manual_seed(1)
    counts = torch.tensor([[3.0, 0, 1, 0], [0, 0, 0, 1], [5, 5, 5, 0]], dtype=torch.double)
    present = torch.tensor([[True, True, True, True], [True, True, False, True], [True, True, True, False]])
    outputs = torch.randn(3, 12, dtype=torch.double, generator=generator, requires_grad=True)
    logits = torch.randn(3, 4, dtype=torch.double, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda o: splits.log_mixture(counts, *splits.mixture(o, present)), outputs
    )
    assert torch.autograd.gradcheck(lambda o: splits.one_photon(o, present)[present], logits)


def test_the_mixture_is_the_one_of_the_textbooks():
    from scipy.stats import dirichlet_multinomial

    alpha = torch.tensor([[[0.5, 1.0, 2.0, 3.0], [4.0, 0.1, 0.2, 0.3]]], dtype=torch.double)
    weights = torch.tensor([[0.3, 0.7]], dtype=torch.double)
    counts = torch.tensor([[2.0, 0.0, 1.0, 4.0]], dtype=torch.double)
    found = splits.log_mixture(counts, weights.log(), alpha).exp().item()
    parts = [dirichlet_multinomial(a, 7).pmf([2, 0, 1, 4]) for a in alpha[0].tolist()]
    assert found == pytest.approx(0.3 * parts[0] + 0.7 * parts[1])


def test_a_photon_where_no_pixel_is_has_no_probability():
    present = torch.tensor([[True, True, False, True]])
    outputs = torch.zeros(1, 12, dtype=torch.double)
    counts = torch.tensor([[1.0, 0, 1, 0]], dtype=torch.double)
    assert splits.log_mixture(counts, *splits.mixture(outputs, present)).item() == -torch.inf
    assert splits.one_photon(torch.zeros(1, 4), present)[0, 2].item() == -torch.inf
