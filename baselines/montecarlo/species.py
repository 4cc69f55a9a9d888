"""The 21 particle species of the gun, and how to find a species again from a mass and a charge.

Conditions hold no particle code, so species of equal mass and charge cannot be told apart: K0S and K0L,
n and nbar, Lambda and Lambdabar. :func:`candidates` answers with the choice and its odds.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness.rng import Floats

from .constants import Detector

Ints = npt.NDArray[np.int64]


class Kind(IntEnum):
    """How a particle showers."""

    EM = 0
    BARYON = 1
    MESON = 2
    SILENT = 3
    """Muons: their Cherenkov light at this incidence is outside the fibres' acceptance."""


class Species(NamedTuple):
    """One species; mass [GeV], charge [e], proper decay length [cm] (standard: PDG)."""

    name: str
    pdg: int
    mass: float
    charge: int
    decay_length: float
    kind: Kind


_STABLE = np.inf

SPECIES = (
    Species("gamma", 22, 0.0, 0, _STABLE, Kind.EM),
    Species("n", 2112, 0.93957, 0, _STABLE, Kind.BARYON),
    Species("nbar", -2112, 0.93957, 0, _STABLE, Kind.BARYON),
    Species("p", 2212, 0.93827, 1, _STABLE, Kind.BARYON),
    Species("pbar", -2212, 0.93827, -1, _STABLE, Kind.BARYON),
    Species("K0L", 130, 0.49761, 0, 1534.0, Kind.MESON),
    Species("K0S", 310, 0.49761, 0, 2.684, Kind.MESON),
    Species("Lambda", 3122, 1.11568, 0, 7.89, Kind.BARYON),
    Species("Lambdabar", -3122, 1.11568, 0, 7.89, Kind.BARYON),
    Species("pi+", 211, 0.13957, 1, 780.5, Kind.MESON),
    Species("pi-", -211, 0.13957, -1, 780.5, Kind.MESON),
    Species("K+", 321, 0.49368, 1, 371.1, Kind.MESON),
    Species("K-", -321, 0.49368, -1, 371.1, Kind.MESON),
    Species("e-", 11, 0.000511, -1, _STABLE, Kind.EM),
    Species("e+", -11, 0.000511, 1, _STABLE, Kind.EM),
    Species("mu-", 13, 0.10566, -1, _STABLE, Kind.SILENT),
    Species("mu+", -13, 0.10566, 1, _STABLE, Kind.SILENT),
    Species("Sigma+", 3222, 1.18937, 1, 2.404, Kind.BARYON),
    Species("Sigma-", 3112, 1.19745, -1, 4.434, Kind.BARYON),
    Species("Xi0", 3322, 1.31486, 0, 8.71, Kind.BARYON),
    Species("Xi-", 3312, 1.32171, -1, 4.91, Kind.BARYON),
)

INDEX = {species.name: index for index, species in enumerate(SPECIES)}
INDEX_OF_PDG = {species.pdg: index for index, species in enumerate(SPECIES)}
PDG = np.array([species.pdg for species in SPECIES], dtype=np.int32)
MASS = np.array([species.mass for species in SPECIES])
CHARGE = np.array([species.charge for species in SPECIES], dtype=np.float64)
DECAY_LENGTH = np.array([species.decay_length for species in SPECIES])
KIND = np.array([species.kind for species in SPECIES], dtype=np.int64)


def weights(detector: Detector) -> Floats:
    """The gun's probability of each species, in the order of :data:`SPECIES`; shape (21,), sum 1."""
    named = detector.gun.weights
    share = detector.gun.other_weight / (len(SPECIES) - len(named))
    values: Floats = np.array([named.get(species.name, share) for species in SPECIES])
    values /= values.sum()
    return values


class Candidates(NamedTuple):
    """For each row the likeliest species, its indistinguishable partner and the partner's probability."""

    species: Ints
    partner: Ints
    partner_probability: Floats


def candidates(detector: Detector, mass: Floats, charge: Floats) -> Candidates:
    """The species that a mass [GeV] and a charge [e] may belong to; all arrays of shape (N,).

    The species is the one of nearest mass among those of the charge's sign, whatever the charge's size.
    A particle and its partner of the same mass and charge are weighted as the gun weighs them.
    """
    off = np.abs(mass[:, None] - MASS) + np.where(np.sign(charge)[:, None] == CHARGE, 0.0, np.inf)
    species = np.argmin(off, axis=1)
    odds = weights(detector)
    partner = np.arange(len(SPECIES))
    probability = np.zeros(len(SPECIES))
    for first, second in (("n", "nbar"), ("K0L", "K0S"), ("Lambda", "Lambdabar")):
        one, other = INDEX[first], INDEX[second]
        partner[one] = other
        probability[one] = odds[other] / (odds[one] + odds[other])
    return Candidates(species, partner[species], probability[species])
