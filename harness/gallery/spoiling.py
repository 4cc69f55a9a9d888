"""What each deliberately wrong simulator does to the responses of a perfect one.

A fault is a function of a :class:`Case`. Its ``size`` goes from 0, nothing is changed, to 1; where it says "a
share", so many responses are changed in full.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import rng
from ..metrics.tools.arrays import Floats, Integers

NOISE = 10.0  # noise pixels in a response, on average, at size 1
SPREAD = 0.5  # of the logarithm of the factor that overdispersed responses are multiplied by
TOP = 0.1  # share of the brightest

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """Responses to spoil, and uniform numbers that hang on seed, purpose and row only.

    Attributes:
        responses: (N, H, W) of a perfect simulator.
        conditions: (N, F) theirs.
        particle: (N,) which rows share their conditions.
        species: (N,) which kind of particle.
        pool: (T, H, W) responses and (T, F) conditions that a memoriser knows.
        seed: of what is drawn.
        size: above 0, at most 1.
    """

    responses: Floats
    conditions: Floats
    particle: Integers
    species: Integers
    pool: tuple[Floats, Floats]
    seed: int
    size: float

    @property
    def rows(self) -> Integers:
        """(N,)"""
        return np.arange(len(self.responses))

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


def _perfect(case: Case) -> Floats:
    """Nothing is wrong, whatever the size."""
    return case.responses.copy()


def _marginal_only(case: Case) -> Floats:
    """A share of the responses is dealt out to the wrong rows: the pooled distribution stays as it is."""
    rows = np.flatnonzero(case.share())
    found = case.responses.copy()
    found[rows] = case.responses[rows[np.argsort(case.uniform("deal")[rows], kind="stable")]]
    return found


def _mean_only(case: Case) -> Floats:
    """Fluctuations about the mean image of the particle shrink; at size 1 there are none."""
    owner = np.unique(case.particle, return_inverse=True)[1]
    order = np.argsort(owner, kind="stable")
    start = np.searchsorted(owner[order], np.arange(owner.max() + 1))
    total = np.add.reduceat(case.responses[order], start, axis=0)
    mean = total / np.bincount(owner)[:, None, None]
    return (1 - case.size) * case.responses + case.size * mean[owner]


def _shifted(case: Case) -> Floats:
    """A share is shifted by a pixel along x; what leaves the edge is lost."""
    moved = np.zeros_like(case.responses)
    moved[:, 1:] = case.responses[:, :-1]
    return case.mixed(moved)


def _mirrored(case: Case) -> Floats:
    """A share is mirrored along x."""
    return case.mixed(case.responses[:, ::-1])


def _transposed(case: Case) -> Floats:
    """In a share x and y are exchanged; images that are not square are turned by half a turn."""
    height, width = case.responses.shape[1:]
    turned = case.responses[:, ::-1, ::-1]
    return case.mixed(case.responses.swapaxes(1, 2) if height == width else turned)


def _blurred(case: Case) -> Floats:
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


def _core_squeezed(case: Case) -> Floats:
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


def _noise_pixels(case: Case) -> Floats:
    """Single photons in pixels anywhere, ``10 size`` of them in each response on average."""
    draw = np.random.default_rng(rng.derive(case.seed, "faults", "noise"))
    share = NOISE * case.size / case.responses[0].size
    return case.responses + draw.poisson(share, case.responses.shape)


def _memoriser(case: Case) -> Floats:
    """A share is a response of the training data: that of the nearest conditions among a few thousand."""
    from scipy.spatial import cKDTree

    known, conditions = case.pool
    centre, spread = conditions.mean(axis=0), conditions.std(axis=0)
    spread[spread == 0] = 1.0
    near = cKDTree((conditions - centre) / spread).query((case.conditions - centre) / spread)[1]
    return case.mixed(known[near])


def _mode_dropped(case: Case) -> Floats:
    """A share of the responses of the species that brings most light are others' instead."""
    kinds = np.unique(case.species, return_inverse=True)[1]
    lost = kinds == np.bincount(kinds, weights=case.sums()).argmax()
    rest = np.flatnonzero(~lost)
    if not len(rest):
        return case.responses.copy()
    taken = rest[(case.uniform("other") * len(rest)).astype(np.int64)]
    return np.where((lost & case.share())[:, None, None], case.responses[taken], case.responses)


def _overdispersed(case: Case) -> Floats:
    """Each response is multiplied by ``exp(z - s^2 / 2)``, z normal with spread ``s = size / 2``: mean 1."""
    from scipy.special import ndtri

    spread = SPREAD * case.size
    factor = np.exp(spread * ndtri(case.uniform("factor")) - spread**2 / 2)
    return case.responses * factor[:, None, None]


def _empties(case: Case) -> Floats:
    """A share is empty."""
    return case.mixed(np.zeros_like(case.responses))


def _brightest_cut(case: Case) -> Floats:
    """What the brightest tenth has above the bound of the tenth is taken away; ``size`` of it."""
    total = case.sums()
    bound = np.quantile(total, 1 - TOP)
    above = (total - bound).clip(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(above > 0, 1 - case.size * above / total, 1)
    return case.responses * factor[:, None, None]


Fault = Callable[[Case], Floats]
FAULTS: Mapping[str, Fault] = {
    "perfect": _perfect,
    "marginal-only": _marginal_only,
    "mean-only": _mean_only,
    "shifted": _shifted,
    "mirrored": _mirrored,
    "transposed": _transposed,
    "blurred": _blurred,
    "core-squeezed": _core_squeezed,
    "noise-pixels": _noise_pixels,
    "memoriser": _memoriser,
    "mode-dropped": _mode_dropped,
    "overdispersed": _overdispersed,
    "empties": _empties,
    "brightest-cut": _brightest_cut,
}
