"""How deep and how wide a shower is: the formulas of hep-ex/0001020 for sampling calorimeters.

E is the energy in GeV, ``y`` that over the critical energy, Z the effective atomic number, F_S the sampling
frequency, e the e/mip ratio; depths t in radiation lengths, radii in Moliere radii, ``tau`` = t / T.
"""

import numpy as np
from scipy.special import gammainc

from simbench.harness.rng import Floats

from .medium import Medium


def shapes(medium: Medium, energy: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """T, the depth of the maximum, and alpha, the shape of (N,) showers.

    Their logarithms are correlated normal variates.

    Args:
        medium: of the calorimeter.
        energy: (N,) in GeV.
        first: (N,) standard normal numbers.
        second: (N,) others.
    """
    log_y = np.log(np.maximum(1000 * energy / medium.critical_energy, 10.0))
    sampling, ratio = 1 / medium.sampling_frequency, 1 - medium.e_over_mip
    depth = log_y - 0.812 - 0.55 * sampling - 0.69 * ratio
    shape = 0.81 + (0.458 + 2.26 / medium.z) * log_y - 0.476 * sampling
    spread = 1 / np.maximum(-2.5 + 1.25 * log_y, 0.5), 1 / np.maximum(-0.82 + 0.79 * log_y, 0.5)
    correlation = 0.784 - 0.023 * log_y
    both = np.sqrt((1 + correlation) / 2), np.sqrt((1 - correlation) / 2)
    log_depth = np.log(np.maximum(depth, 0.1)) + spread[0] * (both[0] * first + both[1] * second)
    log_shape = np.log(np.maximum(shape, 1.1)) + spread[1] * (both[0] * first - both[1] * second)
    return np.exp(log_depth), np.maximum(np.exp(log_shape), 1.05)


def deposited(depth: Floats, shape: Floats, start: Floats, bounds: Floats) -> Floats:
    """(N, L) share of the energy in each layer: dE/dt is a gamma distribution.

    Args:
        depth: (N,) of the maximum.
        shape: (N,) alpha.
        start: (N,) where the shower begins.
        bounds: (L, 2) where each layer begins and ends.
    """
    rate = (shape - 1) / depth
    inside = np.maximum(bounds[None] - start[:, None, None], 0)
    below = gammainc(shape[:, None, None], rate[:, None, None] * inside)
    return np.asarray(below[..., 1] - below[..., 0])


def radii(medium: Medium, energy: Floats, tau: Floats) -> tuple[Floats, Floats, Floats]:
    """Radius of the core, radius of the tail, and weight of the core, each of the shape of ``tau``.

    Args:
        medium: of the calorimeter.
        energy: in GeV; its shape and that of ``tau`` broadcast.
        tau: depth over that of the maximum.
    """
    z, log_energy = medium.z, np.log(energy)
    sampling, ratio = 1 / medium.sampling_frequency, 1 - medium.e_over_mip
    core = 0.0251 + 0.00319 * log_energy + (0.1162 - 0.000381 * z) * tau
    tail = (0.659 - 0.00309 * z) * (
        np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log_energy) * (tau - 0.645))
    )
    step = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log_energy)
    weight = (2.632 - 0.00094 * z) * np.exp(step - np.exp(step))
    core = core - 0.0203 * ratio + 0.0397 * sampling * np.exp(-tau)
    tail = tail - 0.14 * ratio - 0.495 * sampling * np.exp(-tau)
    weight = weight + ratio * (0.348 - 0.642 * sampling * np.exp(-((tau - 1) ** 2)))
    return np.maximum(core, 0.01), np.maximum(tail, 0.05), np.clip(weight, 0, 1)
