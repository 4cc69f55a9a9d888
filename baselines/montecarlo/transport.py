"""From the vertex to the calorimeter's face: decays in flight and an effective map of the beam line."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .constants import BEAM_HALF_SEPARATION, BEAM_MOMENTUM, CHARGED_LEVER_ARM, Detector
from .decays import decay
from .species import Ints, Kind

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
    ``x = Vx + q 9.7 cm (6500 GeV/p) + L x'``, ``y = Vy + L y'``, L being 60 m less what the vertex lies
    ahead. Both sides are alike: a particle and its mirror image in z arrive alike. What decays goes on by
    :mod:`.decays`, with a transverse kick.
    """
    c = conditions.astype(np.float64)
    initial = np.maximum(c[:, 0], 1e-3)
    momentum = np.maximum(np.sqrt((c[:, 4:7] ** 2).sum(axis=1)), 1e-3)
    ahead = np.where(c[:, 6] < 0, -c[:, 3], c[:, 3])
    flight = detector.distance - ahead
    decayed = decay(species, initial, c[:, 8], flight, momentum, key)

    # Directions, with the decay's kick, and the flight to the face
    kick = np.where(decayed.decays, 0.1 / np.maximum(momentum, 1.0), 0.0)
    along = np.maximum(np.abs(c[:, 6]), 1e-6)
    slope_x = c[:, 4] / along + kick * rng.normal(key, 2)
    slope_y = c[:, 5] / along + kick * rng.normal(key, 3)
    charged = decayed.charge != 0
    arm = np.where(charged, CHARGED_LEVER_ARM - ahead, flight)
    left = np.maximum(momentum * decayed.energy / initial, 1.0)
    bend = decayed.charge * BEAM_HALF_SEPARATION * BEAM_MOMENTUM / left
    x = c[:, 1] + bend + arm * slope_x - detector.centre_x
    y = c[:, 2] + arm * slope_y
    x, y = np.clip(x, -_FARTHEST, _FARTHEST), np.clip(y, -_FARTHEST, _FARTHEST)

    on_face = (np.abs(x) < detector.half_size[0]) & (np.abs(y) < detector.half_size[1])
    silent = decayed.kind == Kind.SILENT
    inside = on_face & ~decayed.lost & ~silent
    return Arrival(x, y, decayed.energy, decayed.kind, inside, initial, ~inside & ~silent)
