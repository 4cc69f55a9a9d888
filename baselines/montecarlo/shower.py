"""Sources of light: the electromagnetic sub-showers and the hadronic rest of each particle that enters.

Electromagnetic showers follow G. Grindhammer and S. Peters (hep-ex/0001020) in a homogeneous effective
medium, hadronic longitudinal profiles R. K. Bock et al. (NIM 186 (1981) 533), the electromagnetic fraction
of hadrons D. Groom (NIM A 572 (2007) 633).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .constants import Detector
from .species import Ints, Kind
from .transport import Arrival
from .variates import poisson

_MAX_SUBSHOWERS = 14
_HADRONIC_NUMBER = 20
_SUBSHOWERS = np.arange(_MAX_SUBSHOWERS)


class Sources(NamedTuple):
    """Sources of light of one kind; all arrays of shape (S,)."""

    row: Ints
    """The response that a source belongs to, non-decreasing."""
    number: Ints
    """The source's number within its response: the address of its random stream."""
    light: Floats
    """Mean photo-electrons."""
    energy: Floats
    """Energy that sets the shape [GeV]."""
    x: Floats
    """Axis relative to the face's centre [cm]."""
    y: Floats
    depth: Floats
    """Depth at which the source starts [cm]."""


def electromagnetic(detector: Detector, arrival: Arrival, key: Keys) -> Sources:
    """One shower for each photon or electron that enters; it starts 9/7 radiation lengths deep on average."""
    row = np.flatnonzero(arrival.inside & (arrival.kind == Kind.EM))
    energy = arrival.energy[row]
    depth = -9 / 7 * detector.radiation_length * np.log(rng.uniform(key[row], 0))
    light = detector.light_yield * energy
    return Sources(row, np.zeros_like(row), light, energy, arrival.x[row], arrival.y[row], depth)


def hadronic(detector: Detector, arrival: Arrival, key: Keys) -> tuple[Sources, Sources]:
    """Of each hadron that enters, the neutral pions' showers (electromagnetic) and the hadronic rest.

    The electromagnetic fraction has mean ``1 - (E/E0)^(0.83 - 1)``, E0 = 1 GeV for mesons (published: Groom)
    and 2.6 GeV for baryons (standard), and effective Gaussian fluctuations, skewed for mesons (calibrated).
    The rest gives 1/(e/h) as much light.
    """
    row = np.flatnonzero(arrival.inside & ((arrival.kind == Kind.BARYON) | (arrival.kind == Kind.MESON)))
    key, energy, x, y = key[row], arrival.energy[row], arrival.x[row], arrival.y[row]
    baryon = arrival.kind[row] == Kind.BARYON
    start = -detector.interaction_length * np.where(baryon, 1.0, 1.2) * np.log(rng.uniform(key, 0))

    threshold = np.where(baryon, 2.6, 1.0)
    mean = 1.0 - (np.maximum(energy, 1.05 * threshold) / threshold) ** (0.83 - 1.0)
    mean = np.clip(mean, 0.03, 0.95)
    width = detector.em_fraction_width * (energy / 100.0) ** detector.em_fraction_width_power
    width = np.minimum(width, 0.9 * np.sqrt(mean * (1.0 - mean)))
    z = rng.normal(key, 1)
    z = np.where(baryon, z, z + 0.18 * (z * z - 1.0))
    fraction = np.clip(mean + width * z, 0.01, 0.99)

    pions = _neutral_pions(detector, Hadrons(row, energy, fraction, x, y, start), key)
    light = detector.light_yield * energy * (1.0 - fraction) / detector.electron_hadron_ratio
    rest = Sources(row, np.full_like(row, _HADRONIC_NUMBER), light, energy, x, y, start)
    return pions, rest


class Hadrons(NamedTuple):
    """Hadrons that shower; all arrays of shape (h,), in cm and GeV."""

    row: Ints
    energy: Floats
    em_fraction: Floats
    x: Floats
    y: Floats
    start: Floats


def _neutral_pions(detector: Detector, hadrons: Hadrons, key: Keys) -> Sources:
    """Share each hadron's electromagnetic energy among neutral pions of successive interactions (calibrated).

    Their number is 1 + Poisson(1.3 ln(E/8)), at most 14; shares are lognormal (width 1.1), damped by
    exp(-0.6 g) with the generation g = floor(Exp(1.25)) of the interaction, 0 for the first pion. Generation
    g starts about 0.8 g interaction lengths deeper and aside by 0.35 GeV/(3 E) interaction lengths.
    """
    length = detector.interaction_length
    energy = hadrons.energy
    count = 1 + np.minimum(poisson(rng.uniform(key, 2), 1.3 * np.log(np.maximum(energy / 8, 1.01))), 13)
    present = count[:, None] > _SUBSHOWERS  # (h, 14)
    of_share, of_generation = rng.uniform2(key[:, None], 32 + _SUBSHOWERS)
    of_depth = rng.uniform(key[:, None], 64 + _SUBSHOWERS)
    of_radius, of_angle = rng.uniform2(key[:, None], 96 + _SUBSHOWERS)

    generation = np.clip(np.floor(-1.25 * np.log(of_generation)), 0.0, 4.0)
    generation[:, 0] = 0.0
    share = np.exp(1.1 * ndtri(of_share) - 0.6 * generation) * present
    share /= share.sum(axis=1, keepdims=True)
    pion_energy = share * (hadrons.em_fraction * energy)[:, None]
    i, j = np.nonzero(present & (pion_energy > 0.02))

    pion_energy, generation = pion_energy[i, j], generation[i, j]
    steps = np.maximum(1.0 + ndtri(of_depth[i, j]) / np.sqrt(np.maximum(generation, 1.0)), 0.05)
    depth = hadrons.start[i] + 0.8 * length * generation * steps
    spread = np.minimum(length * 0.35 / (3.0 * np.maximum(pion_energy, 0.2)), 0.5 * length)
    radius = np.where(generation > 0, spread * np.sqrt(-2.0 * np.log(of_radius[i, j])), 0.0)
    angle = 2 * np.pi * of_angle[i, j]
    x, y = hadrons.x[i] + radius * np.cos(angle), hadrons.y[i] + radius * np.sin(angle)
    return Sources(hadrons.row[i], j, detector.light_yield * pion_energy, pion_energy, x, y, depth)
