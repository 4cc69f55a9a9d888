"""Observable by observable: separation power in stated bins, and Wasserstein distance in units of the spread.

The separation power of two histograms h and g, each normalised to 1, is ``1/2 sum_b (h_b - g_b)^2 / (h_b +
g_b)``: 0 where they are equal, 1 where they have no bin in common (Diefenbacher et al. 2021,
arXiv:2009.03796; the CaloChallenge, arXiv:2410.21611). What a sample tells of it depends on the bins, and two
samples of N responses each of one distribution have ``B / (2 N)`` in B filled bins.
"""

import numpy as np
import numpy.typing as npt

from .tools.arrays import Floats, columns, pair
from .wasserstein import wasserstein

BINS = 20
_TINY = 1e-16  # of the CaloChallenge, against 0 / 0


def separation_power(reference: npt.ArrayLike, generated: npt.ArrayLike, edges: npt.ArrayLike) -> float:
    """The separation power of (N,) and (M,) values in the B bins between (B + 1,) edges.

    As the CaloChallenge has it: bins are ``[low, high)``, the last one ``[low, high]``; what is out of range
    is left out on its side. A simulator without any value in range is told apart in full: 1.

    Args:
        reference: (N,) values, any unit.
        generated: (M,) values in the same unit.
        edges: (B + 1,) ascending; the outer ones may be infinite.

    Raises:
        ValueError: a sample is empty or not finite, the edges do not ascend, no reference value is in range.
    """
    first, second = (side.ravel() for side in pair(reference, generated))
    bounds = np.asarray(edges, dtype=np.float64)
    if bounds.ndim != 1 or len(bounds) < 2 or not (np.diff(bounds) > 0).all():
        raise ValueError("edges should be 2 or more ascending numbers")
    h, g = (np.histogram(side, bounds)[0].astype(np.float64) for side in (first, second))
    return separation_of_counts(h, g)


def separation_of_counts(reference: Floats, generated: Floats) -> float:
    """The separation power of two histograms with the same (B,) bins.

    Raises:
        ValueError: the reference's has nothing in any bin.
    """
    if not reference.sum():
        raise ValueError("no reference value is within the edges")
    if not generated.sum():
        return 1.0
    h, g = reference / reference.sum(), generated / generated.sum()
    return float(0.5 * ((h - g) ** 2 / (h + g + _TINY)).sum())


def quantile_edges(reference: npt.ArrayLike, bins: int = BINS) -> Floats:
    """The edges of bins that hold equally many of the (N,) reference values, and of one on either side.

    The inner edges are NumPy's linear quantiles ``0, 1 / bins, ... 1``, equal ones once, the last a hair
    above the largest value. Below and above, to infinity, are two bins in which the reference has nothing.

    Raises:
        ValueError: the reference is empty or not finite, or there are fewer than 1 bin.
    """
    values = pair(reference, reference)[0].ravel()
    if bins < 1:
        raise ValueError(f"there should be 1 bin or more, found {bins}")
    inner = np.unique(np.quantile(values, np.arange(bins + 1) / bins))
    top = np.nextafter(inner[-1], np.inf)
    inner = np.append(inner[:-1], top) if len(inner) > 1 else np.append(inner, top)
    return np.concatenate([[-np.inf], inner, [np.inf]])


def separations(reference: npt.ArrayLike, generated: npt.ArrayLike, bins: int = BINS) -> Floats:
    """(D,) separation power of each observable, in :func:`quantile_edges` of the reference.

    What is undefined (NaN) is filled by the common rule and so has a bin of its own: the first of the inner
    ones where the reference has it too, the one below the range where it has not.

    Args:
        reference: (N, D) observables, any units.
        generated: (M, D) the same of the simulator.
        bins: of equal content.

    Raises:
        ValueError: the arrays are empty, infinite, or their columns differ.
    """
    return np.array(
        [separation_power(x, y, quantile_edges(x, bins)) for x, y in columns(reference, generated)]
    )


def distances(reference: npt.ArrayLike, generated: npt.ArrayLike) -> tuple[Floats, Floats]:
    """(D,) first Wasserstein distance of each observable in its own unit, and over the reference's spread.

    The spread is the reference's standard deviation (n); a column in which it does not vary has none, and its
    second number is NaN. NaN in the arrays is filled by the common rule.

    Args:
        reference: (N, D) observables, any units.
        generated: (M, D) the same of the simulator.

    Raises:
        ValueError: the arrays are empty, infinite, or their columns differ.
    """
    found = [(wasserstein(x, y), x.std(), x.mean()) for x, y in columns(reference, generated)]
    own, spread, centre = np.array(found).T
    spread[spread <= 1e-12 * np.abs(centre)] = np.nan
    return own, own / spread
