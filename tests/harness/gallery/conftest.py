"""The toy world of the metrics' tests."""

import pytest
from toy_world import World


@pytest.fixture(scope="session")
def world():
    return World.of(250, 1)


@pytest.fixture(scope="session")
def perfect(world):
    return world.again(7)
