"""From sources to photons: clusters of photons drawn from the sources' profiles and collected in fibres."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from simbench.harness import rng
from simbench.harness.rng import Floats, Keys

from .constants import Detector
from .shower import Sources
from .species import Ints
from .variates import gamma_factors, poisson

_PASS = 1 << 14
"""Clusters of one pass: few enough that its arrays stay in a processor's cache."""
_FIRST_CLUSTER = 16
"""Draw number of a source's first cluster; lower ones belong to the source itself."""


class Hits(NamedTuple):
    """Photons seen by fibres; all arrays of shape (h,)."""

    cell: Ints
    """Row of the response times the number of cells, plus ``ix * ny + iy``."""
    photons: Ints
    """Photo-electrons, 1 or more."""


@dataclass(frozen=True)
class Profile:
    """How the clusters of each source are spread; arrays of shape (S,)."""

    shape: Floats
    """Shape of the gamma distributed depth."""
    rate: Floats
    """Its rate [1/cm]."""
    radius: float | None = None
    """The single radius of ``2 r R^2 / (r^2 + R^2)^2`` [cm], or None: core and tail of an EM shower."""
    maximum: Floats = field(default_factory=lambda: np.zeros(0))
    """Depth of the shower maximum [cm], of EM showers only."""


def electromagnetic_profile(detector: Detector, energy: Floats, key: Keys) -> Profile:
    """Grindhammer-Peters longitudinal profile with its correlated fluctuations (hep-ex/0001020, standard).

    With ``y = E/Ec``, ln T and ln alpha are normal with means ``ln(ln y - 0.812)`` and
    ``ln(0.81 + (0.458 + 2.26/Z) ln y)`` and correlation ``0.705 - 0.023 ln y``. Floors on the energy and on
    the inverse widths keep soft sub-showers sane.
    """
    log_y = np.log(np.maximum(energy, 0.5) / detector.critical_energy)
    mean_t = np.log(np.maximum(log_y - 0.812, 0.3))
    width_t = 1.0 / np.maximum(-1.4 + 1.26 * log_y, 1.5)
    mean_alpha = np.log(0.81 + (0.458 + 2.26 / detector.atomic_number) * log_y)
    width_alpha = 1.0 / np.maximum(-0.58 + 0.86 * log_y, 1.5)
    correlation = 0.705 - 0.023 * log_y
    common = np.sqrt((1.0 + correlation) / 2.0) * rng.normal(key, 1)
    opposed = np.sqrt((1.0 - correlation) / 2.0) * rng.normal(key, 2)
    maximum = np.exp(mean_t + width_t * (common + opposed)) * detector.radiation_length
    alpha = np.maximum(np.exp(mean_alpha + width_alpha * (common - opposed)), 1.2)
    return Profile(alpha, (alpha - 1.0) / maximum, maximum=maximum)


def hadronic_profile(detector: Detector, energy: Floats) -> Profile:
    """Bock's longitudinal profile (NIM 186 (1981) 533, standard), one calibrated radius."""
    log_energy = np.log(np.maximum(energy, 1.0))
    rate = (0.91 - 0.024 * log_energy) / detector.interaction_length
    return Profile(0.62 + 0.32 * log_energy, rate, detector.hadronic_radius)


def spray_profile(detector: Detector, energy: Floats, key: Keys) -> Profile:
    """A soft electromagnetic shower's depth, with one calibrated radius."""
    profile = electromagnetic_profile(detector, energy, key)
    return Profile(profile.shape, profile.rate, detector.spray.radius)


