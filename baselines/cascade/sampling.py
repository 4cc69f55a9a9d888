"""Drawing responses: level by level, all parents of a round together, in NumPy.

The networks are those of :mod:`.model`, with their first layers taken apart: what concerns the response or
the place is worked out once a response or a level, and a round adds only the children that earlier rounds
have drawn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from simbench.harness import rng

from . import surroundings, variates
from .model import Cascade
from .splits import CHILDREN, LEAST, PER_COMPONENT, SplitNetwork
from .sums import Bins
from .surroundings import CHILDREN_AROUND, DRAWN_BEFORE
from .tree import CHILDREN as OFFSETS
from .tree import colour

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_KNOWN = surroundings.WIDTH - surroundings.CHILDREN
_SUM, _LEVEL = 0, 1  # numbers of a response's keys: for its sum, and from where on for its levels


def _array(parameter: Any) -> Floats:
    return np.ascontiguousarray(parameter.detach().cpu().numpy(), dtype=np.float32)


def _silu(x: Floats) -> Floats:
    return np.asarray(0.5 * x * (1 + np.tanh(0.5 * x)))


class _Dense:
    """A chain of linear layers with SiLU after each but, if ``open_end``, the last."""

    def __init__(self, chain: nn.Module, open_end: bool = False) -> None:
        layers = [layer for layer in chain.modules() if isinstance(layer, nn.Linear)]
        self._layers = [(_array(layer.weight.T), _array(layer.bias)) for layer in layers]
        self._open_end = open_end

    def __call__(self, x: Floats) -> Floats:
        last = len(self._layers) - 1
        for number, (weight, bias) in enumerate(self._layers):
            x = x @ weight + bias
            if number < last or not self._open_end:
                x = _silu(x)
        return x


class _Split:
    """A :class:`SplitNetwork`, taken apart."""

    def __init__(self, network: SplitNetwork, width: int) -> None:
        local = _array(network.local.weight.T)
        self._known = local[:_KNOWN]
        self._around = [np.ascontiguousarray(local[_KNOWN:][DRAWN_BEFORE[k]]) for k in range(4)]
        self._context = _array(network.context.weight.T)
        place = _array(network.cell.weight) @ _array(network.place.weight.T)
        i, j = np.divmod(np.arange(len(place)), width)
        self._place = place + _array(network.colour.weight)[colour(i, j)] + _array(network.local.bias)
        self._hidden = _array(network.hidden.weight.T), _array(network.hidden.bias)
        self._out = _array(network.out.weight.T), _array(network.out.bias)

    def start(self, known: Floats, context: Floats, b: Ints, cell: Ints) -> Floats:
        """The first layer (n, width) before anything of this level is drawn; arguments as there."""
        first = known @ self._known
        first += (context @ self._context)[b]
        first += self._place[cell]
        return first

    def finish(self, first: Floats, around: Floats | None, round_: int) -> Floats:
        """The outputs, with the children (n, k) drawn before this round."""
        if around is not None:
            first = first + around @ self._around[round_]
        hidden = np.maximum(first, 0) @ self._hidden[0]
        hidden += self._hidden[1]
        np.maximum(hidden, 0, out=hidden)
        return np.asarray(hidden @ self._out[0] + self._out[1])


@dataclass
class _Level:
    """What is drawn of a level: its counts (N, h, w), and their frame."""

    counts: npt.NDArray[np.int32]
    frame: Floats


class Sampler:
    """Draws responses of a trained model.

    Args:
        model: the networks.
        bins: of the photon sum.
    """

    def __init__(self, model: Cascade, bins: Bins) -> None:
        self._tree, self._bins, self._sizes = model.image_tree, bins, model.sizes
        self._sums = [_Dense(member, open_end=True) for member in model.sums.members]
        self._coarse, self._fine, self._top = _Dense(model.coarse), _Dense(model.fine), _Dense(model.top)
        self._many, self._single, self._present = [], [], []
        for level in range(self._tree.depth):
            many, single, columns = model.many[level], model.one_photon(level), self._tree.shapes[level][1]
            if not isinstance(many, SplitNetwork):
                raise TypeError(f"level {level} has no split network")
            self._many.append(_Split(many, columns))
            self._single.append(None if single is None else _Split(single, columns))
            self._present.append(self._tree.present(level))

    def log_bins(self, scaled: Floats) -> npt.NDArray[np.float64]:
        """(N, B) log probabilities of the bins of the photon sum, for scaled conditions (N, K)."""
        total: Any = 0.0
        for member in self._sums:
            logits = member(scaled).astype(np.float64)
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            total = total + p / p.sum(axis=1, keepdims=True)
        return np.asarray(np.log(np.maximum(total / len(self._sums), 1e-300)))

    def draw_sums(self, scaled: Floats, keys: rng.Keys, least: int) -> Ints:
        """(N,) photon sums of at least ``least``."""
        u, v = rng.uniform2(rng.split(keys, _SUM), 0)
        return self._bins.draw(self.log_bins(scaled), least, u, v)

    def draw(
        self, scaled: Floats, place: Floats | None, keys: rng.Keys, least: int = 0
    ) -> npt.NDArray[np.int32]:
        """Responses (N, H, W).

        Args:
            scaled: (N, K) scaled conditions.
            place: (N, 2) impacts in pixels, or ``None``.
            keys: (N,) of the responses.
            least: their least photon sum.
        """
        return self.share_out(self.draw_sums(scaled, keys, least), scaled, place, keys)

    def share_out(
        self, sums: Ints, scaled: Floats, place: Floats | None, keys: rng.Keys
    ) -> npt.NDArray[np.int32]:
        """Responses (N, H, W) with given photon sums (N,); other arguments as for :meth:`draw`."""
        tree = self._tree
        counts = sums.astype(np.int32).reshape(-1, 1, 1)
        above: Floats | None = None
        own = _Level(counts, surroundings.framed(counts))
        known = np.concatenate([scaled, np.log1p(sums.astype(np.float32))[:, None] / 3 - 1], axis=1)
        context = self._coarse(known)
        for level in range(tree.depth):
            if level == tree.top:
                top = np.log1p(own.counts.reshape(len(sums), -1).astype(np.float32))
                context = np.concatenate([self._fine(known), self._top(top)], axis=1)
            below = self._split(level, own, above, context, place, rng.split(keys, _LEVEL + level))
            above, own = own.frame, below
        return own.counts

    def _split(
        self,
        level: int,
        own: _Level,
        above: Floats | None,
        context: Floats,
        place: Floats | None,
        keys: rng.Keys,
    ) -> _Level:
        """The next level."""
        shape = self._tree.shapes[level + 1]
        below = _Level(
            np.zeros((len(own.counts), *shape), np.int32), surroundings.blank_frame(len(own.counts), shape)
        )
        b, i, j = np.nonzero(own.counts)
        n = own.counts[b, i, j].astype(np.int64)
        few = (n == 1) & (self._single[level] is not None)
        # Sorted by round, and within a round by network, every group is a slice.
        group = 2 * colour(i, j) + few
        order = np.argsort(group, kind="stable")
        b, i, j, n, group = (values[order] for values in (b, i, j, n, group))
        ends = np.searchsorted(group, np.arange(9))
        cell = i * own.counts.shape[2] + j
        node = rng.split(keys[b], cell)
        told = surroundings.known(self._tree, level, (above, own.frame), place, b, i, j)
        for round_ in range(4):
            drawn = []
            for single in (0, 1):
                part = slice(ends[2 * round_ + single], ends[2 * round_ + single + 1])
                if part.start == part.stop:
                    continue
                network = self._single[level] if single else self._many[level]
                assert network is not None  # noqa: S101 (groups of one photon are made only where it is)
                first = network.start(told[part], context, b[part], cell[part])
                around = None
                if round_:
                    offsets = CHILDREN_AROUND[DRAWN_BEFORE[round_]]
                    around = surroundings.patches(below.frame, b[part], 2 * i[part], 2 * j[part], offsets)
                outputs = network.finish(first, around, round_)
                present = self._present[level][cell[part]]
                counts = (
                    one_photon(outputs, present, node[part])
                    if single
                    else many_photons(outputs, present, n[part], node[part])
                )
                drawn.append((part, counts))
            for part, counts in drawn:
                row, child = np.nonzero(counts)
                u, v = np.array(OFFSETS)[child].T
                where = b[part][row], 2 * i[part][row] + u, 2 * j[part][row] + v
                found = counts[row, child]
                below.counts[where] = found
                surroundings.write(below.frame, found, *where)
        return below


def one_photon(outputs: Floats, present: npt.NDArray[np.bool_], keys: rng.Keys) -> Ints:
    """(n, 4) the child of a single photon; the NumPy twin of :func:`splits.one_photon`."""
    weights = np.exp(outputs - outputs.max(axis=1, keepdims=True)) * present
    counts = np.zeros((len(outputs), CHILDREN), dtype=np.int64)
    counts[np.arange(len(outputs)), variates.choose(weights, rng.uniform(keys, variates.COMPONENT))] = 1
    return counts


def many_photons(outputs: Floats, present: npt.NDArray[np.bool_], n: Ints, keys: rng.Keys) -> Ints:
    """(m, 4) counts of n photons (m,), from outputs (m, J * 6); the NumPy twin of :func:`splits.mixture`."""
    parts = outputs.reshape(len(outputs), -1, PER_COMPONENT)
    weights = parts[..., CHILDREN + 1]
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    component = variates.choose(weights, rng.uniform(keys, variates.COMPONENT))
    own = parts[np.arange(len(parts)), component].astype(np.float64)
    logits = np.where(present, own[:, :CHILDREN], -np.inf)
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    concentration = np.exp(np.clip(own[:, CHILDREN], -6, 9) + 1.5)
    alpha = (share * concentration[:, None] + LEAST) * present
    return variates.dirichlet_multinomial(n, alpha, keys)
