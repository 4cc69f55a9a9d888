import json

import numpy as np
import pytest
import torch

from simbench.baselines.gan.networks import initialised
from simbench.expertsim.router import SLOPE, Gate, straight_through

KINDS = ("learned", "energy", "intensity", "random")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def particles(rows=500):
    return np.random.default_rng(4).normal(size=(rows, 3)).astype(np.float32)


def make_gate(kind):
    """A gate of three experts, each with something to do."""
    gate = initialised(lambda: Gate(kind=kind, experts=3, inputs=3, feature=1), seeded())
    if kind == "learned":
        with torch.no_grad():
            out = gate(torch.from_numpy(particles()))
            gate.body[-1].bias -= out.mean(0)
    elif kind == "energy":
        gate.edges = np.array([-0.4, 0.4])
    elif kind == "intensity":
        with torch.no_grad():
            out = gate(torch.from_numpy(particles())).squeeze(1).numpy()
        gate.edges = np.quantile(out.astype(np.float64), [1 / 3, 2 / 3])
    return gate


def choose(gate, conditions):
    return gate.choose(conditions, conditions)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_straight_through_is_one_hot_with_the_gradient_of_the_softmax(temperature):
    logits = torch.randn(50, 4, generator=seeded(1), requires_grad=True)
    gate, choice = straight_through(logits, temperature, seeded())
    one_hot = torch.nn.functional.one_hot(choice, 4).float()
    torch.testing.assert_close(gate.detach(), one_hot, rtol=0, atol=1e-6)
    assert set(choice.tolist()) == {0, 1, 2, 3}

    slopes = torch.randn(50, 4, generator=seeded(2))
    (found,) = torch.autograd.grad((gate * slopes).sum(), logits)
    noise = -torch.empty(50, 4).exponential_(generator=seeded()).log()
    soft = torch.softmax((logits.detach() + noise) / temperature, dim=1)
    assert torch.equal(soft.argmax(1), choice)
    expected = soft * (slopes - (soft * slopes).sum(1, keepdim=True)) / temperature
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_choices_follow_the_softmax_of_the_logits(temperature):
    rows, share = 60_000, torch.tensor([1.0, 2.0, 3.0]) / 6
    _, choice = straight_through((share.log() + 7).expand(rows, 3), temperature, seeded())
    found = torch.bincount(choice, minlength=3) / rows
    assert ((found - share).abs() < 4 * (share * (1 - share) / rows).sqrt()).all()


def test_the_router_has_the_papers_layers():
    gate = Gate(kind="learned", experts=5, inputs=9)
    linear = [layer for layer in gate.body if isinstance(layer, torch.nn.Linear)]
    widths = [(layer.in_features, layer.out_features) for layer in linear]
    assert widths == [(9, 128), (128, 64), (64, 32), (32, 5)]
    between = [layer.negative_slope for layer in gate.body if isinstance(layer, torch.nn.LeakyReLU)]
    assert between == [SLOPE] * 3 == [0.1] * 3
    assert isinstance(gate.body[-1], torch.nn.Linear)


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_alone_decides(kind):
    gate, conditions = make_gate(kind), particles()
    expert = choose(gate, conditions)
    assert expert.dtype == np.int64
    assert (np.bincount(expert, minlength=3) > 20).all()
    np.testing.assert_array_equal(choose(gate, conditions), expert)
    order = np.random.default_rng(0).permutation(len(conditions))
    np.testing.assert_array_equal(choose(gate, conditions[order]), expert[order])
    chunks = [choose(gate, conditions[start : start + 7]) for start in range(0, len(conditions), 7)]
    np.testing.assert_array_equal(np.concatenate(chunks), expert)
    twice = choose(gate, np.repeat(conditions, 2, axis=0))
    np.testing.assert_array_equal(twice, np.repeat(expert, 2))
    assert choose(gate, conditions[:0]).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_survives_json_and_its_weights(kind):
    gate = make_gate(kind)
    again = Gate.of(json.loads(json.dumps(gate.header(inputs=3))))
    again.load_state_dict(gate.state_dict())
    assert (again.kind, again.experts, again.feature) == (kind, 3, 1)
    np.testing.assert_array_equal(again.edges, gate.edges)
    np.testing.assert_array_equal(choose(again, particles()), choose(gate, particles()))
    assert len(list(gate.parameters())) == (8 if kind in ("learned", "intensity") else 0)


def test_learned_takes_the_largest_logit_of_scaled_conditions():
    gate, scaled = make_gate("learned"), particles()
    expected = gate(torch.from_numpy(scaled)).argmax(1).numpy()
    np.testing.assert_array_equal(gate.choose(np.full((500, 3), np.nan), scaled), expected)


def test_energy_is_taken_in_physical_units():
    gate = Gate(kind="energy", experts=3, inputs=2, feature=1, edges=(1.0, 2.0))
    conditions = np.array([[9, 0.5], [9, 1.0], [9, 1.5], [9, 2.0], [9, 3.0], [0, 3.0]], np.float32)
    scaled = np.full((6, 2), np.nan, np.float32)
    np.testing.assert_array_equal(gate.choose(conditions, scaled), [0, 0, 1, 1, 2, 2])


def test_intensity_is_what_the_regressor_expects():
    gate = make_gate("intensity")
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.zero_()
        gate.body[0].weight[0, 0] = gate.body[2].weight[0, 0] = gate.body[4].weight[0, 0] = 1.0
        gate.body[6].weight[0, 0] = 2.0
        gate.body[6].bias += 10
    gate.edges = np.array([12.0, 14.0])  # of 10 + 2 x
    scaled = np.array([[0.5, 99, 99], [1.5, 99, 99], [2.5, 99, 99]], np.float32)
    np.testing.assert_array_equal(gate.choose(np.full((3, 3), np.nan), scaled), [0, 1, 2])


@pytest.mark.parametrize("experts", [2, 5])
def test_random_is_even_and_depends_on_every_condition(experts):
    gate = Gate(kind="random", experts=experts, inputs=3)
    conditions = particles(20_000)
    expert = choose(gate, conditions)
    sigma = np.sqrt(len(expert) * (experts - 1)) / experts
    assert (np.abs(np.bincount(expert, minlength=experts) - len(expert) / experts) < 4 * sigma).all()
    np.testing.assert_array_equal(choose(gate, conditions.astype(np.float64)), expert)
    for column in range(3):
        other = conditions.copy()
        other[:, column] += 1
        assert (choose(gate, other) == expert).mean() == pytest.approx(1 / experts, abs=0.02)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown gate 'best'; expected one of learned, energy"):
        Gate(kind="best", experts=2, inputs=3)
