"""From rates to photons: the last step of every simulator, apart from its network.

The uniforms are addressed by keys (see :mod:`simbench.harness.rng`), one key a response. So engines whose
rates agree to some accuracy agree on the counts as far, and exactly where the rates are equal.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri, pdtr

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
    rates = np.asarray(rates)
    counts = np.zeros(rates.shape, dtype=np.int32)
    flat = (len(rates), rates.shape[1] * rates.shape[2])
    flat_rates, flat_counts = rates.reshape(flat), counts.reshape(flat)
    for start in range(0, len(rates), _ROWS):
        rows = slice(start, start + _ROWS)
        _draw_rows(_checked(flat_rates[rows]), keys[rows], min_photons, flat_counts[rows])
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
    """The smallest k with P(Poisson(mean) <= k) >= u, element by element, (N,); 0 where the mean is 0.

    A Cornish-Fisher expansion says where to look, the cumulative distribution decides.
    """
    positive = np.where(mean > 0, mean, 1.0)
    root, deviate = np.sqrt(positive), ndtri(uniforms)
    skew = (deviate**2 - 1) / 6 + (deviate - deviate**3) / (72 * root)
    number = np.maximum(np.ceil(positive + root * deviate + skew - 0.5), 0)
    low = np.arange(len(number))
    while len(low := low[pdtr(number[low], positive[low]) < uniforms[low]]):
        number[low] += 1
    high = np.flatnonzero(number > 0)
    while len(high := high[(number[high] > 0) & (pdtr(number[high] - 1, positive[high]) >= uniforms[high])]):
        number[high] -= 1
    return np.where(mean > 0, number, 0).astype(np.int64)


def _checked(values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    array = np.asarray(values)
    if array.size and not (array.min() >= 0 and array.max() < np.inf):  # NaN is neither
        raise ValueError(f"rates must be finite and >= 0; found values from {array.min()} to {array.max()}")
    return array


def _draw_rows(
    rates: npt.NDArray[np.floating], keys: rng.Keys, min_photons: int, counts: npt.NDArray[np.int32]
) -> None:
    """Draw rows of (R, P) rates into ``counts``, which is all zeros."""
    # torch adds up a row in the same order as NumPy does, in a third of the time.
    table = torch.cumsum(torch.from_numpy(np.ascontiguousarray(rates)), 1, dtype=torch.double).numpy()
    total = table[:, -1].copy()
    number = np.maximum(poisson_quantile(rng.uniform(keys, 0), total), np.where(total > 0, min_photons, 0))
    # One sorted table for all rows: row r occupies the interval (r, r + 1].
    table /= np.where(total > 0, total, 1.0)[:, None]
    table += np.arange(len(rates))[:, None]
    row = np.repeat(np.arange(len(rates)), number)
    photon = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    place = row + rng.uniform(keys[row], photon + 1)
    place.sort()  # neighbours are found in what the cache holds already
    pixel = np.searchsorted(table.ravel(), place, side="right")
    first = np.flatnonzero(np.diff(pixel, prepend=-1))  # most pixels get nothing and are not written
    counts.ravel()[pixel[first]] = np.diff(first, append=len(pixel))
