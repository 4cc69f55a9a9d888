"""Showers on the tree: what is known of each depth, and which of its nodes are split."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .told import Shower, moments, told
from .tree import Floats, Ints, Tree


@dataclass(frozen=True)
class Scale:
    """Means and standard deviations of the logarithms of incident energies and of the shares deposited."""

    incident: tuple[float, float]
    deposited: tuple[float, float]

    @classmethod
    def fit(cls, incident: Floats, total: Floats) -> "Scale":
        """Of (N,) energies in one unit; showers without a deposit say nothing of its share."""
        hit = total > 0
        share = np.log(total[hit] / incident[hit]) if hit.any() else np.zeros(1)
        logs = np.log(incident)
        return cls(
            (float(logs.mean()), float(logs.std()) or 1.0), (float(share.mean()), float(share.std()) or 1.0)
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Scale":
        """The scale of a weights file.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        (mean, spread), (share, share_spread) = stored["incident"], stored["deposited"]
        return cls((float(mean), float(spread)), (float(share), float(share_spread)))

    def of_incident(self, incident: Floats) -> Floats:
        """(N,) standardised; what is far from the training's energies is cut, 4 deviations from the mean."""
        return np.clip((np.log(incident) - self.incident[0]) / self.incident[1], -4, 4)

    def of_deposited(self, incident: Floats, total: Floats) -> Floats:
        """(N,) standardised logarithm of the share deposited; 0 where there is none."""
        share = np.log(np.where(total > 0, total, incident) / incident)
        return np.where(total > 0, (share - self.deposited[0]) / self.deposited[1], 0.0)


@dataclass(frozen=True)
class Splits:
    """Some nodes that are split, of one depth and kind.

    Attributes:
        kind: an index of :data:`.tree.KINDS`.
        rows: (n,) the shower of each.
        nodes: (n,) its number at the depth.
        known: (n, WIDTH) what its split is told.
        place: (n,) of the node.
        layer: (n,) of the node.
    """

    kind: int
    rows: Ints
    nodes: Ints
    known: npt.NDArray[np.float32]
    place: Ints
    layer: Ints


class Known:
    """What is known of (N,) showers while they are drawn, or looked at, depth by depth.

    Args:
        tree: of the calorimeter.
        scale: of the energies.
        incident: (N,) energies.
        total: (N,) deposited ones.
    """

    def __init__(self, tree: Tree, scale: Scale, incident: Floats, total: Floats) -> None:
        self._tree = tree
        deposited = scale.of_deposited(incident, total)
        self._shower = Shower(scale.of_incident(incident), deposited, np.maximum(total, 1e-30))
        self._by_layer: Floats | None = None

    def splits(
        self,
        number: int,
        energies: Floats,
        above: Floats,
        choose: "npt.NDArray[np.bool_] | None" = None,
    ) -> Splits | None:
        """The nodes of a depth with energy that have two children; ``None`` if there are none.

        Args:
            number: of the depth.
            energies: (N, n) of its nodes.
            above: (N, m) of those before.
            choose: (N, n) of these, by default all.
        """
        depth = self._tree.depths[number]
        two = depth.kind >= 0
        if not two.any():
            return None
        kind = int(depth.kind[two][0])
        if kind > 0 and self._by_layer is None:  # the first depth at which every node is of one layer
            self._by_layer = np.zeros((len(energies), self._tree.layers))
            self._by_layer[:, depth.layer] = energies
            self._moment = moments(energies, depth, self._tree.layers)
        moment = self._moment if kind > 0 else moments(energies, depth, self._tree.layers)
        wanted = (energies > 0) & two
        if choose is not None:
            wanted &= choose
        rows, nodes = np.nonzero(wanted)
        known = told(depth, energies, above, self._shower, moment, self._by_layer, rows, nodes)
        return Splits(kind, rows, nodes, known, depth.place[nodes], depth.layer[nodes])


def walk(
    tree: Tree, known: Known, energies: list[Floats], choose: "list[npt.NDArray[np.bool_]] | None" = None
) -> Iterator[tuple[Splits, Floats, Floats, Floats]]:
    """Depth by depth of finished showers: its splits, and the energies of nodes and both children."""
    for number, depth in enumerate(tree.depths):
        own = energies[number]
        above = energies[number - 1] if number else own
        splits = known.splits(number, own, above, None if choose is None else choose[number])
        if splits is not None and len(splits.rows):
            below = energies[number + 1]
            first = below[splits.rows, depth.left[splits.nodes]]
            second = below[splits.rows, depth.right[splits.nodes]]
            yield splits, own[splits.rows, splits.nodes], first, second
