"""Mean images, pixel by pixel: of each particle, and of all responses.

With R repeats even a perfect simulator's mean images differ from the data's; compare with the Monte Carlo.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from .tools.arrays import Floats, labels

NUMBERS = 20_000_000  # pixels of particles held at a time; of more particles, so many are taken


@dataclass(frozen=True)
class Pixel:
    """How far mean images are off, in the unit of a pixel.

    Attributes:
        mae: mean of ``|mean generated - mean reference|`` over pixels and particles.
        rmse: root of the mean square of that difference.
        overall_mae: mean over pixels of the difference of the mean images of all responses.
        overall_rmse: root of the mean square of that.
        difference: (H, W) mean generated less mean reference image of all responses.
    """

    mae: float
    rmse: float
    overall_mae: float
    overall_rmse: float
    difference: Floats


def pixel(
    blocks: Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any]]], particle: npt.ArrayLike, seed: int = 0
) -> Pixel:
    """Errors of mean images, from responses that are seen a block at a time and once only.

    Args:
        blocks: pairs of (n, H, W) responses, reference and generated, to the same conditions row for row.
        particle: (N,) of all rows, in the order of the blocks.
        seed: of the choice of particles if they have more than :data:`NUMBERS` pixels together.

    Raises:
        ValueError: there is no block, shapes differ, a pixel is not finite, or there are more or fewer rows
            than particles.
    """
    from scipy.sparse import csr_matrix

    told = np.asarray(particle)
    units, owner = np.unique(labels(told, len(told), "particle"), return_inverse=True)
    count = np.bincount(owner, minlength=len(units)).astype(np.float64)
    chosen, total, start = np.zeros(0, np.int64), np.zeros(0), 0
    shape: tuple[int, ...] = ()
    overall = np.zeros(0)
    for first, second in blocks:
        if first.shape != second.shape or first.ndim != 3 or (shape and first.shape[1:] != shape):
            raise ValueError(f"blocks should be pairs of one shape, found {first.shape} and {second.shape}")
        if not shape:
            shape = first.shape[1:]
            size = shape[0] * shape[1]
            order = np.argsort(rng.keys(rng.derive(seed, "pixel"), np.arange(len(units))), kind="stable")
            chosen = np.full(len(units), -1)
            taken = np.sort(order[: max(1, NUMBERS // size)])
            chosen[taken] = np.arange(len(taken))
            total, overall = np.zeros((len(taken), size)), np.zeros(size)
        stop = start + len(first)
        if stop > len(owner):
            raise ValueError(f"the blocks should have {len(owner)} rows, one for each particle, found more")
        step = (second.astype(np.float64) - first).reshape(len(first), -1)
        overall += step.sum(axis=0)
        group = chosen[owner[start:stop]]
        rows = np.flatnonzero(group >= 0)
        ones = np.ones(len(rows))
        total += csr_matrix((ones, (group[rows], rows)), shape=(len(total), len(first))) @ step
        start = stop
    if start != len(owner) or not start:
        raise ValueError(f"the blocks should have {len(owner)} rows, one for each particle, found {start}")
    if not np.isfinite(overall).all():
        raise ValueError("the blocks should be finite, found a pixel that is not")
    total /= count[chosen >= 0][:, None]
    overall = overall / start
    return Pixel(
        mae=float(np.abs(total).mean()),
        rmse=float(np.sqrt((total**2).mean())),
        overall_mae=float(np.abs(overall).mean()),
        overall_rmse=float(np.sqrt((overall**2).mean())),
        difference=overall.reshape(shape),
    )
