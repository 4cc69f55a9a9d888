"""Drawing responses: level by level, all parents of a round together, in NumPy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from . import variates
from .density import surroundings
from .density.aim import FAR
from .density.model import Cascade
from .density.splits import CHILDREN, LEAST, PER_COMPONENT, SplitNetwork
from .density.sums import Bins
from .density.surroundings import CHILDREN_AROUND, DRAWN_BEFORE
from .density.tree import CHILDREN as OFFSETS
from .density.tree import colour
from .layers import Dense, Split, log_average

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_AROUND = [CHILDREN_AROUND[known] for known in DRAWN_BEFORE]  # what each round sees of the children
_OFFSETS = np.array(OFFSETS).T
_SUM, _LEVEL = 0, 1  # numbers of a response's keys: for its sum, and from where on for its levels


@dataclass
class _Level:
    """What is drawn of a level: its counts (N, h, w), and their frame."""

    counts: npt.NDArray[np.int32]
    frame: Floats


@dataclass(frozen=True)
class _Parents:
    """The cells of a level that have photons, by network and within a network by round: groups are slices.

    Attributes:
        b: (n,) the response of each.
        i: (n,) its row.
        j: (n,) its column.
        n: (n,) its photons.
        cell: (n,) its number in the level.
        present: (4, n) which children exist.
        ends: where the four groups of many photons start, the four of one photon, and the end.
    """

    b: Ints
    i: Ints
    j: Ints
    n: Ints
    cell: Ints
    present: npt.NDArray[np.bool_]
    ends: list[int]

    @classmethod
    def of(cls, counts: npt.NDArray[np.int32], single: bool, present: npt.NDArray[np.bool_]) -> "_Parents":
        """Of a map (N, h, w); with ``single``, those of one photon apart; ``present`` (4, h * w)."""
        b, i, j = np.nonzero(counts)
        n = counts[b, i, j].astype(np.int64)
        group = colour(i, j)
        if single:
            group += 4 * (n == 1)
        order = np.argsort(group, kind="stable")
        b, i, j, n = b[order], i[order], j[order], n[order]
        cell = i * counts.shape[2] + j
        ends = np.searchsorted(group[order], np.arange(9)).tolist()
        return cls(b, i, j, n, cell, present[:, cell], ends)

    def halves(self) -> tuple[slice, slice]:
        """Those of many photons, and those of one."""
        return slice(0, self.ends[4]), slice(self.ends[4], self.ends[8])


class Sampler:
    """Draws responses of a trained model.

    Args:
        model: the networks.
        bins: of the photon sum.
    """

    def __init__(self, model: Cascade, bins: Bins) -> None:
        self._tree, self._bins, self._sizes = model.image_tree, bins, model.sizes
        self._sums = [Dense(member, open_end=True) for member in model.sums.members]
        self._aim = Dense(model.aim, open_end=True)
        self._coarse, self._fine, self._top = Dense(model.coarse), Dense(model.fine), Dense(model.top)
        self._many, self._single, self._present = [], [], []
        for level in range(self._tree.depth):
            many, single, columns = model.many[level], model.one_photon(level), self._tree.shapes[level][1]
            if not isinstance(many, SplitNetwork):
                raise TypeError(f"level {level} has no split network")
            self._many.append(Split(many, columns))
            self._single.append(None if single is None else Split(single, columns))
            self._present.append(np.ascontiguousarray(self._tree.present(level).T))

    def log_bins(self, scaled: Floats) -> npt.NDArray[np.float64]:
        """(N, B) log probabilities of the bins of the photon sum, for scaled conditions (N, K)."""
        return log_average(self._sums, scaled)

    def draw_sums(self, scaled: Floats, keys: rng.Keys, least: int) -> Ints:
        """(N,) photon sums of at least ``least``."""
        u, v = rng.uniform2(rng.split(keys, _SUM), 0)
        return self._bins.draw(self.log_bins(scaled), least, u, v)

    def _aimed(self, scaled: Floats, straight: Floats) -> Floats:
        """(N, 2) where light is expected; the NumPy twin of :class:`Aim`."""
        size = np.asarray(self._tree.shape, dtype=np.float32)
        line = np.clip(straight / size - np.float32(0.5), -FAR, FAR)
        out = self._aim(np.concatenate([scaled, line], axis=1))
        place = line / (1 + np.exp(-np.clip(out[:, 2:3], -50, 50))) + np.float32(0.5) * out[:, :2]
        return np.asarray((place + np.float32(0.5)) * size, dtype=np.float32)

    def draw(self, scaled: Floats, straight: Floats, keys: rng.Keys, least: int = 0) -> npt.NDArray[np.int32]:
        """Responses (N, H, W).

        Args:
            scaled: (N, K) scaled conditions.
            straight: (N, 2) ends of straight lines in pixels.
            keys: (N,) of the responses.
            least: their least photon sum.
        """
        return self.share_out(self.draw_sums(scaled, keys, least), scaled, straight, keys)

    def share_out(
        self, sums: Ints, scaled: Floats, straight: Floats, keys: rng.Keys
    ) -> npt.NDArray[np.int32]:
        """Responses (N, H, W) with given photon sums (N,); other arguments as for :meth:`draw`."""
        tree = self._tree
        places = np.concatenate([straight, self._aimed(scaled, straight)], axis=1)
        counts = sums.astype(np.int32).reshape(-1, 1, 1)
        above: Floats | None = None
        own = _Level(counts, surroundings.framed(counts))
        known = np.concatenate([scaled, np.log1p(sums.astype(np.float32))[:, None] / 3 - 1], axis=1)
        context = self._coarse(known)
        for level in range(tree.depth):
            if level == tree.top:
                top = np.log1p(own.counts.reshape(len(sums), -1).astype(np.float32))
                context = np.concatenate([self._fine(known), self._top(top)], axis=1)
            below = self._split(level, own, above, context, places, rng.split(keys, _LEVEL + level))
            above, own = own.frame, below
        return own.counts

    def _split(
        self,
        level: int,
        own: _Level,
        above: Floats | None,
        context: Floats,
        places: Floats,
        keys: rng.Keys,
    ) -> _Level:
        """The next level."""
        shape = self._tree.shapes[level + 1]
        frame = surroundings.blank_frame(len(own.counts), shape)
        below = _Level(np.zeros((len(own.counts), *shape), np.int32), frame)
        networks = self._many[level], self._single[level]
        parents = _Parents.of(own.counts, networks[1] is not None, self._present[level])
        b, i, j, cell = parents.b, parents.i, parents.j, parents.cell
        node, first_single = rng.split(keys[b], cell), parents.ends[4]
        chance = variates.Draws.of(parents.n[:first_single], node[:first_single], CHILDREN)
        chance_single = rng.uniform(node[first_single:], variates.COMPONENT)
        told = surroundings.known(self._tree, level, (above, own.frame), places, b, i, j)
        firsts = [
            None if network is None else network.start(told[part], context, b[part], cell[part])
            for network, part in zip(networks, parents.halves(), strict=True)
        ]
        for round_ in range(4):
            drawn: list[tuple[Ints, Ints, Ints | int]] = []
            for single, (network, first) in enumerate(zip(networks, firsts, strict=True)):
                start, stop = parents.ends[4 * single + round_ : 4 * single + round_ + 2]
                if network is None or first is None or start == stop:
                    continue
                part, skipped = slice(start, stop), single * first_single
                around = None
                if round_:
                    places_around = b[part], 2 * i[part], 2 * j[part]
                    around = surroundings.patches(below.frame, *places_around, _AROUND[round_])
                outputs = network.finish(first[start - skipped : stop - skipped], around, round_)
                present = parents.present[:, part]
                if single:
                    child = one_photon(outputs, present, chance_single[start - skipped : stop - skipped])
                    drawn.append((child, np.arange(start, stop), 1))
                else:
                    counts = many_photons(outputs, present, chance.part(start, stop))
                    child, parent = np.nonzero(counts)
                    drawn.append((child, parent + start, counts[child, parent]))
            for child, parent, found in drawn:
                u, v = _OFFSETS[:, child]
                where = b[parent], 2 * i[parent] + u, 2 * j[parent] + v
                below.counts[where] = found
                surroundings.write(below.frame, found, *where)
        return below


def one_photon(outputs: Floats, present: npt.NDArray[np.bool_], uniforms: npt.NDArray[np.float64]) -> Ints:
    """(n,) the child of a single photon; the NumPy twin of :func:`splits.one_photon`.

    Args:
        outputs: (4, n) of the network.
        present: (4, n) which children exist.
        uniforms: (n,) one for each photon.
    """
    return variates.choose(_exp(outputs) * present, uniforms)


def many_photons(outputs: Floats, present: npt.NDArray[np.bool_], draws: variates.Draws) -> Ints:
    """(4, m) counts of photons; the NumPy twin of :func:`splits.mixture`.

    Args:
        outputs: (J * 6, m) of the network.
        present: (4, m) which children exist.
        draws: of the parents.
    """
    weights = _exp(outputs[CHILDREN + 1 :: PER_COMPONENT])
    component = variates.choose(weights, draws.component)
    own = outputs[PER_COMPONENT * component + np.arange(CHILDREN + 1)[:, None], np.arange(len(component))]
    share = _exp(own[:CHILDREN]) * present
    concentration = np.exp(np.minimum(np.maximum(own[CHILDREN].astype(np.float64), -6), 9) + 1.5)
    alpha = (share * (concentration / share.sum(axis=0)) + LEAST) * present
    return variates.dirichlet_multinomial(alpha, draws)


def _exp(logits: Floats) -> npt.NDArray[np.float64]:
    """Weights that logits are the logarithms of, but for a common factor that does not matter."""
    return np.asarray(np.exp(np.minimum(np.maximum(logits.astype(np.float64), -600), 600)))
