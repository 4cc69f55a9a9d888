"""The toy world, and the input of golden numbers."""

import numpy as np
import pytest
from toy_world import REPEATS, SHAPE

from simbench.harness.plugin.observables import observe


@pytest.fixture(scope="session")
def blind(world):
    """The right responses of the wrong particles: it ignores its conditions."""
    whole = np.random.default_rng(3).permutation(250)
    return world.again(8).reshape(250, REPEATS, *SHAPE)[whole].reshape(-1, *SHAPE)


@pytest.fixture(scope="session")
def observed(world):
    return observe(world.responses)


@pytest.fixture(scope="session")
def observed_perfect(perfect):
    return observe(perfect)


@pytest.fixture(scope="session")
def observed_blind(blind):
    return observe(blind)


@pytest.fixture(scope="session")
def golden_features():
    """The two (3000, 7) samples of ``golden/metrics.json``, by its formula."""
    i = np.arange(1, 3001)[:, None]
    primes, j = np.sqrt([2, 3, 5, 7, 11, 13]), np.arange(1, 7)
    real = np.modf(i * primes)[0] * j
    generated = 0.95 * np.modf((i + 10000) * primes)[0] ** 1.1 * j
    return tuple(np.column_stack([x, x[:, 0] * x[:, 1]]) for x in (real, generated))
