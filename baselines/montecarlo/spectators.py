"""The spectators' gun: nucleons that a lead nucleus leaves behind in a Pb-Pb collision, near beam energy.

It gives what the calorimeters were built to count. Half of the nucleons are fragments of hadronic collisions,
with the nucleus's internal momenta; half are evaporated after electromagnetic dissociation, at rest but for
a few MeV: their sums over n nucleons are the peaks of 1, 2, 3, ... neutrons (ALICE, arXiv:2209.04250).
"""

import numpy as np

from simbench.harness import rng

from .constants import Detector
from .gun import Particles, side_of
from .species import INDEX, MASS, Ints

BEAM_ENERGY = 2680.0
"""Energy for each nucleon of a beam of lead at sqrt(s_NN) = 5.36 TeV [GeV]."""
FERMI_MOMENTUM = 0.265
"""Of lead [GeV/c] (standard: Moniz et al., Phys. Rev. Lett. 26 (1971) 445)."""
INTERNAL_MOMENTUM = FERMI_MOMENTUM / np.sqrt(5.0)
"""Width of each component of a nucleon's momentum in the nucleus [GeV/c] (standard: Goldhaber, Phys. Lett. B
53 (1974) 306)."""
TEMPERATURE = 2e-3
"""Of evaporation [GeV] (assumed: a few MeV)."""
EVAPORATED = 0.5
"""Share of nucleons that are evaporated (assumed)."""
DIVERGENCE = 30e-6
"""Width of the beam's angle, in x and in y [rad] (assumed)."""
BEAM_SPOT = (1e-3, 1e-3, 5.0)
"""Widths of the collision's place [cm] (assumed)."""

_NUCLEON = {"neutron": "n", "proton": "p"}


def shoot(detector: Detector, seed: int, ids: Ints) -> Particles:
    """Spectators of the given raw ids, shape (N,); each is a function of seed and id alone.

    The neutron calorimeter gets neutrons, the proton calorimeter protons. A nucleon's momentum is drawn in
    the nucleus's frame and boosted with the beam.
    """
    key = rng.keys(rng.derive(seed, "simbench-mc-spectators", detector.name), ids)
    species = np.full(len(key), INDEX[_NUCLEON[detector.name]])
    mass = MASS[species]
    # A Maxwell distribution of temperature T has components of width sqrt(m T).
    evaporated = rng.uniform(key, 0) < EVAPORATED
    width = np.where(evaporated, np.sqrt(mass * TEMPERATURE), INTERNAL_MOMENTUM)
    own = [width * rng.normal(key, draw) for draw in (1, 2, 3)]
    own_energy = np.sqrt(mass**2 + own[0] ** 2 + own[1] ** 2 + own[2] ** 2)
    gamma = BEAM_ENERGY / mass
    boost = np.sqrt(gamma**2 - 1.0)
    energy, along = gamma * own_energy + boost * own[2], gamma * own[2] + boost * own_energy
    px = own[0] + DIVERGENCE * rng.normal(key, 4) * along
    py = own[1] + DIVERGENCE * rng.normal(key, 5) * along
    pz = np.sqrt(np.maximum(energy**2 - mass**2 - px**2 - py**2, 1e-6))
    vx, vy, vz = (spot * rng.normal(key, draw) for spot, draw in zip(BEAM_SPOT, (6, 7, 8), strict=True))
    return Particles.of(species, energy, (vx, vy, vz), (px, py, side_of(key) * pz))
