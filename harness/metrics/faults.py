"""Simulators that are wrong on purpose: what does a metric say of each, and from which size on?

Each takes the responses of a **perfect** simulator, such as an independent run of the Monte Carlo, and spoils
them. ``size`` goes from 0, nothing is changed, to 1. Where it says "a share", so many responses are changed
in full, which ones being a matter of the seed. Rows stay in place: conditions and particles still fit.

:data:`FAULTS` has them by name, and :func:`spoiled` applies one.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from .. import rng
from .tools.arrays import Floats, Integers, labels, table

POOL = 0.1  # share of the rows that the memoriser knows
NOISE = 10.0  # noise pixels in a response, on average, at size 1
SPREAD = 0.5  # of the logarithm of the factor that overdispersed responses are multiplied by
TOP = 0.1  # share of the brightest

Masks = npt.NDArray[np.bool_]


class _Case:
    """Responses to spoil, and uniform numbers that hang on seed, purpose and row only."""

    def __init__(self, responses: Floats, conditions: Floats, particle: Integers, seed: int, size: float):
        self.responses, self.conditions, self.particle = responses, conditions, particle
        self.seed, self.size, self.rows = seed, size, np.arange(len(responses))

    def uniform(self, purpose: str) -> Floats:
        """(N,) in (0, 1)."""
        return rng.uniform(rng.keys(rng.derive(self.seed, "faults", purpose), self.rows), 0)

    def share(self) -> Masks:
        """(N,) which responses are changed: about ``size`` of them, and at a larger size these and more."""
        return self.uniform("share") < self.size

    def mixed(self, changed: Floats) -> Floats:
        """The changed responses for a share, the old ones for the others."""
        return np.where(self.share()[:, None, None], changed, self.responses)

    def sums(self) -> Floats:
        """(N,) photon sums."""
        return np.asarray(self.responses.sum(axis=(1, 2)))


def _perfect(case: _Case) -> Floats:
    """Nothing is wrong, whatever the size."""
    return case.responses.copy()


def _marginal_only(case: _Case) -> Floats:
    """A share of the responses is dealt out to the wrong rows: the pooled distribution stays as it is."""
    rows = np.flatnonzero(case.share())
    found = case.responses.copy()
    found[rows] = case.responses[rows[np.argsort(case.uniform("deal")[rows], kind="stable")]]
    return found


def _mean_only(case: _Case) -> Floats:
    """Fluctuations about the mean image of the particle shrink; at size 1 there are none."""
    owner = np.unique(case.particle, return_inverse=True)[1]
    order = np.argsort(owner, kind="stable")
    start = np.searchsorted(owner[order], np.arange(owner.max() + 1))
    total = np.add.reduceat(case.responses[order], start, axis=0)
    mean = total / np.bincount(owner)[:, None, None]
    return (1 - case.size) * case.responses + case.size * mean[owner]


def _shifted(case: _Case) -> Floats:
    """A share is shifted by a pixel along x; what leaves the edge is lost."""
    moved = np.zeros_like(case.responses)
    moved[:, 1:] = case.responses[:, :-1]
    return case.mixed(moved)


def _mirrored(case: _Case) -> Floats:
    """A share is mirrored along x."""
    return case.mixed(case.responses[:, ::-1])


def _rotated(case: _Case) -> Floats:
    """A share is rotated by half a turn."""
    return case.mixed(case.responses[:, ::-1, ::-1])


def _blurred(case: _Case) -> Floats:
    """Each pixel gives 1/2 of ``size`` of its content to its four neighbours; the edge keeps it."""
    given = case.size * 0.125 * case.responses
    found = case.responses - 4 * given
    for axis in (1, 2):
        for end in (0, -1):
            moved = np.roll(given, 1 if end == 0 else -1, axis=axis)
            edge = [slice(None)] * 3
            edge[axis] = slice(0, 1) if end == 0 else slice(-1, None)
            other = list(edge)
            other[axis] = slice(-1, None) if end == 0 else slice(0, 1)
            moved[tuple(edge)] = 0
            kept = np.zeros_like(given)
            kept[tuple(other)] = given[tuple(other)]
            found += moved + kept
    return found


def _core_squeezed(case: _Case) -> Floats:
    """Of the 8 pixels around the brightest, ``size`` of the content moves into it."""
    count, height, width = case.responses.shape
    place = case.responses.reshape(count, -1).argmax(axis=1)
    row, column = np.divmod(place, width)
    i, j = np.arange(height)[:, None], np.arange(width)
    near = (np.abs(i - row[:, None, None]) <= 1) & (np.abs(j - column[:, None, None]) <= 1)
    near[case.rows, row, column] = False
    moved = np.where(near, case.size * case.responses, 0)
    found = case.responses - moved
    found[case.rows, row, column] += moved.sum(axis=(1, 2))
    return found


def _noise_pixels(case: _Case) -> Floats:
    """Single photons in pixels anywhere, ``10 size`` of them in each response on average."""
    draw = np.random.default_rng(rng.derive(case.seed, "faults", "noise"))
    share = NOISE * case.size / case.responses[0].size
    return case.responses + draw.poisson(share, case.responses.shape)


def _memoriser(case: _Case) -> Floats:
    """A share is a response of a tenth of all rows instead, of the one nearest in the first condition."""
    known = np.flatnonzero(case.uniform("pool") <= np.quantile(case.uniform("pool"), POOL))
    height = case.conditions[:, 0]
    known = known[np.argsort(height[known], kind="stable")]
    right = np.searchsorted(height[known], height).clip(0, len(known) - 1)
    left = (right - 1).clip(0)
    nearer = np.abs(height[known[left]] - height) < np.abs(height[known[right]] - height)
    return case.mixed(case.responses[known[np.where(nearer, left, right)]])


def _mode_dropped(case: _Case) -> Floats:
    """A share of the responses whose brightest pixel is in the lower half along x are others' instead."""
    count, height, width = case.responses.shape
    low = case.responses.reshape(count, -1).argmax(axis=1) // width < height // 2
    rest = np.flatnonzero(~low)
    if not len(rest):
        return case.responses.copy()
    taken = rest[(case.uniform("other") * len(rest)).astype(np.int64)]
    return np.where((low & case.share())[:, None, None], case.responses[taken], case.responses)


