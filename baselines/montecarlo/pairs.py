"""Both calorimeters for one particle: what a pair of models that are deployed together has to reproduce."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from .constants import detector_of
from .dataset import GUNS, Sample, Stream, as_uint16, samples_of
from .gun import Particles
from .simulator import BLOCK, images, response_keys, simulate
from .species import PDG, Ints


def iter_shared(
    detector: str,
    guns: Sequence[str],
    *,
    particles: int,
    repeats: int,
    seed: int,
    gun: str = "mixed",
    block: int = BLOCK,
) -> Iterator[Sample]:
    """``detector``'s responses to particles that all ``guns``, names of detectors, shoot in turn.

    Nothing is selected or redrawn: particle i is the same for every detector asked with the same guns and
    seed, its ``repeats`` responses in each are independent, and those with light are in the sample, in order;
    :attr:`Sample.stream` tells which are missing. So a pair of datasets says how often a
    particle lights both.

    Raises:
        ValueError: A detector or the gun is unknown, a number is out of range, or a photon count exceeds 16
            bits.

    """
    model, sources = detector_of(detector), [detector_of(name) for name in guns]
    if gun not in GUNS:
        raise ValueError(f"the Monte Carlo has no gun {gun!r}; it has {', '.join(GUNS)}")
    if min(particles, repeats, block, len(sources)) < 1:
        raise ValueError("particles, repeats, block and the number of guns should be 1 or more")
    stream = rng.derive(seed, "simbench-mc-shared", model.name)

    def shoot(ids: Ints) -> Particles:
        conditions: npt.NDArray[np.float32] = np.zeros((len(ids), 9), np.float32)
        species = np.zeros(len(ids), np.int64)
        for turn, source in enumerate(sources):
            mine = ids % len(sources) == turn
            conditions[mine], species[mine] = GUNS[gun](source, seed, ids[mine])
        return Particles(conditions, species)

    def blocks() -> Iterator[Sample]:
        at_once = max(1, block // repeats)
        for start in range(0, particles, at_once):
            ids = np.arange(start, min(start + at_once, particles))
            shot = shoot(ids)
            each = shot.repeated(repeats)
            keys = response_keys(stream, samples_of(ids, repeats), 0)
            showers = images(model, simulate(model, each.conditions, each.species, keys), len(ids) * repeats)
            hit = showers.any(axis=(1, 2))
            raw = Stream(shot.conditions, ids, PDG[shot.species], hit.reshape(-1, repeats))
            particle, pdg = ids.repeat(repeats)[hit], PDG[each.species][hit]
            yield Sample(as_uint16(showers[hit]), each.conditions[hit], particle, pdg, raw)

    return blocks()
