"""Datasets: groups of repeated responses to the particles of the gun."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from . import gun
from .constants import Detector, detector_of
from .simulator import BLOCK, Images, draw, photon_sums, response_keys, simulate
from .species import PDG, Candidates, Ints

REPEAT_BITS = 40
"""A sample is ``raw id + (repeat << 40)``, so adding repeats leaves the earlier ones as they are."""
_MOST_REFUSED = 1_000_000
"""Raw particles refused in a row before the threshold is called unreachable."""


@dataclass(frozen=True)
class Sample:
    """Responses in groups of equal conditions, or a block of them."""

    showers: npt.NDArray[np.uint16]
    """Photon counts, shape (N, nx, ny), indexed [x][y]."""
    conditions: npt.NDArray[np.float32]
    """E, Vx, Vy, Vz, Px, Py, Pz, mass, charge; shape (N, 9), in GeV and cm."""
    particle: npt.NDArray[np.int64]
    """Which particle of the dataset a response belongs to, consecutive from 0; shape (N,)."""
    pdg: npt.NDArray[np.int32]
    """The particle's true species, shape (N,); models must not see it."""


def iter_dataset(
    detector: str, *, particles: int, repeats: int, seed: int, min_photons: int = 1, block: int = BLOCK
) -> Iterator[Sample]:
    """The dataset of :func:`make_dataset` in consecutive blocks, so that it can be written in flat memory.

    ``block`` is the number of responses simulated at once, and about that of a block; it sets memory and
    speed, never the responses.

    Raises:
        ValueError: The detector is unknown, a number is out of range, the threshold is out of the gun's
            reach, or a photon count exceeds 16 bits.

    """
    model = detector_of(detector)
    for name, value, least in (("particles", particles, 1), ("repeats", repeats, 1), ("block", block, 1)):
        if value < least:
            raise ValueError(f"{name} is {value}, expected {least} or more")
    return _blocks(model, particles, repeats, seed, min_photons, block)


def _blocks(
    detector: Detector, particles: int, repeats: int, seed: int, min_photons: int, block: int
) -> Iterator[Sample]:
    stream = rng.derive(seed, "simbench-mc-response", detector.name)
    at_once = max(1, block // repeats)
    done = 0
    for raw_ids in _accepted(detector, seed, stream, min_photons, block):
        for start in range(0, len(raw_ids), at_once):
            ids = raw_ids[start : start + at_once][: particles - done]
            yield _groups(detector, ids, done, repeats, seed, stream, min_photons, block)
            done += len(ids)
            if done == particles:
                return


def _accepted(detector: Detector, seed: int, stream: int, min_photons: int, block: int) -> Iterator[Ints]:
    """Raw ids of the particles accepted, in order: those whose first response reaches the threshold."""
    refused = start = 0
    while refused < _MOST_REFUSED:
        ids = np.arange(start, start + block)
        shot = gun.shoot(detector, seed, ids)
        hits = simulate(detector, shot.conditions, shot.species, response_keys(stream, ids, 0))
        reached = photon_sums(detector, hits, block) >= min_photons
        refused = 0 if reached.any() else refused + block
        start += block
        yield ids[reached]
    raise ValueError(
        f"min_photons is {min_photons}: none of {refused} particles in a row gave so many in {detector.name}"
    )


def _groups(
    detector: Detector,
    raw_ids: Ints,
    first: int,
    repeats: int,
    seed: int,
    stream: int,
    min_photons: int,
    block: int,
) -> Sample:
    """``repeats`` responses of each raw particle; ``first`` is the dataset's number of the first."""
    shot = gun.shoot(detector, seed, raw_ids)
    conditions, species = shot.conditions.repeat(repeats, axis=0), shot.species.repeat(repeats)
    samples = raw_ids.repeat(repeats) + (np.tile(np.arange(repeats), len(raw_ids)) << REPEAT_BITS)
    true_species = Candidates(species, species, np.zeros(len(species)))
    drawn = draw(
        detector,
        conditions,
        true_species,
        samples,
        stream=stream,
        min_photons=min_photons,
        block=block,
    )
    if not drawn.accepted.all():
        raw_id = samples[~drawn.accepted][0] & ((1 << REPEAT_BITS) - 1)
        raise ValueError(f"min_photons is {min_photons}: particle {raw_id} reached it once, then never again")
    particle = np.arange(first, first + len(raw_ids)).repeat(repeats)
    return Sample(as_uint16(drawn.showers), conditions, particle, PDG[species])


def as_uint16(showers: Images) -> npt.NDArray[np.uint16]:
    """Photon counts in 16 bits; raises ValueError if one does not fit."""
    most = int(showers.max(initial=0))
    if most > np.iinfo(np.uint16).max:
        raise ValueError(f"a cell holds {most} photons, expected at most {np.iinfo(np.uint16).max}")
    return showers.astype(np.uint16)


def make_dataset(
    detector: str,
    *,
    particles: int,
    repeats: int,
    seed: int,
    min_photons: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Simulate ``repeats`` responses of each of ``particles`` particles, all of at least ``min_photons``.

    The gun's particles are drawn by raw id 0, 1, 2, ...; a particle is accepted if its first response
    reaches the threshold, until there are enough. Particles so accepted are distributed as those of the raw
    responses that reach it: a particle that seldom gives light is as rare here as among them. That first
    response is kept; each further one is redrawn, with the particle's true species, until it reaches the
    threshold. So every response is a draw from its particle's conditioned distribution, and one response of
    each particle is a draw of the raw responses that reach the threshold.

    ``progress(done, total)`` is told how many responses are there. Same arguments, same arrays, whatever the
    machine's number of cores.

    Raises:
        ValueError: See :func:`iter_dataset`.

    """
    blocks = []
    done = 0
    for block in iter_dataset(
        detector, particles=particles, repeats=repeats, seed=seed, min_photons=min_photons
    ):
        blocks.append(block)
        done += len(block.particle)
        if progress is not None:
            progress(done, particles * repeats)
    return Sample(
        np.concatenate([block.showers for block in blocks]),
        np.concatenate([block.conditions for block in blocks]),
        np.concatenate([block.particle for block in blocks]),
        np.concatenate([block.pdg for block in blocks]),
    )
