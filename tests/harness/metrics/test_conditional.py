"""Conditional metrics by hand, against loops over particles, and on simulators known to be wrong."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from simbench.harness.metrics.conditional import by_particle, ws_within, ws_within_replicates
from simbench.harness.metrics.tools.arrays import filled
from simbench.harness.metrics.tools.repeats import equal_bins, expected_sums
from simbench.harness.plugin.metric import Resampling
from simbench.harness.plugin.observables import NAMES

SUM, X = NAMES.index("photon_sum"), NAMES.index("centre_x")


def test_two_particles_worked_by_hand():
    found = by_particle([1, 3, 10, 10], [2, 6, 8, 4], particle=[0, 0, 5, 5])
    assert found.units.tolist() == [0, 5]
    assert found.means[:, :, 0].tolist() == [[2, 10], [4, 6]]
    assert found.variances[:, :, 0].tolist() == [[2, 0], [8, 8]]
    assert found.distance.tolist() == [[2], [4]]
    average = found.averages()
    assert average["bias"].tolist() == [3]
    # ((4 - 5) + (16 - 4)) / 2
    assert average["excess"] == pytest.approx(np.sqrt(5.5))
    assert average["relative"] == pytest.approx(5.5)  # the mean variance is (2 + 0) / 2
    assert average["ratio"] == pytest.approx(2 * np.sqrt(8) / np.sqrt(2))
    assert average["ws"].tolist() == [3]


def test_by_particle_is_the_loop_over_particles(world, observed, observed_perfect):
    found = by_particle(observed, observed_perfect, particle=world.particle)
    for place, one in enumerate(found.units[::40]):
        rows = world.particle == one
        place *= 40
        np.testing.assert_allclose(found.means[1, place], observed_perfect[rows].mean(axis=0))
        np.testing.assert_allclose(found.variances[0, place], observed[rows].var(axis=0, ddof=1), atol=1e-9)
        distance = wasserstein_distance(observed[rows, X], observed_perfect[rows, X])
        assert found.distance[place, X] == pytest.approx(distance)


def test_unequal_repeats_in_any_order(world, observed, observed_perfect):
    order = np.random.default_rng(0).permutation(2000)[:1990]
    order = np.concatenate([order, np.arange(0, 2000, 8)])  # each particle at least once
    found = by_particle(
        observed, observed_perfect[order], particle=world.particle, generated_particle=world.particle[order]
    )
    rows = order[world.particle[order] == 17]
    assert found.counts[1, 17] == len(rows)
    expected = wasserstein_distance(observed[world.particle == 17, SUM], observed_perfect[rows, SUM])
    assert found.distance[17, SUM] == pytest.approx(expected)


def test_a_simulator_that_ignores_its_conditions_is_seen_where_the_pooled_score_is_blind(
    world, observed, observed_perfect, observed_blind
):
    pooled = [wasserstein_distance(observed[:, SUM], x[:, SUM]) for x in (observed_perfect, observed_blind)]
    assert pooled[1] < 2 * pooled[0]  # near the floor
    right, wrong = (
        by_particle(observed, x, particle=world.particle).averages()
        for x in (observed_perfect, observed_blind)
    )
    for name in ("bias", "ws"):
        assert wrong[name][SUM] > 4 * right[name][SUM]
        assert wrong[name][X] > 4 * right[name][X]
    expected = equal_bins(expected_sums(observed[:, SUM], world.particle), 8)[0]
    scores = [
        ws_within(observed[:, SUM], x[:, SUM], expected).value for x in (observed_perfect, observed_blind)
    ]
    assert scores[1] > 8 * scores[0]


def test_excess_is_unbiased(world, observed):
    """A bias of 3 photons is found as 3 on average, and none as none, though 8 repeats scatter by more."""
    squares = []
    for seed in range(20):
        sums = world.again(50 + seed).sum(axis=(1, 2))
        found = [
            by_particle(observed[:, SUM], sums + step, particle=world.particle).averages() for step in (0, 3)
        ]
        squares.append([np.sign(x["excess"][0]) * x["excess"][0] ** 2 for x in found])
    mean, error = np.mean(squares, axis=0), np.std(squares, axis=0) / np.sqrt(20)
    assert abs(mean[0]) < 4 * error[0] + 3
    assert mean[1] == pytest.approx(mean[0] + 9, abs=4 * error[1] + 3)


def test_a_simulator_that_never_fluctuates(world, observed):
    mean = by_particle(observed, observed, particle=world.particle).means[0][world.particle]
    found = by_particle(observed, mean, particle=world.particle).averages()
    np.testing.assert_allclose(found["bias"], 0, atol=1e-9)
    np.testing.assert_allclose(found["ratio"][[SUM, X]], 0, atol=1e-9)
    assert found["ws"][SUM] > 1


def test_ratio_of_a_spread_that_is_doubled(world, observed):
    means = by_particle(observed, observed, particle=world.particle).means[0][world.particle]
    found = by_particle(observed, means + 2 * (observed - means), particle=world.particle).averages()
    np.testing.assert_allclose(found["ratio"], 2, rtol=1e-9)


def test_particles_with_one_response_have_no_spread():
    found = by_particle([1, 3, 5], [1, 3, 9], particle=[0, 0, 1]).averages()
    assert found["bias"] == 2
    assert found["ratio"] == 1
    alone = by_particle([1, 5], [1, 9], particle=[0, 1]).averages()
    assert alone["bias"] == 2
    assert np.isnan(alone["ratio"][0])
    assert np.isnan(alone["excess"][0])


def test_weighted_averages_are_those_of_drawn_particles(world, observed, observed_blind):
    observed, observed_blind = filled(observed, observed_blind)  # a draw has another range
    sampling = Resampling.of(world.particle, replicates=3)
    found = by_particle(observed, observed_blind, particle=world.particle).averages(sampling.weights)
    rows = sampling.rows(1)
    copy = np.concatenate([np.arange(times) for times in sampling.weights[:, 1].astype(int).repeat(8)])
    drawn = world.particle[rows] * 100 + copy  # a particle drawn twice is two particles
    expected = by_particle(observed[rows], observed_blind[rows], particle=drawn).averages()
    for name, values in found.items():
        assert values.shape == (15, 3)
        np.testing.assert_allclose(values[:, 1], expected[name], rtol=1e-9)


def test_ws_within_is_scipys_in_every_bin(world, observed, observed_blind):
    observed, observed_blind = filled(observed, observed_blind)
    label = equal_bins(world.conditions[:, 0], 3)[0]
    label[:5] = -1
    columns = slice(0, 3)
    found = ws_within(observed[:, columns], observed_blind[:, columns], label)
    expected = [
        [wasserstein_distance(observed[label == b, c], observed_blind[label == b, c]) for c in range(3)]
        for b in range(3)
    ]
    np.testing.assert_allclose(found.columns, expected, rtol=1e-12)
    shares = np.bincount(label[5:]) / 1995
    assert found.value == pytest.approx(shares @ np.mean(expected, axis=1))
    assert found.bins.tolist() == [0, 1, 2]


def test_ws_within_of_drawn_particles(world, observed, observed_blind):
    observed, observed_blind = filled(observed, observed_blind)
    sampling = Resampling.of(world.particle, replicates=4)
    label = equal_bins(world.conditions[:, 0], 3)[0] - 1
    columns = slice(0, 2)
    found = ws_within_replicates(observed[:, columns], observed_blind[:, columns], label, sampling)
    for replicate in (0, 3):
        rows = sampling.rows(replicate)
        expected = ws_within(observed[rows, columns], observed_blind[rows, columns], label[rows])
        assert found[replicate] == pytest.approx(expected.value, rel=1e-12)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="particle 1 has responses on one side only"):
        by_particle([1, 2], [1, 2], particle=[0, 1], generated_particle=[0, 2])
    with pytest.raises(ValueError, match="no response is in a bin"):
        ws_within([1, 2], [1, 2], [-1, -1])
    with pytest.raises(ValueError, match="the same rows, found 2 and 3"):
        ws_within([1, 2], [1, 2, 3], [0, 0])
    with pytest.raises(ValueError, match=r"weights should have the shape \(2, B\)"):
        by_particle([1, 2], [1, 2], particle=[0, 1]).averages([1, 2])
