"""Drawing showers: depth by depth, all nodes of a depth together, in NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from simbench.harness import rng

from .. import variates
from ..layers import Dense, array, silu
from .networks import HIGHEST, LOWEST, PATTERNS, PER_COMPONENT, SPREAD, EnergyCascade, SplitNetwork
from .showers import Known, Scale, Splits
from .tree import Floats, Tree

_TOTAL, _DEPTH = 0, 1  # numbers of a shower's keys: for its total, and from where on for its depths
_NODES = 200_000  # drawn at a time


class _Split:
    """A :class:`SplitNetwork` in NumPy."""

    def __init__(self, network: SplitNetwork) -> None:
        self._local = array(network.local.weight.T), array(network.local.bias)
        self._place, self._layer = array(network.place.weight), array(network.layer.weight)
        self._hidden = array(network.hidden.weight.T), array(network.hidden.bias)
        self._out = array(network.out.weight.T), array(network.out.bias)

    def __call__(self, splits: Splits, part: slice) -> npt.NDArray[np.float32]:
        """(n, outputs) of a part of the splits."""
        first = splits.known[part] @ self._local[0] + self._local[1]
        first += self._place[splits.place[part]]
        first += self._layer[splits.layer[part]]
        return silu(silu(first) @ self._hidden[0] + self._hidden[1]) @ self._out[0] + self._out[1]


class Sampler:
    """Draws showers of a trained model."""

    def __init__(self, model: EnergyCascade, tree: Tree, scale: Scale) -> None:
        self._tree, self._scale = tree, scale
        self._total = Dense(model.total.chain, open_end=True)
        self._splits = [_Split(network) for network in model.splits if isinstance(network, SplitNetwork)]

    def draw(self, incident: Floats, keys: rng.Keys) -> Floats:
        """(N, V) energies of showers of (N,) incident energies, with keys (N,)."""
        total = self._draw_total(incident, rng.split(keys, _TOTAL))
        known = Known(self._tree, self._scale, incident, total)
        energies = above = total[:, None]
        for number, depth in enumerate(self._tree.depths):
            below = energies[:, np.repeat(np.arange(len(depth.left)), 1 + (depth.left != depth.right))]
            splits = known.splits(number, energies, above)
            if splits is not None:
                node = rng.split(rng.split(keys[splits.rows], _DEPTH + number), splits.nodes)
                first = self._shares(splits, node)
                own = energies[splits.rows, splits.nodes]
                below[splits.rows, depth.left[splits.nodes]] = own * first[0]
                below[splits.rows, depth.right[splits.nodes]] = own * first[1]
            above, energies = energies, below
        return energies[:, self._tree.leaf]

    def _draw_total(self, incident: Floats, keys: rng.Keys) -> Floats:
        out = self._total(self._scale.of_incident(incident).astype(np.float32)[:, None]).astype(np.float64)
        weight, mean, width = out[:, 1:].reshape(len(out), -1, 3).transpose(2, 1, 0)
        u, v = rng.uniform2(keys, 0)
        chosen = variates.choose(np.exp(weight - weight.max(axis=0)), u), np.arange(len(out))
        found = mean[chosen] + np.exp(np.clip(width[chosen], *SPREAD)) * ndtri(v)
        share = np.exp(self._scale.deposited[0] + self._scale.deposited[1] * np.clip(found, -30, 30))
        return np.where(rng.uniform(keys, 2) < expit(out[:, 0] - 4.0), 0.0, incident * share)

    def _shares(self, splits: Splits, keys: rng.Keys) -> npt.NDArray[np.float64]:
        """(2, n) the shares of both children, 0 of one that is not hit."""
        found = np.empty((2, len(keys)))
        for start in range(0, len(keys), _NODES):
            part = slice(start, start + _NODES)
            found[:, part] = shares(self._splits[splits.kind](splits, part), keys[part])
        return found


def shares(outputs: npt.NDArray[np.float32], keys: rng.Keys) -> Any:
    """(2, n) shares of both children; the drawing twin of :func:`.networks.log_split`."""
    out = outputs.astype(np.float64).T
    draws = variates.Draws.of(np.zeros(len(keys), np.int64), keys, 2)
    pattern = variates.choose(np.exp(out[:PATTERNS] - out[:PATTERNS].max(axis=0)), rng.uniform(keys, 1))
    weight, mean, concentration = (out[PATTERNS + at :: PER_COMPONENT] for at in range(PER_COMPONENT))
    chosen = variates.choose(np.exp(weight - weight.max(axis=0)), draws.component), np.arange(len(keys))
    total = np.exp(np.clip(concentration[chosen], LOWEST, HIGHEST))
    parameters = np.stack([total * expit(mean[chosen]) + 1e-3, total * expit(-mean[chosen]) + 1e-3])
    logs = variates.log_gamma_variates(parameters, draws)
    step = logs[0] - logs[1]
    found = np.stack([expit(step), expit(-step)])
    found[0] = np.where(pattern == 2, found[0], pattern == 0)
    found[1] = np.where(pattern == 2, found[1], pattern == 1)
    return found
