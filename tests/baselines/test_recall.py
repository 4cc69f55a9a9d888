import numpy as np
import pytest

from simbench.baselines.conditions import Scaler
from simbench.baselines.recall import NEIGHBOURS, Blind, Replay


def draw(rows):
    """A response that tells which row it was."""
    return rows[:, None, None] * np.ones((1, 2, 3), np.int64)


def test_blind_draws_every_response_alike_whatever_is_asked():
    blind = Blind(20, draw)
    conditions = np.random.default_rng(0).normal(size=(40_000, 3)).astype(np.float32)
    found = blind.generate(conditions, seed=1)
    assert found.shape == (40_000, 2, 3)
    rows = found[:, 0, 0]
    error = np.sqrt(2000)
    assert np.abs(np.bincount(rows, minlength=20) - 2000).max() < 4 * error
    np.testing.assert_array_equal(blind.generate(conditions[::-1] * 7, seed=1), found)
    assert (blind.generate(conditions, seed=2) != found).any()
    np.testing.assert_array_equal(blind.generate(conditions[:5], seed=1), found[:5])
    assert blind.generate(conditions[:0], seed=1).shape == (0, 2, 3)


@pytest.fixture
def particles():
    """Conditions (N, 2), of which the first tells particles apart, and the particles, in no order."""
    generator = np.random.default_rng(1)
    particle = generator.permutation(np.repeat(np.arange(30), 3)[5:]) * 7
    return np.column_stack([particle, np.zeros(len(particle))]).astype(np.float32), particle


def replay(particles):
    return Replay(*particles, draw, Scaler.fit(particles[0], clip=None, geometry=None))


def test_replay_draws_responses_of_the_nearest_particles_alike(particles):
    particle = particles[1]
    asked = np.tile(np.float32([[7 * 15.2, 0]]), (40_000, 1))
    found = replay(particles).generate(asked, seed=1)[:, 0, 0]
    owners, count = np.unique(particle[found], return_counts=True)
    np.testing.assert_array_equal(owners, 7 * np.array([14, 15, 16, 17]))
    assert len(owners) == NEIGHBOURS
    assert np.abs(count - 10_000).max() < 400
    rows, count = np.unique(found, return_counts=True)
    np.testing.assert_array_equal(rows, np.flatnonzero(np.isin(particle, owners)))
    assert np.abs(count - 40_000 / len(rows)).max() < 300


def test_replay_is_a_function_of_conditions_and_seed(particles):
    simulator, asked = replay(particles), particles[0] + 3
    found = simulator.generate(asked, seed=1)
    np.testing.assert_array_equal(simulator.generate(asked, seed=1), found)
    np.testing.assert_array_equal(simulator.generate(asked[:7], seed=1), found[:7])
    assert (simulator.generate(asked, seed=2) != found).any()
    assert simulator.generate(asked[:0], seed=1).shape == (0, 2, 3)
    far = np.full((3, 2), 1e20, np.float32)
    assert (particles[1][simulator.generate(far, seed=1)[:, 0, 0]] >= 7 * 26).all()


def test_few_particles_are_enough():
    conditions = np.zeros((2, 1), np.float32)
    found = Replay(conditions, np.array([4, 4]), draw, Scaler.fit(conditions, clip=None, geometry=None))
    assert set(found.generate(np.zeros((50, 1), np.float32), seed=0)[:, 0, 0]) == {0, 1}
