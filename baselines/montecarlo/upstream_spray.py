"""Upstream spray: light of secondaries of particles that miss the face, decay or are swept away.

Wholly effective and calibrated: it yields the many tiny responses of the published statistics, which
showers at the rim of the face do not.
"""

import numpy as np
from scipy.special import ndtri

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .constants import Detector
from .shower import Sources
from .species import Ints
from .transport import Arrival
from .variates import poisson

_MAX_SECONDARIES = 12
_FIRST_NUMBER = 40
_SECONDARIES = np.arange(_MAX_SECONDARIES)


def secondaries(detector: Detector, arrival: Arrival, key: Keys) -> Sources:
    """The secondaries' light for each row that sprays: 1 + Poisson(0.7 ln(1 + mean)), at most 12, of each."""
    row = np.flatnonzero(arrival.sprays)
    key = key[row]
    mean = _mean_light(detector, arrival, row, key)
    count = 1 + np.minimum(poisson(rng.uniform(key, 2), 0.7 * np.log1p(mean)), _MAX_SECONDARIES - 1)
    present = count[:, None] > _SECONDARIES  # (s, 12)
    of_share, of_side = rng.uniform2(key[:, None], 32 + _SECONDARIES)
    u, v = rng.uniform2(key[:, None], 64 + _SECONDARIES)
    share = -np.log(of_share) * present
    share /= share.sum(axis=1, keepdims=True)
    i, j = np.nonzero(present)
    light = share[i, j] * mean[i]
    x, y = _entry(detector, arrival.x[row[i]], arrival.y[row[i]], of_side[i, j], u[i, j], v[i, j])
    energy = np.maximum(light / detector.light_yield, 1.0)
    return Sources(row[i], _FIRST_NUMBER + j, light, energy, x, y, np.zeros_like(x))


def _mean_light(detector: Detector, arrival: Arrival, row: Ints, key: Keys) -> Floats:
    """Mean photo-electrons of all secondaries of each row; see :class:`~.constants.Spray`."""
    spray, energy = detector.spray, arrival.initial_energy[row]
    beyond_x = np.maximum(np.abs(arrival.x[row]) - detector.half_size[0], 0.0)
    beyond_y = np.maximum(np.abs(arrival.y[row]) - detector.half_size[1], 0.0)
    missed_by = np.hypot(beyond_x, beyond_y)
    near = np.minimum(missed_by, spray.distance_cap)
    exponent = spray.log_width * rng.normal(key, 0) - near / spray.distance_decay
    exponent -= (missed_by - near) / spray.swept_decay
    far_side = arrival.x[row] > detector.half_size[0]
    mean: Floats = (
        np.where(far_side, spray.far_side, 1.0)
        * spray.scale
        * (energy / 1000.0) ** spray.power
        * np.exp(exponent)
    )
    mean = mean * np.where(rng.uniform(key, 1) < spray.hard_probability, spray.hard_factor, 1.0)
    mean /= 1.0 + mean / (spray.energy_cap * detector.light_yield * energy)
    return mean


def _entry(
    detector: Detector, missed_x: Floats, missed_y: Floats, side: Floats, u: Floats, v: Floats
) -> tuple[Floats, Floats]:
    """Where secondaries enter [cm], from where their particle passed the plane and three uniforms each.

    On the proton side 60 % come from the beam at low x, falling off over 5 cm, or from high x if their
    particle passed there. On the neutron side 70 % come from where the particle missed, falling off inwards
    over 1.5 cm. All others enter anywhere.
    """
    half_x, half_y = detector.half_size
    x, y = (2.0 * u - 1.0) * half_x, (2.0 * v - 1.0) * half_y
    inwards = -np.log(u)
    if detector.name == "proton":
        edge = np.where(missed_x > half_x, -1.0, 1.0)
        return np.where(side < 0.6, edge * (5.0 * inwards - half_x), x), y
    angle = np.arctan2(missed_y, missed_x) + 0.6 * ndtri(v)
    radius = 1.1 * half_x - 1.5 * inwards
    aimed = side < 0.7
    return np.where(aimed, radius * np.cos(angle), x), np.where(aimed, radius * np.sin(angle), y)
