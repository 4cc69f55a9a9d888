import math

import pytest
import torch

from simbench.expertsim import router as losses
from simbench.expertsim.router import straight_through


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_utilisation_by_hand():
    probability = torch.tensor([[0.9, 0.1], [0.7, 0.3]])  # mean 0.8, 0.2
    expected = 0.8 * math.log(0.8) + 0.2 * math.log(0.2)
    assert losses.utilisation(probability).item() == pytest.approx(expected, abs=1e-6)
    assert losses.utilisation(torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0, abs=1e-6)


def test_utilisation_of_rows_with_weights():
    probability = torch.tensor([[0.9, 0.1], [0.5, 0.5]]) * torch.tensor([[3.0], [1.0]])
    expected = 0.8 * math.log(0.8) + 0.2 * math.log(0.2)  # (2.7 + 0.5) / 4
    assert losses.utilisation(probability).item() == pytest.approx(expected, abs=1e-6)
    even = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]) * torch.tensor([[1.0], [0.75], [0.25]])
    assert losses.utilisation(even).item() == pytest.approx(-math.log(2), abs=1e-6)


@pytest.mark.parametrize("experts", [2, 3, 4, 5])
def test_utilisation_is_smallest_for_an_even_load(experts):
    spread = torch.full((6, experts), 1 / experts)
    decided = torch.eye(experts)  # each row sure of its expert, the load even all the same
    for even in (spread, decided):
        assert losses.utilisation(even).item() == pytest.approx(-math.log(experts), abs=1e-6)
    draw = torch.softmax(torch.randn(200, 1, experts, generator=seeded()), dim=2)
    assert min(losses.utilisation(uneven).item() for uneven in draw) > -math.log(experts)


def test_utilisation_pushes_towards_an_even_load():
    logits = torch.tensor([[2.0, 0.0, -1.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(losses.utilisation(torch.softmax(logits, 1)), logits)
    assert gradient[0, 0] > 0 > gradient[0, 2]  # downhill: less of the busiest, more of the idlest


BOTH = torch.tensor([True, True])


def test_differentiation_of_two_by_hand():
    probability = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    intensity = torch.tensor([100.0, 20.0])
    # Means (75 + 5) / 1 = 80 and (25 + 15) / 1 = 40.
    assert losses.differentiation(probability, intensity, BOTH).item() == pytest.approx(-1600, rel=1e-5)


def test_differentiation_of_rows_with_weights():
    probability = torch.tensor([[0.75, 0.25], [0.25, 0.75]]) * torch.tensor([[3.0], [1.0]])
    intensity = torch.tensor([100.0, 20.0])
    # Means (225 + 5) / 2.5 = 92 and (75 + 15) / 1.5 = 60.
    assert losses.differentiation(probability, intensity, BOTH).item() == pytest.approx(-1024, rel=1e-5)


def test_differentiation_of_three_by_hand():
    probability = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    intensity = torch.tensor([2.0, 4.0, 8.0, 15.0])
    # Means (1 + 2) / 1 = 3, (1 + 4) / 1 = 5, (2 + 4 + 15) / 2 = 10.5.
    every = -(2.0**2 + 7.5**2 + 5.5**2)
    for used, expected in (
        ([True, True, True], every),
        ([True, False, True], -(7.5**2)),
        ([True, True, False], -4.0),
    ):
        found = losses.differentiation(probability, intensity, torch.tensor(used))
        assert found.item() == pytest.approx(expected, rel=1e-5)


def test_differentiation_falls_as_experts_separate():
    intensity = torch.tensor([1.0, 10.0])
    found = [
        losses.differentiation(torch.tensor([[p, 1 - p], [1 - p, p]]), intensity, BOTH).item()
        for p in (0.5, 0.6, 0.8, 1.0)
    ]
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(-81)


@pytest.mark.parametrize("used", [[False, True], [False, False]])
def test_differentiation_without_a_pair_is_zero_with_a_graph(used):
    logits = torch.zeros(3, 2, requires_grad=True)
    loss = losses.differentiation(torch.softmax(logits, 1), torch.arange(3.0), torch.tensor(used))
    assert loss.item() == 0
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient.any()


def test_differentiation_trains_the_router_alone():
    intensity = torch.tensor([1.0, 5.0], requires_grad=True)
    probability = torch.tensor([[0.6, 0.4], [0.3, 0.7]], requires_grad=True)
    loss = losses.differentiation(probability, intensity, BOTH)
    found = torch.autograd.grad(loss, [probability, intensity], allow_unused=True)
    assert found[0].any()
    assert found[1] is None


def test_standardised_is_free_of_scale_in_the_limit():
    sums = torch.tensor([1e3, 2e3, 5e3, 4e4])
    first, second = losses.standardised(sums), losses.standardised(100 * sums)
    assert first.std().item() == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(first - first[0], second - second[0], rtol=1e-3, atol=0)


def test_standardised_by_hand():
    sums = torch.tensor([0.0, math.e**2 - 1])  # logs 0 and 2, deviation sqrt(2)
    torch.testing.assert_close(losses.standardised(sums), torch.tensor([0.0, math.sqrt(2)]))
    torch.testing.assert_close(losses.standardised(sums[1:]), torch.tensor([2.0]))
    assert losses.standardised(sums[:0]).shape == (0,)


def test_routing_by_hand():
    gate = torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]])
    choice, rows = torch.tensor([0, 1, 0]), torch.tensor([1.0, 2.0, 6.0])  # mean 3
    expected = (0.5 * -2 + 0.8 * -1 + 0.9 * 3) / 3
    assert losses.routing(gate, choice, rows).item() == pytest.approx(expected)


