"""Simulators that are wrong on purpose: what does a metric say of each, and from which size on?

Each takes the responses of a **perfect** simulator, such as an independent run of the Monte Carlo, and spoils
them (:mod:`.spoiling`). Rows stay in place: conditions and particles still fit. :func:`spoiled` applies one.
"""

import numpy as np
import numpy.typing as npt

from .. import rng
from ..metrics.tools.arrays import Floats, labels, table
from .spoiling import FAULTS, Case

POOL = 0.1  # share of the rows that the memoriser knows, if it is told nothing else


def meaning(name: str) -> str:
    """What the fault of a name does, in one line."""
    return " ".join((FAULTS[name].__doc__ or "").replace("``", "").split())


def spoiled(
    name: str,
    responses: npt.ArrayLike,
    conditions: npt.ArrayLike,
    particle: npt.ArrayLike,
    *,
    seed: int = 0,
    size: float = 1.0,
    species: npt.ArrayLike | None = None,
    pool: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Floats:
    """(N, H, W) responses with a fault; contents are no whole numbers any more where it scales or averages.

    Args:
        name: of :data:`FAULTS`, each of which says in its docstring what it does.
        responses: (N, H, W) of a perfect simulator, not negative.
        conditions: (N, F) theirs, any units.
        particle: (N,) which rows share their conditions.
        seed: of what is drawn.
        size: from 0, nothing, to 1.
        species: (N,) which kind of particle, whole numbers, one of which is dropped; by default those whose
            brightest pixel is in the lower half along x are one kind.
        pool: (T, H, W) responses and (T, F) conditions that the memoriser knows; by default a tenth of the
            rows.

    Raises:
        ValueError: the name is unknown, the size is out of range, or the arrays are empty, not finite or do
            not fit together.
    """
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
    if not 0 <= size <= 1:
        raise ValueError(f"size should be from 0 to 1, found {size:g}")
    images, told = _told(responses, conditions, "responses")
    owner = labels(particle, len(images), "particle")
    if species is None:
        count, height, width = images.shape
        kind = (images.reshape(count, -1).argmax(axis=1) // width < height // 2).astype(np.int64)
    else:
        kind = labels(species, len(images), "species")
    if pool is None:
        draw = rng.uniform(rng.keys(rng.derive(seed, "faults", "pool"), np.arange(len(images))), 0)
        known = draw <= np.quantile(draw, POOL)
        given = images[known], told[known]
    else:
        given = _told(*pool, "pool")
    for what, here, there in (
        ("images", images.shape[1:], given[0].shape[1:]),
        ("conditions", told.shape[1:], given[1].shape[1:]),
    ):
        if here != there:
            raise ValueError(f"the pool's {what} should have the shape {here}, found {there}")
    if size == 0:
        return images.copy()
    return FAULTS[name](Case(images, told, owner, kind, given, seed, size))


def whole(images: npt.ArrayLike, seed: int) -> Floats:
    """(N, H, W) contents as whole numbers, with the same mean: for simulators of photons, which are counted.

    Pixel after pixel of a response the contents are added up, and a photon is put where the total passes the
    next whole number, counted from a random start: a response keeps its sum to less than a photon, and what
    is whole already stays as it is.

    Args:
        images: (N, H, W), not negative.
        seed: of the starts.
    """
    values = np.asarray(images, dtype=np.float64)
    total = np.cumsum(values.reshape(len(values), -1), axis=1)
    start = rng.uniform(rng.keys(rng.derive(seed, "faults", "whole"), np.arange(len(values))), 0)
    return np.diff(np.floor(total + start[:, None]), axis=1, prepend=0).reshape(values.shape)


def _told(responses: npt.ArrayLike, conditions: npt.ArrayLike, name: str) -> tuple[Floats, Floats]:
    images = np.asarray(responses, dtype=np.float64)
    if images.ndim != 3 or not images.size:
        raise ValueError(f"{name} should have the shape (N, H, W), found {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError(f"{name} should be finite")
    told = table(conditions, "conditions")
    if len(told) != len(images):
        raise ValueError(f"conditions should have {len(images)} rows, found {len(told)}")
    return images, told
