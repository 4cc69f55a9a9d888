"""From rates to photons: the last step of every simulator, apart from its network.

The uniforms are addressed by keys (see :mod:`simbench.harness.rng`), one key a response. So engines whose
rates agree to some accuracy agree on the counts as far, and exactly where the rates are equal.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import pdtr, pdtrik

from simbench.harness import rng

Counts: TypeAlias = npt.NDArray[np.int32]

_ROWS = 64  # rows worked on together: their cumulative profiles stay within a CPU's cache


def draw(rates: npt.ArrayLike, keys: rng.Keys, min_photons: int = 0) -> Counts:
    """Independent Poisson photons in every pixel, and at least ``min_photons`` in a response.

    The total of a response is Poisson with the summed rate, found by inversion of draw number 0; where it
    falls short of ``min_photons`` it is raised to it (the data hold no response below their threshold, and
    the generator is trained with the same rule). Photon k falls into a pixel by inversion of the cumulative
    profile with draw number k + 1. For ``min_photons`` 0 that is the same as a Poisson count in each pixel.

    Args:
        rates: expected photons (N, H, W), finite and >= 0.
        keys: (N,) keys of the uniforms.
        min_photons: the photon threshold; a response whose rates are all zero stays empty.

    Returns:
        Photon counts (N, H, W).

    Raises:
        ValueError: a rate is negative or not finite.
    """
    rates = _checked(rates)
    counts = np.zeros(rates.shape, dtype=np.int32)
    flat = (len(rates), rates.shape[1] * rates.shape[2])
    flat_rates, flat_counts = rates.reshape(flat), counts.reshape(flat)
    for start in range(0, len(rates), _ROWS):
        rows = slice(start, start + _ROWS)
        flat_counts[rows] = _draw_rows(flat_rates[rows], keys[rows], min_photons)
    return counts


def round_photons(photons: npt.ArrayLike, keys: rng.Keys) -> Counts:
    """Real numbers of photons (N, H, W) rounded at random to a neighbouring integer, unbiased.

    For a generator that gives photons, not rates: rounding to the nearest would erase every faint pixel and
    shift the channel sums, this leaves the expected sums as they are. Pixel i uses draw number i.

    Raises:
        ValueError: a value is negative or not finite.
    """
    photons = _checked(photons)
    counts = np.zeros(photons.shape, dtype=np.int32)
    flat = (len(photons), photons.shape[1] * photons.shape[2])
    flat_photons, flat_counts = photons.reshape(flat), counts.reshape(flat)
    pixels = np.arange(flat[1])
    for start in range(0, len(photons), _ROWS):
        rows = slice(start, start + _ROWS)
        flat_counts[rows] = np.floor(flat_photons[rows] + rng.uniform(keys[rows, None], pixels[None]))
    return counts


def poisson_quantile(
    uniforms: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """The smallest k with P(Poisson(mean) <= k) >= u, element by element; 0 where the mean is 0."""
    positive = np.where(mean > 0, mean, 1.0)
    guess = np.ceil(np.nan_to_num(pdtrik(uniforms, positive)))
    below = np.maximum(guess - 1, 0)
    guess = np.where(pdtr(below, positive) >= uniforms, below, guess)
    return np.where(mean > 0, guess, 0).astype(np.int64)


def _checked(values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    array = np.asarray(values)
    if array.size and not (np.isfinite(array).all() and array.min() >= 0):
        raise ValueError(f"rates must be finite and >= 0; found values from {array.min()} to {array.max()}")
    return array


def _draw_rows(rates: npt.NDArray[np.floating], keys: rng.Keys, min_photons: int) -> npt.NDArray[np.int64]:
    rows, pixels = rates.shape
    table = np.cumsum(rates, axis=1, dtype=np.float64)
    total = table[:, -1].copy()
    number = np.maximum(poisson_quantile(rng.uniform(keys, 0), total), np.where(total > 0, min_photons, 0))
    # One sorted table for all rows: row r occupies the interval (r, r + 1].
    table /= np.where(total > 0, total, 1.0)[:, None]
    table += np.arange(rows)[:, None]
    row = np.repeat(np.arange(rows), number)
    photon = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    place = row + rng.uniform(keys[row], photon + 1)
    index = np.searchsorted(table.ravel(), place, side="right")
    return np.bincount(index, minlength=rows * pixels).reshape(rows, pixels)
