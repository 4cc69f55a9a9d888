"""Datasets: groups of repeated responses to the particles of the gun."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from . import gun, spectators
from .constants import Detector, detector_of
from .gun import Particles
from .simulator import BLOCK, Images, draw, photon_sums, response_keys, simulate
from .species import PDG, Candidates, Ints

REPEAT_BITS = 40
"""A sample is ``raw id + (repeat << 40)``, so adding repeats leaves the earlier ones as they are."""
_MOST_REFUSED = 1_000_000
_MOST_ATTEMPTS = 1_000_000  # for a particle that gave light once
"""Raw particles refused in a row before the threshold is called unreachable."""


GUNS: dict[str, Callable[[Detector, int, Ints], Particles]] = {
    "mixed": gun.shoot,
    "spectators": spectators.shoot,
}


@dataclass(frozen=True)
class Stream:
    """The raw particles that a sample, or a block of it, was drawn from, and which responses had light."""

    conditions: npt.NDArray[np.float32]
    """Shape (K, 9), as :attr:`Sample.conditions`."""
    particle: npt.NDArray[np.int64]
    """Its number in the dataset, or -1 if it was refused; shape (K,)."""
    pdg: npt.NDArray[np.int32]
    """Shape (K,)."""
    hit: npt.NDArray[np.bool_]
    """Whether each raw response, drawn once and never redrawn, held a photon; shape (K, repeats)."""


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
    stream: Stream | None = None
    """All raw particles, in order, of the dataset's own gun."""


def iter_dataset(
    detector: str,
    *,
    particles: int,
    repeats: int,
    seed: int,
    min_photons: int = 1,
    gun: str = "mixed",
    block: int = BLOCK,
) -> Iterator[Sample]:
    """The dataset of :func:`make_dataset` in consecutive blocks, so that it can be written in flat memory.

    ``block`` is the number of responses simulated at once, and about that of a block; it sets memory and
    speed, never the responses.

    Raises:
        ValueError: The detector or the gun is unknown, a number is out of range, the threshold is out of the
            gun's reach, or a photon count exceeds 16 bits.

    """
    model = detector_of(detector)
    for name, value, least in (("particles", particles, 1), ("repeats", repeats, 1), ("block", block, 1)):
        if value < least:
            raise ValueError(f"{name} is {value}, expected {least} or more")
    if gun not in GUNS:
        raise ValueError(f"the Monte Carlo has no gun {gun!r}; it has {', '.join(GUNS)}")
    return _Drawing(model, GUNS[gun], repeats, seed, min_photons, block).blocks(particles)


