"""The networks of a cascade in NumPy: what draws responses wants no more of them than a few matrix products.

The first layer of a split is taken apart: what concerns the response or the place is worked out once a level,
and a round adds only the children that earlier rounds have drawn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from .density import surroundings
from .density.splits import SplitNetwork
from .density.surroundings import DRAWN_BEFORE
from .density.tree import colour

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_KNOWN = surroundings.WIDTH - surroundings.CHILDREN


def array(parameter: Any) -> Floats:
    """A tensor as it is multiplied with."""
    return np.ascontiguousarray(parameter.detach().cpu().numpy(), dtype=np.float32)


def silu(x: Floats) -> Floats:
    """SiLU: x times its logistic function."""
    return np.asarray(0.5 * x * (1 + np.tanh(0.5 * x)))


class Dense:
    """A chain of linear layers with SiLU after each but, if ``open_end``, the last."""

    def __init__(self, chain: nn.Module, open_end: bool = False) -> None:
        layers = [layer for layer in chain.modules() if isinstance(layer, nn.Linear)]
        self._layers = [(array(layer.weight.T), array(layer.bias)) for layer in layers]
        self._open_end = open_end

    def __call__(self, x: Floats) -> Floats:
        """(N, outputs) of inputs (N, K)."""
        last = len(self._layers) - 1
        for number, (weight, bias) in enumerate(self._layers):
            x = x @ weight + bias
            if number < last or not self._open_end:
                x = silu(x)
        return x


def log_average(networks: Sequence[Dense], x: Floats) -> npt.NDArray[np.float64]:
    """(N, outputs) log of the mean, over networks, of the probabilities that these give to their outputs."""
    total: Any = 0.0
    for network in networks:
        logits = network(x).astype(np.float64)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        total = total + p / p.sum(axis=1, keepdims=True)
    return np.asarray(np.log(np.maximum(total / len(networks), 1e-300)))


class Split:
    """A :class:`SplitNetwork`, taken apart."""

    def __init__(self, network: SplitNetwork, width: int) -> None:
        local = array(network.local.weight.T)
        self._known = local[:_KNOWN]
        self._around = [np.ascontiguousarray(local[_KNOWN:][DRAWN_BEFORE[k]]) for k in range(4)]
        self._context = array(network.context.weight.T)
        place = array(network.cell.weight) @ array(network.place.weight.T)
        i, j = np.divmod(np.arange(len(place)), width)
        self._place = place + array(network.colour.weight)[colour(i, j)] + array(network.local.bias)
        self._hidden = array(network.hidden.weight.T), array(network.hidden.bias)
        self._out = array(network.out.weight), array(network.out.bias)[:, None]

    def start(self, known: Floats, context: Floats, b: Ints, cell: Ints) -> Floats:
        """The first layer (n, width) before anything of this level is drawn.

        Args:
            known: (n, 54) what is known of the parents.
            context: (N, C) of the responses.
            b: (n,) which response a parent is of.
            cell: (n,) its number in its level.
        """
        first = known @ self._known
        first += (context @ self._context)[b]
        first += self._place[cell]
        return first

    def finish(self, first: Floats, around: Floats | None, round_: int) -> Floats:
        """The outputs (k, n), with the children (n, l) drawn before this round."""
        if around is not None:
            first = first + around @ self._around[round_]
        hidden = np.maximum(first, 0) @ self._hidden[0]
        hidden += self._hidden[1]
        np.maximum(hidden, 0, out=hidden)
        out = self._out[0] @ hidden.T
        out += self._out[1]
        return np.asarray(out)
