"""From the vertex to the calorimeter's face: decays in flight and an effective map of the beam line."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .constants import BEAM_HALF_SEPARATION, BEAM_MOMENTUM, CHARGED_LEVER_ARM, Detector
from .species import DECAY_LENGTH, INDEX, KIND, Ints, Kind

_FARTHEST = 1e4
"""Impact points are clipped to this distance [cm]; the spray stops falling long before."""


class Arrival(NamedTuple):
    """What reaches the plane of the face, one row for each response; all arrays of shape (N,)."""

    x: Floats
    """Impact point relative to the face's centre [cm]."""
    y: Floats
    energy: Floats
    """Energy that would shower [GeV]."""
    kind: Ints
    """How it showers, a :class:`~.species.Kind`."""
    inside: npt.NDArray[np.bool_]
    """Whether it enters the face and showers."""
    initial_energy: Floats
    """Energy before any decay [GeV]: what the upstream spray scales with."""
    sprays: npt.NDArray[np.bool_]
    """Whether it gives spray: all but muons that do not shower inside."""


def arrive(detector: Detector, conditions: npt.NDArray[np.float32], species: Ints, key: Keys) -> Arrival:
    """Take particles, conditions (N, 9) and species (N,), to the face; one key for each row.

    Neutral particles fly straight. A charged one follows the effective map (calibrated, two numbers)
    ``x = q 9.7 cm (6500 GeV/p) + 60 m x'``, ``y = 60 m y'``. A decay in flight has probability
    ``1 - exp(-L m / (p c tau))``; Lambda -> n pi0 (36 %) keeps the neutron, Lambda -> p pi (64 %) the proton,
    each with 80 to 90 % of the energy; K0S -> pi0 pi0 (31 %) goes on as photons; other decays are lost.
    """
    c = conditions.astype(np.float64)
    initial = np.maximum(c[:, 0], 1e-3)
    momentum = np.maximum(np.sqrt((c[:, 4:7] ** 2).sum(axis=1)), 1e-3)
    mass, charge = np.maximum(c[:, 7], 1e-6), c[:, 8].copy()
    kind, energy = KIND[species].copy(), initial.copy()

    # Decays
    decays = rng.uniform(key, 0) > np.exp(-detector.distance * mass / (momentum * DECAY_LENGTH[species]))
    branch, share = rng.uniform2(key, 1)
    strange_baryon = decays & ((species == INDEX["Lambda"]) | (species == INDEX["Lambdabar"]))
    energy[strange_baryon] *= 0.80 + 0.1 * share[strange_baryon]
    momentum_after = np.where(strange_baryon, 0.85 * momentum, momentum)
    to_proton = strange_baryon & (branch >= 0.36)
    charge[to_proton] = np.where(species[to_proton] == INDEX["Lambda"], 1.0, -1.0)
    to_photons = decays & (species == INDEX["K0S"]) & (branch < 0.31)
    energy[to_photons] *= share[to_photons]
    kind[to_photons] = Kind.EM
    lost = decays & ~strange_baryon & ~to_photons

    # Directions, with the decay's kick, and the flight to the face
    kick = np.where(decays, 0.1 / np.maximum(momentum, 1.0), 0.0)
    along = np.maximum(np.abs(c[:, 6]), 1e-6)
    slope_x = c[:, 4] / along + kick * rng.normal(key, 2)
    slope_y = c[:, 5] / along + kick * rng.normal(key, 3)
    flight = detector.distance + np.where(c[:, 6] < 0, c[:, 3], -c[:, 3])
    charged = charge != 0
    bend = charge * BEAM_HALF_SEPARATION * BEAM_MOMENTUM / np.maximum(momentum_after, 1.0)
    x = np.where(charged, bend + CHARGED_LEVER_ARM * slope_x, c[:, 1] + slope_x * flight) - detector.centre_x
    y = np.where(charged, CHARGED_LEVER_ARM * slope_y, c[:, 2] + slope_y * flight)
    x, y = np.clip(x, -_FARTHEST, _FARTHEST), np.clip(y, -_FARTHEST, _FARTHEST)

    on_face = (np.abs(x) < detector.half_size[0]) & (np.abs(y) < detector.half_size[1])
    silent = kind == Kind.SILENT
    inside = on_face & ~lost & ~silent
    return Arrival(x, y, energy, kind, inside, initial, ~inside & ~silent)