def collect(
    detector: Detector, sources: Sources, profile: Profile, key: Keys, cluster_mean: float
) -> Iterator[Hits]:
    """Draw the clusters of each source and keep those that meet a fibre.

    Clusters are Poisson distributed with mean ``light / cluster_mean``. A cluster holds the correlated
    photons of one crossing, geometrically distributed with mean ``cluster_mean``, all in one fibre. What lies
    beyond the fibres' length or outside the face is lost. ``key`` has one key for each source.
    """
    number = poisson(rng.uniform(key, 0), sources.light / cluster_mean)
    lit = np.flatnonzero(number)
    ends = np.cumsum(number[lit])
    first = 0
    while first < len(lit):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _PASS, side="right")))
        yield _pass(detector, sources, profile, key, cluster_mean, lit[first:last], number[lit[first:last]])
        first = last


def _pass(
    detector: Detector,
    sources: Sources,
    profile: Profile,
    key: Keys,
    cluster_mean: float,
    lit: Ints,
    number: Ints,
) -> Hits:
    """The clusters of the sources ``lit``, ``number`` of each (shape (l,)): c clusters in all."""
    source = np.repeat(lit, number)  # (c,)
    within = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
    cluster = rng.split(key[source], _FIRST_CLUSTER + within)
    of_depth, of_radius = rng.uniform2(cluster, 0)
    of_angle, of_size = rng.uniform2(cluster, 1)

    centre, width = gamma_factors(profile.shape[lit])
    spread = (np.repeat(centre, number) + np.repeat(width, number) * ndtri(of_depth)).clip(0.0) ** 3
    depth = np.repeat(profile.shape[lit] / profile.rate[lit], number) * spread  # from the source's start
    if profile.radius is None:
        tau = np.minimum(depth / profile.maximum[source], 4.0)
        radius = _shower_radius(
            detector, tau, np.repeat(np.log(np.maximum(sources.energy[lit], 0.5)), number), of_radius
        )
    else:
        radius = profile.radius * np.sqrt(of_radius / (1.0 - of_radius))
    angle = 2 * np.pi * of_angle
    ix = (sources.x[source] + radius * np.cos(angle) + detector.half_size[0]) / detector.pitch
    iy = (sources.y[source] + radius * np.sin(angle) + detector.half_size[1]) / detector.pitch
    nx, ny = detector.cells
    seen = (sources.depth[source] + depth < detector.length) & (ix >= 0) & (ix < nx) & (iy >= 0) & (iy < ny)
    cell = (sources.row[source[seen]] * nx + ix[seen].astype(np.int64)) * ny + iy[seen].astype(np.int64)
    photons = 1 + (np.log(of_size[seen]) / np.log1p(-1.0 / cluster_mean)).astype(np.int64)
    return Hits(cell, photons)


def _shower_radius(detector: Detector, tau: Floats, log_energy: Floats, u: Floats) -> Floats:
    """Radius [cm] of light at depth ``tau`` (in units of the shower maximum), shapes (c,).

    Grindhammer-Peters (published): a core and a tail ``2 r R^2 / (r^2 + R^2)^2`` with weights p and 1 - p,
    each sampled by ``r = R sqrt(v/(1 - v))``, where v is the place of ``u`` within its weight. Core and tail
    are narrower here by calibrated factors: showers seen by quartz fibres are.
    """
    z = detector.atomic_number
    a = ((0.401 + 0.00187 * z) - tau) / (1.313 - 0.0686 * log_energy)
    weight = np.clip((2.632 - 0.00094 * z) * np.exp(a - np.exp(a)), 0.0, 1.0)
    in_core = u < weight
    core = np.maximum(0.0251 + 0.00319 * log_energy, 0.01) + (0.1162 - 0.000381 * z) * tau
    late = tau - 0.645
    tail = (0.659 - 0.00309 * z) * (np.exp(-2.59 * late) + np.exp((0.3585 + 0.0421 * log_energy) * late))
    scale = np.where(in_core, detector.core_scale * core, detector.tail_scale * tail)
    odds = np.where(in_core, u, u - weight) / np.where(in_core, weight - u, 1.0 - u)  # v / (1 - v)
    return detector.moliere_radius * scale * np.sqrt(odds)
