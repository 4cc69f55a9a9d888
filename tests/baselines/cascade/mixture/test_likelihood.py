"""A mixture's likelihood is exact: it sums to 1, draws follow it, and EM's gradient is its gradient."""

import numpy as np
import pytest
import torch

from simbench.baselines.cascade.density.likelihood import Images, Parents, by_network, log_splits
from simbench.baselines.cascade.density.model import Cascade
from simbench.baselines.cascade.mixture.likelihood import by_level, log_joint, responsibilities
from simbench.baselines.cascade.simulator import CascadeSimulator

CONDITION = np.array([[0.4, -1.1]], np.float32)


@pytest.fixture
def conditions():
    return np.random.default_rng(4).normal(size=(100, 2)).astype(np.float32)


@pytest.mark.parametrize("experts", [2, 3])
def test_all_responses_together_have_the_probability_1(toy_mixture, all_images, experts):
    """At most three photons; what they lack of 1 is the probability of four or more."""
    simulator = toy_mixture((4, 4), experts)
    images = np.concatenate([all_images((4, 4), photons) for photons in (1, 2, 3)])
    found = simulator.log_prob(np.repeat(CONDITION, len(images), 0), images)
    joint = simulator._gate.log_joint(simulator._inputs(CONDITION))
    above, _ = simulator._bins.log_at_least(np.log(np.exp(joint).sum(1)), 4)
    assert np.exp(found).sum() + np.exp(above[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("least", [1, 2])
def test_draws_follow_the_likelihood(toy_mixture, all_images, chance, least):
    simulator, rows = toy_mixture((3, 3), 3), 20_000
    images = np.concatenate([all_images((3, 3), photons) for photons in (1, 2, 3)])
    probabilities = np.exp(simulator.log_prob(np.repeat(CONDITION, len(images), 0), images, least))
    drawn = simulator.generate(np.repeat(CONDITION, rows, 0), seed=1, min_photons=least)
    assert chance(drawn, images, probabilities) > 1e-3


def test_one_expert_is_a_cascade(toy_mixture, conditions):
    """The same likelihood, term by term, and the same responses, bit by bit."""
    mixture = toy_mixture((20, 9), 1)
    expert = mixture.model.cascades[0]
    cascade = Cascade(expert.image_tree, mixture.model.sizes)
    weights = mixture.model.sums.state_dict(prefix="sums.") | expert.state_dict()
    cascade.load_state_dict(weights)
    simulator = CascadeSimulator(cascade, mixture._inputs, mixture._bins, mixture.header)
    responses = simulator.generate(conditions, seed=2)
    np.testing.assert_array_equal(mixture.generate(conditions, seed=2), responses)
    levels = simulator.log_prob_levels(conditions, responses)
    found = mixture.log_prob_levels(conditions, responses)
    assert list(found) == list(levels)
    for name, values in levels.items():
        np.testing.assert_allclose(found[name], values, atol=1e-9)


def test_the_terms_add_up_and_what_is_impossible_has_none(toy_mixture, conditions):
    simulator = toy_mixture((5, 7), 3)
    responses = simulator.generate(conditions, seed=1)
    joint = log_joint(simulator.model, simulator._gate, _images(simulator, conditions, responses), 1)
    whole = simulator.log_prob(conditions, responses)
    np.testing.assert_allclose(whole, np.log(np.exp(joint.sum(0)).sum(1)), atol=1e-9)
    sums = responses.sum((1, 2))
    found = simulator.log_prob_levels(conditions, responses, 4)
    np.testing.assert_array_equal(found["sum"] == -np.inf, sums < 4)
    assert all(np.isfinite(found[name]).all() for name in simulator.names[1:])


def test_responses_do_not_depend_on_what_is_drawn_with_them(toy_mixture, conditions):
    simulator = toy_mixture((20, 9), 3)
    whole = simulator.generate(conditions, seed=2)
    log_prob = simulator.log_prob(conditions, whole)
    for batch in (1, 7):
        simulator.batch = batch
        np.testing.assert_array_equal(simulator.generate(conditions, seed=2), whole)
        np.testing.assert_allclose(simulator.log_prob(conditions, whole), log_prob, atol=1e-4)
    np.testing.assert_array_equal(simulator.generate(conditions[:30], seed=2), whole[:30])


def test_the_gate_says_who_draws(toy_mixture):
    simulator, rows = toy_mixture((4, 4), 3), 20_000
    shares = simulator.shares(CONDITION)
    assert shares.sum() == pytest.approx(1)
    scaled = simulator._inputs(np.repeat(CONDITION, rows, 0))
    from simbench.harness import rng

    expert, _ = simulator._gate.draw(scaled, rng.keys(3, np.arange(rows)), 1)
    np.testing.assert_allclose(np.bincount(expert, minlength=3) / rows, shares[0], atol=0.015)


def _images(simulator, conditions, responses):
    return Images(simulator.model.image_tree, responses, *simulator._told(conditions))


def _log_joint(simulator, images):
    """(N, K) log p(k, response | condition), with gradients; the threshold is the first bin's."""
    model, bins = simulator.model, simulator._bins
    rows = torch.arange(len(images.total))
    gate = model.sums(images.scaled).reshape(len(rows), -1, len(bins))
    found = gate[rows, :, torch.from_numpy(bins.of(images.total))]
    found = found + torch.from_numpy(bins.log_within(images.total))[:, None]
    columns = []
    for expert in model.cascades:
        contexts, places = images.contexts(expert), images.places(expert)
        total = torch.zeros(len(rows), dtype=torch.double)
        for level in range(images.tree.depth):
            context = contexts[int(level >= images.tree.top)]
            for single, where in by_network(images, expert, level):
                parents = Parents.of(images, level, places, where)
                splits = log_splits(expert, level, parents, context, single)
                total = total.index_add(0, parents.rows, splits.double())
        columns.append(total)
    return found + torch.stack(columns, 1)


def test_the_gradient_of_the_m_step_is_that_of_the_likelihood(toy_mixture, conditions):
    """With all rows, and responsibilities by the same weights; K experts and the gate."""
    simulator = toy_mixture((5, 7), 3)
    responses = simulator.generate(conditions[:20], seed=1)
    images = _images(simulator, conditions[:20], responses)
    parameters = [p for name, p in simulator.model.named_parameters() if not name.startswith("aim")]
    joint = _log_joint(simulator, images)
    exact = torch.autograd.grad(joint.logsumexp(1).sum(), parameters, retain_graph=True, allow_unused=True)
    known = log_joint(simulator.model, simulator._gate, images, 1)
    shares = torch.from_numpy(responsibilities(known))
    surrogate = torch.autograd.grad((shares * joint).sum(), parameters, allow_unused=True)
    np.testing.assert_allclose(by_level(known).sum(0), joint.logsumexp(1).detach(), atol=1e-4)
    for one, other in zip(exact, surrogate, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(other, one, atol=2e-4, rtol=2e-3)