@dataclass(frozen=True)
class _Drawing:
    """The rules of one dataset."""

    detector: Detector
    shoot: Callable[[Detector, int, Ints], Particles]
    repeats: int
    seed: int
    min_photons: int
    block: int

    def blocks(self, particles: int) -> Iterator[Sample]:
        """Until ``particles`` are accepted."""
        at_once = max(1, self.block // self.repeats)
        done = refused = start = 0
        while refused < _MOST_REFUSED:
            ids = np.arange(start, start + self.block)
            start += self.block
            accepted = self._first_sums(ids) >= self.min_photons
            ends = np.flatnonzero(np.cumsum(accepted) + done == particles)
            if len(ends):
                ids, accepted = ids[: ends[0] + 1], accepted[: ends[0] + 1]
            for first in range(0, len(ids), at_once):
                part = slice(first, first + at_once)
                yield self._groups(ids[part], accepted[part], done)
                done += int(accepted[part].sum())
            if done == particles:
                return
            refused = 0 if accepted.any() else refused + self.block
        raise ValueError(
            f"min_photons is {self.min_photons}: none of {refused} particles in a row gave so many in "
            f"{self.detector.name}"
        )

    @cached_property
    def _stream(self) -> int:
        return rng.derive(self.seed, "simbench-mc-response", self.detector.name)

    def _first_sums(self, ids: Ints) -> Ints:
        """Photon sums of the raw particles' first responses, (N,)."""
        shot = self.shoot(self.detector, self.seed, ids)
        return self._raw_sums(shot, ids)

    def _raw_sums(self, shot: Particles, samples: Ints) -> Ints:
        keys = response_keys(self._stream, samples, 0)
        hits = simulate(self.detector, shot.conditions, shot.species, keys)
        return photon_sums(self.detector, hits, len(samples))

    def _groups(self, ids: Ints, accepted: npt.NDArray[np.bool_], first: int) -> Sample:
        """``repeats`` responses of each accepted particle; ``first`` is the dataset's number of the first."""
        shot = self.shoot(self.detector, self.seed, ids)
        taken = Particles(shot.conditions[accepted], shot.species[accepted]).repeated(self.repeats)
        drawn = draw(
            self.detector,
            taken.conditions,
            Candidates(taken.species, taken.species, np.zeros(len(taken.species))),
            samples_of(ids[accepted], self.repeats),
            stream=self._stream,
            min_photons=self.min_photons,
            block=self.block,
            attempts=_MOST_ATTEMPTS,
        )
        if not drawn.accepted.all():
            raw_id = ids[accepted].repeat(self.repeats)[~drawn.accepted][0]
            raise ValueError(
                f"min_photons is {self.min_photons}: particle {raw_id} reached it once, then never again"
            )
        number = np.where(accepted, first + np.cumsum(accepted) - 1, -1)
        hit = np.zeros((len(ids), self.repeats), np.bool_)
        hit[accepted] = drawn.hit.reshape(-1, self.repeats)
        left = Particles(shot.conditions[~accepted], shot.species[~accepted]).repeated(self.repeats)
        sums = self._raw_sums(left, samples_of(ids[~accepted], self.repeats))
        hit[~accepted] = (sums > 0).reshape(-1, self.repeats)
        stream = Stream(shot.conditions, number, PDG[shot.species], hit)
        particle = number[accepted].repeat(self.repeats)
        return Sample(as_uint16(drawn.showers), taken.conditions, particle, PDG[taken.species], stream)


def samples_of(ids: Ints, repeats: int) -> Ints:
    """The samples of ``repeats`` responses of each raw particle: (N,) -> (N * repeats,)."""
    return ids.repeat(repeats) + (np.tile(np.arange(repeats), len(ids)) << REPEAT_BITS)


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
    gun: str = "mixed",
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Simulate ``repeats`` responses of each of ``particles`` particles, all of at least ``min_photons``.

    The particles of the gun (``mixed``, calibrated, or ``spectators``) are drawn by raw id 0, 1, 2, ...; a
    particle is accepted if its first response
    reaches the threshold, until there are enough. Particles so accepted are distributed as those of the raw
    responses that reach it: a particle that seldom gives light is as rare here as among them. That first
    response is kept; each further one is redrawn, with the particle's true species, until it reaches the
    threshold. So every response is a draw from its particle's conditioned distribution, and one response of
    each particle is a draw of the raw responses that reach the threshold. What was refused is told by
    :attr:`Sample.stream`.

    ``progress(done, total)`` is told how many responses are there. Same arguments, same arrays, whatever the
    machine's number of cores.

    Raises:
        ValueError: See :func:`iter_dataset`.

    """
    blocks = []
    done = 0
    for block in iter_dataset(
        detector, particles=particles, repeats=repeats, seed=seed, min_photons=min_photons, gun=gun
    ):
        blocks.append(block)
        done += len(block.particle)
        if progress is not None:
            progress(done, particles * repeats)
    parts = [vars(block) for block in blocks]
    arrays = {
        name: np.concatenate([part[name] for part in parts])
        for name in ("showers", "conditions", "particle", "pdg")
    }
    streams = [vars(block.stream) for block in blocks if block.stream is not None]
    stream = {name: np.concatenate([part[name] for part in streams]) for name in streams[0]}
    return Sample(**arrays, stream=Stream(**stream))
