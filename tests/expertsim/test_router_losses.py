import math
from itertools import product

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
    gate = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    intensity = torch.tensor([100.0, 20.0])
    # Means (75 + 5) / 1 = 80 and (25 + 15) / 1 = 40.
    assert losses.differentiation(gate, intensity, BOTH).item() == pytest.approx(-1600, rel=1e-5)


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


def test_the_means_are_of_what_each_expert_generates():
    """Experts that give 10, 50 and 200: their own means, however unsure the router is."""
    logits = torch.zeros(300, 3, requires_grad=True)
    gate, choice = straight_through(logits, 1.0, seeded())
    generated = torch.tensor([10.0, 50.0, 200.0])[choice]
    loss = losses.differentiation(gate, generated, torch.tensor([True, True, True]))
    assert loss.item() == pytest.approx(-(40.0**2 + 150.0**2 + 190.0**2), rel=1e-4)
    assert torch.autograd.grad(loss, logits)[0].any()


def test_the_means_pull_bright_rows_to_the_bright_expert():
    """A bright response of the faint expert is better with the bright one: its logit there rises."""
    logits = torch.zeros(8, 2, requires_grad=True)
    gate, choice = straight_through(logits, 1.0, seeded(2))
    faint, bright = choice == 0, choice == 1
    assert faint.sum() > 1
    assert bright.sum() > 1
    intensity = torch.where(bright, 100.0, 10.0)
    astray = int(faint.nonzero()[0])
    intensity[astray] = 90.0
    (gradient,) = torch.autograd.grad(losses.differentiation(gate, intensity, BOTH), logits)
    assert gradient[astray, 1] < 0 < gradient[astray, 0]


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
    probability = torch.tensor([[0.5, 0.5], [0.2, 0.8]])
    found = losses.routing(probability, torch.tensor([[1.0, 3.0], [2.0, 6.0]]))
    assert found.item() == pytest.approx((2.0 + 5.2) / 2)


def test_routing_trains_the_router_alone():
    probability = torch.tensor([[0.6, 0.4], [0.3, 0.7]], requires_grad=True)
    rows = torch.ones(2, 2, requires_grad=True)
    loss = losses.routing(probability, rows)
    assert torch.autograd.grad(loss, [probability, rows], allow_unused=True)[1] is None


def test_equal_experts_leave_the_router_alone_however_hard_the_rows_are():
    logits = torch.randn(400, 3, generator=seeded(1), requires_grad=True)
    hard = 10 * torch.randn(400, 1, generator=seeded(2)).exp()
    loss = losses.routing(torch.softmax(logits, 1), hard.expand(400, 3))
    assert loss.item() == pytest.approx(hard.mean().item(), rel=1e-5)  # it is recorded as it is
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() < 1e-6 * hard.mean()


def test_routing_is_the_expectation_over_the_draws_and_so_is_its_gradient():
    """Of all 3^4 ways to send 4 rows, each with its probability; the gradient by small steps."""
    logits = torch.randn(4, 3, generator=seeded(1), dtype=torch.double)
    rows = torch.randn(4, 3, generator=seeded(2), dtype=torch.double)

    def expected(at):
        probability = torch.softmax(at, 1)
        total = 0.0
        for ways in product(range(3), repeat=4):
            chance = math.prod(probability[row, expert].item() for row, expert in enumerate(ways))
            total += chance * sum(rows[row, expert].item() for row, expert in enumerate(ways)) / 4
        return total

    asked = logits.clone().requires_grad_()
    loss = losses.routing(torch.softmax(asked, 1), rows)
    assert loss.item() == pytest.approx(expected(logits), abs=1e-12)
    (gradient,) = torch.autograd.grad(loss, asked)
    for row in range(4):
        for expert in range(3):
            step = torch.zeros_like(logits)
            step[row, expert] = 1e-5
            slope = (expected(logits + step) - expected(logits - step)) / 2e-5
            assert gradient[row, expert].item() == pytest.approx(slope, abs=1e-8)


def test_choices_are_drawn_with_the_probabilities_of_the_term():
    """What a training pays on average over its draws is what the term says, whatever the temperature."""
    logits = torch.tensor([[0.5, 0.0, -1.0]])
    rows = torch.tensor([5.0, 3.0, 1.0])
    _, choice = straight_through(logits.expand(40_000, 3), 3.0, seeded())
    paid = rows[choice]
    error = (paid.std() / 200).item()
    assert losses.routing(torch.softmax(logits, 1), rows[None]).item() == pytest.approx(
        paid.mean().item(), abs=4 * error
    )
