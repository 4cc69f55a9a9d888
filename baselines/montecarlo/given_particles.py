"""Responses to given particles: a file's own, as many of each as it has."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from .constants import Detector, detector_of
from .dataset import REPEAT_BITS, Sample, as_uint16
from .simulator import BLOCK, Conditions, checked, draw
from .species import INDEX_OF_PDG, Candidates, Ints, candidates


def iter_given(
    detector: str,
    conditions: Conditions,
    pdg: npt.NDArray[np.int32],
    repeats: Ints,
    *,
    seed: int,
    min_photons: int = 1,
    block: int = BLOCK,
) -> Iterator[Sample]:
    """``repeats`` (P,) responses of each of P particles, in their order, in blocks of about ``block``.

    A particle's species is that of its PDG id (P,); where the gun has no such species, as for 0, it is found
    from mass and charge as :class:`.MonteCarlo` finds it. Responses that do not reach ``min_photons`` in 1000
    attempts are left out. A response depends on the seed, the particle's number and the repeat alone.

    Raises:
        ValueError: The detector is unknown, conditions (P, 9) are not what a simulator takes, or a photon
            count exceeds 16 bits.

    """
    model = detector_of(detector)
    return _blocks(model, checked(conditions), pdg, repeats, seed, min_photons, block)


def _blocks(
    detector: Detector,
    conditions: Conditions,
    pdg: npt.NDArray[np.int32],
    repeats: Ints,
    seed: int,
    min_photons: int,
    block: int,
) -> Iterator[Sample]:
    stream = rng.derive(seed, "simbench-mc-given", detector.name)
    species = _species(detector, conditions, pdg)
    particle = np.arange(len(conditions)).repeat(repeats)
    repeat = np.arange(len(particle)) - (np.cumsum(repeats) - repeats).repeat(repeats)
    samples = particle + (repeat << REPEAT_BITS)
    for start in range(0, len(particle), block):
        rows = slice(start, start + block)
        which = particle[rows]
        drawn = draw(
            detector,
            conditions[which],
            Candidates(species.species[which], species.partner[which], species.partner_probability[which]),
            samples[rows],
            stream=stream,
            min_photons=min_photons,
            block=block,
        )
        kept = drawn.accepted
        which = which[kept]
        yield Sample(as_uint16(drawn.showers[kept]), conditions[which], which, pdg[which])


def _species(detector: Detector, conditions: Conditions, pdg: npt.NDArray[np.int32]) -> Candidates:
    guessed = candidates(detector, conditions[:, 7].astype(np.float64), conditions[:, 8].astype(np.float64))
    told = np.array([INDEX_OF_PDG.get(int(number), -1) for number in pdg], np.int64)
    known = told >= 0
    return Candidates(
        np.where(known, told, guessed.species),
        np.where(known, told, guessed.partner),
        np.where(known, 0.0, guessed.partner_probability),
    )
