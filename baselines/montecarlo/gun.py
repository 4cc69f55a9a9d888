"""The mixed gun: incident particles with effective spectra fitted to published statistics (calibrated).

Hadron production in the very forward direction is not settled (generators disagree by factors), so the
spectra are chosen for the responses they give, not derived.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, gammaincinv

from simbench.harness import rng
from simbench.harness.rng import Floats

from .constants import BEAM_MOMENTUM, Detector
from .species import CHARGE, INDEX, KIND, MASS, Ints, Kind, weights

_PI0_MASS, _PI0_DECAY_LENGTH = 0.13498, 2.53e-6
_LAMBDA_MASS, _LAMBDA_DECAY_LENGTH = 1.1157, 7.89
_FARTHEST_DECAY = 3000.0  # [cm]

Vector: TypeAlias = tuple[Floats, Floats, Floats]


class Particles(NamedTuple):
    """Incident particles: conditions (N, 9) float32 and species (N,), indices of ``SPECIES``."""

    conditions: npt.NDArray[np.float32]
    species: Ints

    @classmethod
    def of(cls, species: Ints, energy: Floats, vertex: Vector, momentum: Vector) -> "Particles":
        """Of species (N,), energy [GeV], vertex (Vx, Vy, Vz) [cm] and momentum (Px, Py, Pz) [GeV/c]."""
        columns = [energy, *vertex, *momentum, MASS[species], CHARGE[species]]
        return cls(np.stack(columns, axis=1).astype(np.float32), species)

    def repeated(self, repeats: int) -> "Particles":
        """Each particle ``repeats`` times in a row."""
        return Particles(self.conditions.repeat(repeats, axis=0), self.species.repeat(repeats))


def side_of(key: rng.Keys) -> Floats:
    """The sign of Pz of each particle, (N,): side A (+1) or C (-1), with equal odds."""
    return np.where(rng.uniform(key, 11) < 0.5, -1.0, 1.0)


def shoot(detector: Detector, seed: int, ids: Ints) -> Particles:
    """The gun's particles of the given raw ids, shape (N,); each is a function of seed and id alone.

    Conditions are E [GeV], Vx, Vy, Vz [cm], Px, Py, Pz [GeV/c], mass [GeV/c^2], charge [e]. They are rounded
    to float32 here, before anything is simulated from them, so a response depends on nothing that its
    conditions do not hold but the species.
    """
    key = rng.keys(rng.derive(seed, "simbench-mc-gun", detector.name), ids)
    species = np.searchsorted(np.cumsum(weights(detector)), rng.uniform(key, 0))
    species = np.minimum(species, len(MASS) - 1)
    photon = species == INDEX["gamma"]
    energy = _energy(detector, species, rng.uniform(key, 1))
    mass = MASS[species]
    momentum = np.sqrt(energy**2 - mass**2)

    # Transverse momentum ~ Gamma(2); what would land beyond the cut is redrawn uniformly in the disc.
    mean_pt = np.where(photon, 0.16, 0.36)
    pt = -mean_pt / 2 * (np.log(rng.uniform(key, 2)) + np.log(rng.uniform(key, 3)))
    phi = 2 * np.pi * rng.uniform(key, 4)
    largest = momentum * detector.gun.impact_cut / detector.distance
    pt = np.where(pt < largest, pt, largest * np.sqrt(rng.uniform(key, 5)))
    px, py = pt * np.cos(phi), pt * np.sin(phi)
    along = np.sqrt(momentum**2 - pt**2)

    flight = _parent_flight(energy, photon, key)
    kick = np.where(photon, 0.0675, 0.10) / energy  # the decay's transverse momentum over the energy
    vx = flight * (px / along + kick * rng.normal(key, 6))
    vy = flight * (py / along + kick * rng.normal(key, 7))
    side = side_of(key)
    return Particles.of(species, energy, (vx, vy, side * flight), (px, py, side * along))


def _energy(detector: Detector, species: Ints, u: Floats) -> Floats:
    """Energies [GeV]: gamma for photons, beta for leading baryons, a common gamma for all others."""
    photon = species == INDEX["gamma"]
    leading = (KIND[species] == Kind.BARYON) & ((CHARGE[species] == 0) | (species == INDEX["p"]))
    other = ~photon & ~leading
    gun = detector.gun
    energy = np.empty(len(species))
    energy[photon] = 5.0 + gun.photon_scale * gammaincinv(gun.photon_shape, u[photon])
    energy[leading] = 30.0 + (BEAM_MOMENTUM - 30.0) * betaincinv(*gun.baryon_beta, u[leading])
    energy[other] = 5.0 + 420.0 * gammaincinv(1.2, u[other])
    return np.maximum(np.minimum(energy, BEAM_MOMENTUM), MASS[species] + 2.0)


def _parent_flight(energy: Floats, photon: npt.NDArray[np.bool_], key: rng.Keys) -> Floats:
    """Distance from the collision, at the origin, to the parent's decay [cm]: the vertex.

    Photons come from neutral pions, 15 % of the rest from Lambda-like parents, the others from the collision.
    """
    excess = np.where(photon, -np.log(rng.uniform(key, 10)), 0.2)
    parent = np.minimum(energy * (1.0 + excess), BEAM_MOMENTUM)
    from_lambda = ~photon & (rng.uniform(key, 9) < 0.15)
    mean = np.where(photon, parent / _PI0_MASS * _PI0_DECAY_LENGTH, 0.0)
    mean = np.where(from_lambda, parent / _LAMBDA_MASS * _LAMBDA_DECAY_LENGTH, mean)
    # Exponential, of parents that decay before the magnets.
    reached = -np.expm1(-_FARTHEST_DECAY / np.maximum(mean, 1e-12))
    flight: Floats = -mean * np.log1p(-rng.uniform(key, 8) * reached)
    return flight
