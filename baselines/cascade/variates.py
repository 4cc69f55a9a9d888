"""Random numbers of a Dirichlet-multinomial, exact, and addressed by keys (see :mod:`simbench.harness.rng`).

Every draw of a node has a number of its own under the node's key, so a response does not depend on which
others are drawn with it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri

from simbench.harness import rng

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Where the draw numbers of each purpose start; gamma variates take SPACING of them an attempt.
COMPONENT, BOOST, BINOMIAL, GAMMA, SPACING, PHOTON = 0, 16, 32, 64, 16, 4096
ATTEMPTS = 64  # each succeeds with a probability above 0.95
MANY = 1024  # photons; up to so many are drawn one by one


def choose(weights: npt.NDArray[np.floating], uniforms: Floats) -> Ints:
    """(n,) which row of each column of (k, n) weights, in proportion to them, by inversion."""
    table = np.cumsum(weights, axis=0)
    place = uniforms * table[-1]
    found = np.zeros(len(uniforms), dtype=np.int64)
    for edge in table[:-1]:
        found += place >= edge
    return found


@dataclass(frozen=True)
class Draws:
    """The random numbers of the nodes of a level, made together: calls cost more than numbers.

    Attributes:
        n: (m,) photons of each node.
        keys: (m,) of the nodes.
        component: (m,) a uniform each.
        normal: (k, m) normal deviates of the first attempts at gamma variates.
        log_accept: (k, m) logarithms of the uniforms that accept or reject these.
        log_boost: (k, m) logarithms of uniforms, for parameters below 1.
        photons: (P,) uniforms, one for each photon of the nodes that have at most ``MANY``.
        ends: (m + 1,) photons[ends[i] : ends[i + 1]] are those of node i.
    """

    n: Ints
    keys: rng.Keys
    component: Floats
    normal: Floats
    log_accept: Floats
    log_boost: Floats
    photons: Floats
    ends: Ints

    @classmethod
    def of(cls, n: Ints, keys: rng.Keys, children: int) -> "Draws":
        """For nodes of n (m,) photons, with keys (m,), that have k = ``children`` children each."""
        child = np.arange(children)[:, None]
        first, second = rng.uniform2(keys, GAMMA + child)
        few = np.where(n <= MANY, n, 0)
        ends = np.zeros(len(n) + 1, dtype=np.int64)
        np.cumsum(few, out=ends[1:])
        photon = np.arange(PHOTON, PHOTON + ends[-1]) - np.repeat(ends[:-1], few)
        return cls(
            n,
            keys,
            rng.uniform(keys, COMPONENT),
            ndtri(first),
            np.log(second),
            np.log(rng.uniform(keys, BOOST + child)),
            rng.uniform(np.repeat(keys, few), photon),
            ends,
        )

    def part(self, start: int, stop: int) -> "Draws":
        """Those of the nodes from ``start`` to ``stop``."""
        nodes = slice(start, stop)
        low, high = int(self.ends[start]), int(self.ends[stop])
        return Draws(
            self.n[nodes],
            self.keys[nodes],
            self.component[nodes],
            self.normal[:, nodes],
            self.log_accept[:, nodes],
            self.log_boost[:, nodes],
            self.photons[low:high],
            self.ends[start : stop + 1] - low,
        )


def log_gamma_variates(shape: Floats, draws: Draws) -> Floats:
    """Logarithms of Gamma(shape, 1) variates, element by element.

    The squeeze-free form of Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; below
    1 as Gamma(shape + 1) U^(1 / shape), whose logarithm does not underflow.

    Args:
        shape: (k, m) above 0.
        draws: of the nodes.
    """
    small = shape < 1
    d = shape + (small - 1 / 3)
    slope = 1 / np.sqrt(9 * d)
    accepted, log_v = _attempt(d, slope, draws.normal, draws.log_accept)
    if not accepted.all():
        child, node = np.nonzero(~accepted)
        keys, d_left, slope_left = draws.keys[node], d[child, node], slope[child, node]
        for attempt in range(1, ATTEMPTS):
            first, second = rng.uniform2(keys, GAMMA + attempt * SPACING + child)
            good, found = _attempt(d_left, slope_left, ndtri(first), np.log(second))
            log_v[child[good], node[good]] = found[good]
            if good.all():
                break
            left = ~good
            child, node, keys = child[left], node[left], keys[left]
            d_left, slope_left = d_left[left], slope_left[left]
    return np.asarray(np.log(d) + log_v + small * draws.log_boost / shape)


def _attempt(
    d: Floats, slope: Floats, normal: Floats, log_uniform: Floats
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which attempts succeed, and the logarithm of what d is to be multiplied with, if so."""
    root = np.maximum(1 + slope * normal, 1e-12)
    log_v = 3 * np.log(root)
    return log_uniform < 0.5 * normal * normal + d * (1 - root * root * root + log_v), log_v


def binomial(n: Ints, p: Floats, u: Floats) -> Ints:
    """(m,) the smallest k with P(Binomial(n, p) <= k) >= u: a normal guess, corrected by the distribution."""
    deviation = np.sqrt(n * p * (1 - p))
    k = np.clip(np.ceil(n * p + deviation * ndtri(u) - 0.5), 0, n).astype(np.int64)
    low = np.arange(len(k))
    while len(low := low[(k[low] < n[low]) & (bdtr(k[low], n[low], p[low]) < u[low])]):
        k[low] += 1
    high = np.flatnonzero(k > 0)
    while len(high := high[(k[high] > 0) & (bdtr(k[high] - 1, n[high], p[high]) >= u[high])]):
        k[high] -= 1
    return k


def multinomial(weights: Floats, draws: Draws) -> Ints:
    """(k, m) counts of photons that fall in proportion to weights (k, m)."""
    table = np.cumsum(weights, axis=0)
    table /= table[-1]
    n = draws.n
    node = np.repeat(np.arange(len(n)), np.diff(draws.ends))
    child = np.zeros(len(node), dtype=np.int64)
    for edge in table[:-1]:
        child += draws.photons >= edge[node]
    out = np.bincount(child * len(n) + node, minlength=weights.size).reshape(weights.shape)
    many = np.flatnonzero(n > MANY)
    if len(many):
        left, below = n[many].copy(), np.zeros(len(many))
        for k in range(len(weights) - 1):
            edge = table[k][many]
            share = np.clip((edge - below) / np.maximum(1 - below, 1e-300), 0, 1)
            out[k, many] = binomial(left, share, rng.uniform(draws.keys[many], BINOMIAL + k))
            left -= out[k, many]
            below = edge
        out[-1, many] = left
    return out


def dirichlet_multinomial(alpha: Floats, draws: Draws) -> Ints:
    """(k, m) counts of photons with Dirichlet parameters alpha (k, m), 0 for what gets none."""
    exists = alpha > 0
    logs = log_gamma_variates(np.where(exists, alpha, 1.0), draws)
    top, own = logs.max(axis=0), np.where(exists, logs, -np.inf).max(axis=0)
    top = np.where(own < top - 600, own, top)  # else all that exist underflow beside one that does not
    return multinomial(np.exp(np.where(exists, logs - top, -np.inf)), draws)
