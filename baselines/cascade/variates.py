"""Random numbers of a Dirichlet-multinomial, exact, and addressed by keys (see :mod:`simbench.harness.rng`).

Every draw of a node has a number of its own under the node's key, so a response does not depend on which
others are drawn with it.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, ndtri

from simbench.harness import rng

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COMPONENT, BOOST, BINOMIAL, GAMMA, PHOTON = (
    0,
    16,
    32,
    64,
    4096,
)  # where the draw numbers of each purpose start
ATTEMPTS = 64  # each succeeds with a probability above 0.95
MANY = 1024  # photons; up to so many are drawn one by one


def choose(weights: npt.NDArray[np.floating], uniforms: Floats) -> Ints:
    """(n,) which column of each row of (n, k) weights, in proportion to them, by inversion."""
    table = np.cumsum(weights, axis=1)
    found = (uniforms[:, None] * table[:, -1:] >= table).sum(axis=1)
    return np.asarray(np.minimum(found, weights.shape[1] - 1))


def log_gamma_variates(shape: Floats, keys: rng.Keys) -> Floats:
    """Logarithms of Gamma(shape, 1) variates, element by element.

    The squeeze-free form of Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; below
    1 as Gamma(shape + 1) U^(1 / shape), whose logarithm does not underflow.

    Args:
        shape: (n, k) above 0.
        keys: (n,) of the nodes.
    """
    flat = shape.ravel()
    columns = np.tile(np.arange(shape.shape[1]), len(shape))
    own = np.repeat(keys, shape.shape[1])
    d = np.where(flat < 1, flat + 1, flat) - 1 / 3
    c = 1 / np.sqrt(9 * d)
    out = np.log(d)  # what is left where no attempt succeeds: the chance is below 1e-80
    waiting = np.arange(len(flat))
    for attempt in range(ATTEMPTS):
        first, second = rng.uniform2(own[waiting], GAMMA + attempt * 16 + columns[waiting])
        x = ndtri(first)
        v = np.maximum(1 + c[waiting] * x, 1e-12)
        log_v = 3 * np.log(v)
        near = d[waiting]
        accepted = np.log(second) < 0.5 * x * x + near * (1 - v**3 + log_v)
        done = waiting[accepted]
        out[done] += log_v[accepted]
        waiting = waiting[~accepted]
        if not len(waiting):
            break
    small = np.flatnonzero(flat < 1)
    if len(small):
        out[small] += np.log(rng.uniform(own[small], BOOST + columns[small])) / flat[small]
    return out.reshape(shape.shape)


def binomial(n: Ints, p: Floats, u: Floats) -> Ints:
    """(m,) the smallest k with P(Binomial(n, p) <= k) >= u: a normal guess, corrected by the distribution."""
    deviation = np.sqrt(n * p * (1 - p))
    k = np.clip(np.ceil(n * p + deviation * ndtri(u) - 0.5), 0, n).astype(np.int64)
    p = np.clip(p, 0.0, 1.0)
    low = np.arange(len(k))
    while len(low := low[(k[low] < n[low]) & (bdtr(k[low], n[low], p[low]) < u[low])]):
        k[low] += 1
    high = np.flatnonzero(k > 0)
    while len(high := high[(k[high] > 0) & (bdtr(k[high] - 1, n[high], p[high]) >= u[high])]):
        k[high] -= 1
    return k


def multinomial(n: Ints, p: Floats, keys: rng.Keys) -> Ints:
    """(m, k) counts of n photons (m,) that fall with probabilities p (m, k), each row's sum being 1."""
    out = np.zeros(p.shape, dtype=np.int64)
    few = np.flatnonzero(n <= MANY)
    number = n[few]
    row = np.repeat(few, number)
    photon = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    table = np.cumsum(p, axis=1)[:, :-1]
    u = rng.uniform(keys[row], PHOTON + photon)
    child = np.zeros(len(row), dtype=np.int64)
    for column in table.T:
        child += u >= column[row]
    out += np.bincount(row * p.shape[1] + child, minlength=out.size).reshape(out.shape)
    many = np.flatnonzero(n > MANY)
    if len(many):
        left, rest = n[many].copy(), np.ones(len(many))
        for k in range(p.shape[1] - 1):
            share = np.clip(p[many, k] / np.maximum(rest, 1e-300), 0, 1)
            out[many, k] = binomial(left, share, rng.uniform(keys[many], BINOMIAL + k))
            left -= out[many, k]
            rest = rest - p[many, k]
        out[many, -1] = left
    return out


def dirichlet_multinomial(n: Ints, alpha: Floats, keys: rng.Keys) -> Ints:
    """(m, k) counts of n photons (m,) with Dirichlet parameters alpha (m, k), 0 for what gets none."""
    exists = alpha > 0
    logs = log_gamma_variates(np.where(exists, alpha, 1.0), keys)
    logs[~exists] = -np.inf
    p = np.exp(logs - logs.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return multinomial(n, p, keys)