def _overdispersed(case: _Case) -> Floats:
    """Each response is multiplied by ``exp(z - s^2 / 2)``, z normal with spread ``s = size / 2``: mean 1."""
    from scipy.special import ndtri

    spread = SPREAD * case.size
    factor = np.exp(spread * ndtri(case.uniform("factor")) - spread**2 / 2)
    return case.responses * factor[:, None, None]


def _empties(case: _Case) -> Floats:
    """A share is empty."""
    return case.mixed(np.zeros_like(case.responses))


def _brightest_cut(case: _Case) -> Floats:
    """What the brightest tenth has above the bound of the tenth is taken away; ``size`` of it."""
    total = case.sums()
    bound = np.quantile(total, 1 - TOP)
    above = (total - bound).clip(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(above > 0, 1 - case.size * above / total, 1)
    return case.responses * factor[:, None, None]


Fault = Callable[[_Case], Floats]
FAULTS: Mapping[str, Fault] = {
    "perfect": _perfect,
    "marginal-only": _marginal_only,
    "mean-only": _mean_only,
    "shifted": _shifted,
    "mirrored": _mirrored,
    "rotated": _rotated,
    "blurred": _blurred,
    "core-squeezed": _core_squeezed,
    "noise-pixels": _noise_pixels,
    "memoriser": _memoriser,
    "mode-dropped": _mode_dropped,
    "overdispersed": _overdispersed,
    "empties": _empties,
    "brightest-cut": _brightest_cut,
}


def spoiled(
    name: str,
    responses: npt.ArrayLike,
    conditions: npt.ArrayLike,
    particle: npt.ArrayLike,
    *,
    seed: int = 0,
    size: float = 1.0,
) -> Floats:
    """(N, H, W) responses with a fault; contents are no whole numbers any more where it scales or averages.

    Args:
        name: of :data:`FAULTS`, each of which says in its docstring what it does.
        responses: (N, H, W) of a perfect simulator, not negative.
        conditions: (N, F) theirs, any units; the first is looked at only.
        particle: (N,) which rows share their conditions.
        seed: of what is drawn.
        size: from 0, nothing, to 1.

    Raises:
        ValueError: the name is unknown, the size is out of range, or the arrays are empty, not finite or do
            not fit together.
    """
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
    if not 0 <= size <= 1:
        raise ValueError(f"size should be from 0 to 1, found {size:g}")
    images = np.asarray(responses, dtype=np.float64)
    if images.ndim != 3 or not images.size:
        raise ValueError(f"responses should have the shape (N, H, W), found {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("responses should be finite")
    told = table(conditions, "conditions")
    if len(told) != len(images):
        raise ValueError(f"conditions should have {len(images)} rows, found {len(told)}")
    owner = labels(particle, len(images), "particle")
    if size == 0:
        return images.copy()
    return FAULTS[name](_Case(images, told, owner, seed, size))
