"""Variates by inversion: each is a function of its uniform alone, so no draw moves another's address."""

import numpy as np
from scipy.special import ndtri, pdtr, pdtrik

from simbench.harness.rng import Floats

from .species import Ints

_NORMAL_LIMIT = 400.0


def poisson(u: Floats, mean: Floats) -> Ints:
    """Poisson variates of the given means (any shape; ``u`` of the same shape, in (0, 1)).

    Exact inversion up to a mean of 400; above, a normal quantile with the skewness term of the
    Cornish-Fisher expansion, (z^2 - 1)/6, rounded.
    """
    count = np.zeros(mean.shape, dtype=np.int64)
    large = mean > _NORMAL_LIMIT
    small = ~large & (u > np.exp(-np.maximum(mean, 0.0)))  # what is left is zero
    z, m = ndtri(u[large]), mean[large]
    count[large] = np.maximum(np.floor(m + z * np.sqrt(m) + (z * z - 1.0) / 6.0 + 0.5), 0.0).astype(np.int64)
    v, m = u[small], mean[small]
    guess = np.maximum(np.ceil(pdtrik(v, m)), 1.0)
    guess -= (guess > 1.0) & (pdtr(guess - 1.0, m) >= v)  # the continuous inverse may round across an integer
    guess += pdtr(guess, m) < v
    count[small] = guess.astype(np.int64)
    return count


def gamma_factors(shape: Floats) -> tuple[Floats, Floats]:
    """``a, b`` such that ``shape * max(a + b z, 0)^3`` is gamma distributed for a standard normal z.

    The Wilson-Hilferty approximation (PNAS 17 (1931) 684).
    """
    return 1.0 - 1.0 / (9.0 * shape), 1.0 / (3.0 * np.sqrt(shape))
