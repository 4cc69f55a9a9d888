"""A photon sum shared out to the pixels in proportion to weights."""

import numpy as np
import numpy.typing as npt

_LEAST = 1e-6  # of the brightest pixel: none is without a share, so that a sum always finds room


def share_out(wanted: npt.NDArray[np.float64], totals: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Counts (N, P) with the sums ``totals`` (N,), by the largest remainders.

    A pixel's share of the total is rounded down; the photons that are left go, one each, to the pixels with
    the largest remainders.

    Args:
        wanted: (N, P) weights, at least 0; where all of a row are 0, all pixels are alike.
        totals: at least 0.
    """
    weights = np.maximum(wanted, _LEAST * np.maximum(wanted.max(axis=1, keepdims=True), _LEAST))
    shares = weights * (totals / weights.sum(axis=1))[:, None]
    counts = np.floor(shares)
    left = (totals - counts.sum(axis=1)).astype(np.int64)
    order = np.argsort(counts - shares, axis=1, kind="stable")
    counts[np.arange(len(counts))[:, None], order] += np.arange(counts.shape[1]) < left[:, None]
    return np.asarray(counts, dtype=np.int32)
