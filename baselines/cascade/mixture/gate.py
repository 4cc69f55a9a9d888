"""Which expert draws a response, and how many photons: p(k, N | condition), and given a photon threshold."""

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from simbench.harness import rng

from ..density.sums import Bins, SumNetworks
from ..layers import Dense, log_average
from ..variates import choose

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EXPERT, _SUM = 1 << 20, 0  # numbers of a response's keys; the sum's is that of a cascade, levels come after


class Gate:
    """The trained network of a mixture's experts and sums.

    Args:
        networks: with K * B outputs.
        bins: the B bins of the photon sum.
    """

    def __init__(self, networks: SumNetworks, bins: Bins) -> None:
        self._networks = [Dense(member, open_end=True) for member in networks.members]
        self._bins = bins

    def log_joint(self, scaled: npt.NDArray[np.float32]) -> Floats:
        """(N, K, B) log p(k, bin | condition) for scaled conditions (N, features)."""
        return log_average(self._networks, scaled).reshape(len(scaled), -1, len(self._bins))

    def log_sums(self, scaled: npt.NDArray[np.float32], sums: npt.NDArray[np.integer], least: int) -> Floats:
        """(N, K) log p(k, N | condition, N >= least).

        A sum below ``least`` has what it would have if it were possible: who draws it then is still known.
        """
        joint = self.log_joint(scaled)
        above, _ = self._bins.log_at_least(logsumexp(joint, axis=1), least)
        bins = np.maximum(self._bins.of(sums), 0)
        within = self._bins.log_within(sums) - above
        return np.asarray(joint[np.arange(len(sums)), :, bins] + within[:, None])

    def possible(self, sums: npt.NDArray[np.integer], least: int) -> npt.NDArray[np.bool_]:
        """(N,) which sums can be drawn."""
        return np.asarray((self._bins.of(sums) >= 0) & (sums >= least))

    def log_shares(self, scaled: npt.NDArray[np.float32], least: int) -> Floats:
        """(N, K) log p(k | condition, N >= least)."""
        return self._given(scaled, least)[0]

    def draw(self, scaled: npt.NDArray[np.float32], keys: rng.Keys, least: int) -> tuple[Ints, Ints]:
        """The expert (N,) of each response, and its photon sum (N,) of at least ``least``."""
        shares, joint = self._given(scaled, least)
        expert = choose(np.exp(shares).T, rng.uniform(rng.split(keys, _EXPERT), 0))
        u, v = rng.uniform2(rng.split(keys, _SUM), 0)
        own = joint[np.arange(len(expert)), expert]
        return expert, self._bins.draw(own, least, u, v)

    def _given(self, scaled: npt.NDArray[np.float32], least: int) -> tuple[Floats, Floats]:
        joint = self.log_joint(scaled)
        flat = joint.reshape(-1, len(self._bins))
        above = self._bins.log_at_least(flat, least)[0].reshape(joint.shape[:2])
        return above - logsumexp(above, axis=1, keepdims=True), joint
