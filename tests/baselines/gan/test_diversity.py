import math

import numpy as np
import pytest

from simbench.baselines.gan.diversity import NEIGHBOURS, diversity_warnings, diversity_weights


def along(rows):
    """Scaled conditions (rows, 1), each a step from the next."""
    return np.arange(rows, dtype=np.float32)[:, None]


def spread(showers):
    return np.log1p(np.asarray(showers, dtype=float)).std(axis=0).sum()


def test_diversity_weight_by_hand():
    showers = np.zeros((8, 1, 2), dtype=np.uint16)
    particle = np.array([7, 3, 7, 5, 3, 3, 5, 7])
    showers[0], showers[2], showers[7] = [[0, 3]], [[2, 3]], [[1, 3]]
    showers[3] = showers[6] = [[9, 9]]  # particle 5: no spread
    showers[1], showers[4], showers[5] = [[1, 0]], [[0, 0]], [[4, 6]]
    spread3, spread7 = spread([[1, 0], [0, 0], [4, 6]]), spread([[0, 3], [2, 3], [1, 3]])
    expected = np.array([spread7, spread3, spread7, 0, spread3, spread3, 0, spread7]) / spread3
    np.testing.assert_allclose(diversity_weights(showers, particle, along(8)), expected, rtol=1e-6)


def test_diversity_weight_of_many_particles_agrees_with_a_plain_loop():
    draw = np.random.default_rng(0)
    particle = draw.integers(0, 400, 6000)  # more rows than are worked on at a time
    showers = draw.poisson(draw.uniform(0, 5, (6000, 1, 1)), (6000, 3, 2)).astype(np.uint16)
    by_particle = {p: spread(showers[particle == p]) for p in set(particle)}
    expected = np.array([by_particle[p] for p in particle])
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    np.testing.assert_allclose(diversity_weights(showers, particle, along(6000)), expected, atol=1e-6)


def test_a_particle_with_one_response_has_the_spread_of_its_neighbours():
    """Responses to conditions below 0 are all alike, those above are not."""
    rows = 60
    scaled = np.random.default_rng(3).uniform(-1, 1, rows).astype(np.float32)[:, None]
    showers = np.full((rows, 1, 2), 5, dtype=np.uint16)
    wild = scaled[:, 0] > 0
    showers[wild, 0, 0] = np.arange(wild.sum()) % 7 * 3
    found = diversity_weights(showers, np.arange(rows), scaled)
    spreads = np.array(
        [spread(showers[np.argsort(np.abs(scaled[:, 0] - own))[:NEIGHBOURS]]) for own in scaled[:, 0]]
    )
    np.testing.assert_allclose(found, (spreads - spreads.min()) / np.ptp(spreads), atol=1e-6)
    assert found[scaled[:, 0] < -0.4].max() == 0
    assert found[scaled[:, 0] > 0.4].min() > 0.2


def test_repeats_come_before_neighbours():
    """Particles 0 to 9 have two equal responses each; 10 has one, between two that differ."""
    particle = np.append(np.repeat(np.arange(10), 2), 10)
    showers = (np.repeat(np.arange(11), 2)[:21, None, None] * np.ones((21, 1, 1))).astype(np.uint16)
    found = diversity_weights(showers, particle, along(21))
    np.testing.assert_array_equal(found, [0] * 20 + [1])


def test_neighbours_are_looked_for_among_some_only(monkeypatch):
    from simbench.baselines.gan import diversity

    monkeypatch.setattr(diversity, "KNOWN", 10)
    draw = np.random.default_rng(0)
    showers = draw.poisson(3, (500, 2, 2)).astype(np.uint16)
    found = diversity_weights(showers, np.arange(500), along(500))
    known = np.linspace(0, 499, 10).astype(int)
    first = spread(showers[known[:NEIGHBOURS]])
    assert len(set(found.round(6).tolist())) == 3  # the 8 nearest of 10: 3 ways to choose them in a row
    all_ = [first, spread(showers[known[1:9]]), spread(showers[known[2:]])]
    assert found[0] == pytest.approx((first - min(all_)) / np.ptp(all_), abs=1e-6)


def test_a_training_part_without_repeats_is_warned_of():
    assert diversity_warnings(np.repeat(np.arange(50), 2)) == ()
    assert diversity_warnings(np.append(np.repeat(np.arange(50), 2), np.arange(50, 90))) == ()
    (line,) = diversity_warnings(np.append(np.repeat(np.arange(25), 2), np.arange(25, 100)))
    assert line.startswith("75% of the particles have one response: for them s(c)")
    assert "8 nearest conditions" in line


def test_equal_responses_have_no_weight():
    assert not diversity_weights(np.ones((5, 2, 2), np.uint16), np.arange(5), along(5)).any()
    assert math.isfinite(diversity_weights(np.ones((1, 2, 2), np.uint16), np.arange(1), along(1))[0])
