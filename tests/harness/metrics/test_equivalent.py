"""The energy distance against SciPy and closed forms; n* against what it promises."""

import numpy as np
import pytest
from scipy import stats

from simbench.harness.metrics import equivalent as module
from simbench.harness.metrics.equivalent import energy_distance, equivalent
from simbench.harness.metrics.tools.arrays import filled, parts
from simbench.harness.metrics.tools.repeats import equal_bins, expected_sums
from simbench.harness.plugin.observables import NAMES

pytestmark = pytest.mark.slow

SUM = NAMES.index("photon_sum")


def test_energy_distance_is_scipys_but_for_the_pairs_of_a_value_with_itself():
    """SciPy gives the root of the biased one."""
    draw = np.random.default_rng(0)
    x, y = draw.poisson(4, 60) - 3.0, draw.poisson(5, 45) - 3.0
    inner = [np.abs(z[:, None] - z).sum() for z in (x, y)]
    unbias = inner[0] / 60**2 + inner[1] / 45**2 - inner[0] / (60 * 59) - inner[1] / (45 * 44)
    assert energy_distance(x, y) == pytest.approx(stats.energy_distance(x, y) ** 2 + unbias, rel=1e-10)
    assert energy_distance(x, y) == pytest.approx(energy_distance(y, x), rel=1e-12)
    assert energy_distance([0, 0], [1, 1]) == 2
    assert energy_distance([0, 1], [0, 1]) == -1


def slow(reference, generated, particle, label):
    """The definition as it stands, all pairs in a matrix."""
    found, shares = [], []
    for one in np.unique(label[label >= 0]):
        rows = label == one
        other = particle[rows][:, None] != particle[rows][None]
        x, y = reference[rows], generated[rows]
        between = [np.abs(a[:, None] - b[None])[other].mean() for a, b in ((x, y), (x, x), (y, y))]
        found.append((2 * between[0] - between[1] - between[2]) / between[1])
        shares.append(rows.sum())
    return np.average(found, weights=shares), len(found)


def test_equivalent_is_its_definition_and_its_error_the_jackknife(world, observed, observed_blind):
    observed, observed_blind = filled(observed, observed_blind)
    label = equal_bins(expected_sums(observed[:, SUM], world.particle), 4)[0]
    label[:30] = -1
    columns = [SUM, NAMES.index("centre_x")]
    found = equivalent(observed[:, columns], observed_blind[:, columns], particle=world.particle, label=label)

    def value(kept):
        each = [
            slow(observed[kept, c], observed_blind[kept, c], world.particle[kept], label[kept])[0]
            for c in columns
        ]
        return np.mean(each), each

    whole, each = value(label >= -1)
    assert found.relative == pytest.approx(whole, rel=1e-9)
    np.testing.assert_allclose(found.columns, each, rtol=1e-9)
    assert found.number == pytest.approx(4 / whole)
    part = np.full(2000, -1)
    part[label >= 0] = parts(world.particle[label >= 0], 20, 0, "equivalent")
    without = [value(part != left_out)[0] for left_out in range(20)]
    assert found.error == pytest.approx(np.sqrt(19) * np.std(without), rel=1e-9)
    assert found.low == pytest.approx(4 / (whole + found.error))
    assert found.high == pytest.approx(4 / (whole - found.error))
    assert found.low < found.number < found.high


def test_two_normals_a_step_apart():
    """D^2 of N(0, 1) and N(d, 1) is 2 E|N(d, 2)| - 2 E|N(0, 2)|; E|X - X'| is 2 / sqrt(pi)."""
    draw = np.random.default_rng(1)
    n, d = 20000, 0.3
    found = equivalent(draw.normal(0, 1, n), draw.normal(d, 1, n), particle=np.arange(n))
    folded = 2 / np.sqrt(np.pi) * np.exp(-(d**2) / 4) + d * (1 - 2 * stats.norm.cdf(-d / np.sqrt(2)))
    exact = (2 * folded - 4 / np.sqrt(np.pi)) / (2 / np.sqrt(np.pi))
    assert found.relative == pytest.approx(exact, abs=4 * found.error)
    assert found.error < 0.1 * exact
    assert found.low < 1 / exact * 1.1
    assert found.high > 1 / exact * 0.9


def test_n_true_responses_are_as_wrong_as_a_simulator_worth_n():
    """A simulator that only repeats 40 true responses is worth 40."""
    draw = np.random.default_rng(5)
    worth = []
    for _ in range(30):
        kept = draw.gamma(2, 3, 40)
        found = equivalent(draw.gamma(2, 3, 4000), draw.choice(kept, 4000), particle=np.arange(4000))
        worth.append(found.relative)
    # all pairs of the 40, each with itself too: E|X - X'| / 40
    assert 1 / np.mean(worth) == pytest.approx(40, rel=0.25)


def test_a_perfect_simulator_has_no_excess_and_its_error_is_its_spread(world, observed):
    label = equal_bins(expected_sums(observed[:, SUM], world.particle), 4)[0]
    found = [
        equivalent(
            observed[:, SUM], world.again(90 + k).sum(axis=(1, 2)), particle=world.particle, label=label
        )
        for k in range(25)
    ]
    relative = np.array([x.relative for x in found])
    # the reference is the same each time, so only half of the variance shows
    assert abs(relative.mean()) < 2.5 * np.mean([x.error for x in found])
    assert 0.4 < relative.std() / np.mean([x.error for x in found]) < 1.4
    assert all(x.low > 100 for x in found)


def test_blind_is_worth_tens_whatever_the_size(world, observed, observed_blind):
    label = equal_bins(expected_sums(observed[:, SUM], world.particle), 4)[0]
    half = world.particle < 125
    worth = [
        equivalent(
            observed[rows, SUM], observed_blind[rows, SUM], particle=world.particle[rows], label=label[rows]
        ).number
        for rows in (half, ~half, slice(None))
    ]
    assert max(worth) < 40
    assert max(worth) < 3 * min(worth)


def test_a_step_is_seen_with_either_sign(world, observed):
    steps = [
        equivalent(observed[:, SUM], observed[:, SUM] + step, particle=world.particle).relative
        for step in (-40, 40)
    ]
    assert min(steps) > 0.05
    assert steps[0] == pytest.approx(steps[1], rel=1e-9)


def test_bins_without_spread_are_left_out():
    label = np.array([0, 0, 0, 1, 1, 1])
    reference, generated = np.array([5, 5, 5, 1, 2, 4.0]), np.array([7, 7, 7, 2, 1, 4.0])
    found = equivalent(reference, generated, particle=np.arange(6), label=label)
    assert found.relative == pytest.approx(slow(reference[3:], generated[3:], np.arange(3), label[3:])[0])


def test_the_jackknife_has_no_more_parts_than_particles():
    found = equivalent([1, 2, 4, 9, 3, 1.0], [1, 3, 4, 8, 2, 1.0], particle=[0, 0, 1, 1, 2, 2])
    assert np.isfinite(found.error)
    assert module.PARTS > 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivalent([1, 2], [1, 2], particle=[0, 0]), "at least 2 particles, found 1"),
        (lambda: equivalent([1, 1], [1, 2], particle=[0, 1]), "the reference does not vary"),
        (lambda: equivalent([1, 2], [1, 2], particle=[0, 1], label=[-1, -1]), "no response is in a bin"),
        (lambda: equivalent([], [], particle=[]), "reference is empty"),
        (lambda: energy_distance([1], [1, 2]), "the reference has 1"),
        (lambda: energy_distance([1, 3], [1, np.inf]), "the generated has others"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
