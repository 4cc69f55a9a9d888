"""A toy world whose truth is known: spots of light whose place and brightness a particle's conditions set."""

from dataclasses import dataclass, field

import numpy as np

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
