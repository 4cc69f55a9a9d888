"""A toy world whose truth is known: spots of light whose place and brightness a particle's conditions set."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from simbench.harness.plugin.observables import observe

SHAPE = (12, 10)
REPEATS = 8


@dataclass(frozen=True)
class World:
    """P particles with 8 responses each: conditions (N, 2) energy and place, responses (N, 12, 10) counts."""

    conditions: np.ndarray
    particle: np.ndarray
    responses: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, particles, seed, label=0):
        draw = np.random.default_rng(seed)
        energy = 10 ** draw.uniform(1, 2.5, particles)
        place = draw.uniform(2.5, 8.5, particles)
        conditions = np.stack([energy, place], axis=1).repeat(REPEATS, axis=0)
        particle = (label + np.arange(particles)).repeat(REPEATS)
        return cls(conditions, particle, draw_responses(conditions, seed + 1000))

    def again(self, seed):
        """What a perfect simulator answers."""
        return draw_responses(self.conditions, seed)


def draw_responses(conditions, seed):
    draw = np.random.default_rng(seed)
    i, j = np.indices(SHAPE)
    energy, place = conditions.T
    light = energy * draw.gamma(9, 1 / 9, len(energy))
    centre = place + draw.normal(0, 0.5, len(energy))
    square = (i - centre[:, None, None]) ** 2 + (j - 4.5) ** 2
    shape = np.exp(-0.5 * square) + 0.02 * np.exp(-0.5 * square / 9)
    rates = shape / shape.sum(axis=(1, 2), keepdims=True) * light[:, None, None]
    return draw.poisson(rates).astype(np.uint16)


@pytest.fixture(scope="session")
def world():
    return World.of(250, 1)


@pytest.fixture(scope="session")
def perfect(world):
    return world.again(7)


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
def golden():
    """Numbers of JetNet 0.2.5, prdc 0.2, scikit-learn 1.9.1 and the CaloChallenge's evaluation."""
    folder = Path(__file__).parent / "golden"
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


@pytest.fixture(scope="session")
def golden_features():
    """The two (3000, 7) samples of ``golden/metrics.json``, by its formula."""
    i = np.arange(1, 3001)[:, None]
    primes, j = np.sqrt([2, 3, 5, 7, 11, 13]), np.arange(1, 7)
    real = np.modf(i * primes)[0] * j
    generated = 0.95 * np.modf((i + 10000) * primes)[0] ** 1.1 * j
    return tuple(np.column_stack([x, x[:, 0] * x[:, 1]]) for x in (real, generated))