def test_routing_ignores_rows_that_were_not_run():
    gate = torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]], requires_grad=True)
    choice, rows = torch.tensor([0, 1, 0]), torch.tensor([1.0, 3.0, torch.nan])  # mean 2
    loss = losses.routing(gate, choice, rows)
    assert loss.item() == pytest.approx((0.5 * -1 + 0.8 * 1) / 3)
    (gradient,) = torch.autograd.grad(loss, gate)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0, 0], [0, 1], [0, 0]]) / 3)
    none = losses.routing(gate, choice, torch.full((3,), torch.nan))
    assert none.item() == 0
    assert not torch.autograd.grad(none, gate)[0].any()


def test_routing_trains_the_router_alone():
    gate = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    rows = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = losses.routing(gate, torch.tensor([0, 1]), rows)
    assert torch.autograd.grad(loss, [gate, rows], allow_unused=True)[1] is None


@pytest.mark.parametrize("missing", [False, True])
def test_equal_losses_give_no_gradient(missing):
    logits = torch.randn(40, 3, generator=seeded(1), requires_grad=True)
    gate, choice = straight_through(logits, 1.0, seeded())
    rows = torch.full((40,), 2.5)
    if missing:
        rows[:7] = torch.nan
    (gradient,) = torch.autograd.grad(losses.routing(gate, choice, rows), logits)
    assert not gradient.any()


@pytest.mark.parametrize("start", [[0.0, 0.0, 0.0], [0.5, 0.0, -0.5]])
@pytest.mark.parametrize("missing", [False, True])
def test_the_expert_with_the_lower_loss_is_favoured(start, missing):
    logits = torch.tensor(start, requires_grad=True)
    gate, choice = straight_through(logits.expand(40_000, 3), 1.0, seeded())
    rows = torch.tensor([5.0, 3.0, 1.0])[choice]
    if missing:
        rows[::5] = torch.nan
    (gradient,) = torch.autograd.grad(losses.routing(gate, choice, rows), logits)
    assert gradient[2] < -0.02  # downhill: its logit rises
    assert gradient[0] > 0.02
