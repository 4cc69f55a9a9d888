"""Which node of a calorimeter's tree is split into which: halves of layers, then of rings, then of angles.

All nodes of a depth are known before any of them is split, so each may be told what its neighbours hold.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
KINDS = ("layers", "rings", "angles")
NEIGHBOURS = (-2, -1, 1, 2)  # along the layers
_Range: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Calorimeter:
    """Layers of rings and angles, one after the other.

    Attributes:
        layers: how many rings, and how many angles each ring has; a layer's voxels are in the order of the
            angles, and within an angle of the rings.
        threshold: a voxel below it is empty, in the unit of the energies.
    """

    layers: tuple[tuple[int, int], ...]
    threshold: float = 0.0

    @property
    def voxels(self) -> int:
        """Of all layers."""
        return sum(rings * angles for rings, angles in self.layers)


@dataclass(frozen=True)
class _Node:
    """Ranges [low, high) of layers, and of the rings and angles of a single layer."""

    layers: _Range
    rings: _Range | None = None
    angles: _Range | None = None


@dataclass(frozen=True)
class Depth:
    """The n nodes of one depth.

    Attributes:
        parent: (n,) of each, among the nodes of the depth before; empty at the root.
        layer: (n,) its layer; of several the first.
        neighbours: (4, n) the nodes of the same rings and angles two and one layers before and behind, or -1.
        kind: (n,) what it is divided by, an index of :data:`KINDS`; -1 of one that only goes on.
        place: (n,) a number for what its split has in common with others: of layers, of rings wherever they
            lie, and of a ring and a number of angles, for no angle is different from another.
        left: (n,) its first child, among the nodes of the next depth.
        right: (n,) its second child; the first one if there is no other.
    """

    parent: Ints
    layer: Ints
    neighbours: Ints
    kind: Ints
    place: Ints
    left: Ints
    right: Ints


class Tree:
    """The tree of a calorimeter.

    Attributes:
        depths: those that are split, from the root on.
        voxel: (V,) of each leaf, the nodes of the last depth.
        leaf: (V,) of each voxel, the other way round.
        layer: (V,) of each leaf.
        places: how many different places each kind has.
        layers: how many there are.
    """

    def __init__(self, calorimeter: Calorimeter) -> None:
        self.layers = len(calorimeter.layers)
        nodes, parent = [_Node((0, self.layers))], np.zeros(0, np.int64)
        known: list[dict[object, int]] = [{} for _ in KINDS]
        self.depths: list[Depth] = []
        for kind in range(len(KINDS)):
            nodes = [_opened(node, kind, calorimeter) for node in nodes]
            while any(_ends(node, kind)[1] - _ends(node, kind)[0] > 1 for node in nodes):
                depth, nodes = _split(nodes, parent, kind, known[kind])
                parent = np.repeat(np.arange(len(depth.left)), 1 + (depth.left != depth.right))
                self.depths.append(depth)
        self.places = tuple(max(len(each), 1) for each in known)
        first = np.cumsum([0, *(rings * angles for rings, angles in calorimeter.layers)])
        at = [
            first[node.layers[0]] + node.angles[0] * calorimeter.layers[node.layers[0]][0] + node.rings[0]
            for node in nodes
            if node.rings is not None and node.angles is not None
        ]
        self.voxel = np.array(at, np.int64)
        self.leaf = np.argsort(self.voxel)
        self.layer = np.array([node.layers[0] for node in nodes], np.int64)

    def energies(self, voxels: Floats) -> list[Floats]:
        """(N, n) energies of the nodes of each depth, and last those of the leaves, of (N, V) voxels."""
        found = [np.asarray(voxels, np.float64)[:, self.voxel]]
        for depth in reversed(self.depths):
            below = found[-1]
            two = depth.left != depth.right
            own = below[:, depth.left]
            own[:, two] += below[:, depth.right[two]]
            found.append(own)
        return found[::-1]


def _opened(node: _Node, kind: int, calorimeter: Calorimeter) -> _Node:
    """A node with the whole range of what is divided next."""
    rings, angles = calorimeter.layers[node.layers[0]]
    if kind == 1:
        return _Node(node.layers, (0, rings))
    return node if kind == 0 else _Node(node.layers, node.rings, (0, angles))


def _ends(node: _Node, kind: int) -> _Range:
    found = (node.layers, node.rings, node.angles)[kind]
    if found is None:
        raise ValueError(f"{node} has no {KINDS[kind]}")
    return found


def _halves(node: _Node, kind: int) -> list[_Node]:
    low, high = _ends(node, kind)
    if high - low < 2:
        return [node]
    middle = (low + high + 1) // 2
    parts = ((low, middle), (middle, high))
    if kind == 0:
        return [_Node(part) for part in parts]
    if kind == 1:
        return [_Node(node.layers, part) for part in parts]
    return [_Node(node.layers, node.rings, part) for part in parts]


def _split(
    nodes: list[_Node], parent: Ints, kind: int, known: dict[object, int]
) -> tuple[Depth, list[_Node]]:
    """The nodes of a depth, and those of the next one."""
    children: list[_Node] = []
    left, right, kinds, places = [], [], [], []
    for node in nodes:
        halves = _halves(node, kind)
        left.append(len(children))
        right.append(len(children) + len(halves) - 1)
        children += halves
        kinds.append(kind if len(halves) == 2 else -1)
        low, high = _ends(node, kind)
        name = (node.rings, high - low) if kind == 2 else (low, high)
        places.append(known.setdefault(name, len(known)) if len(halves) == 2 else 0)
    # Nodes of several layers are next to each other in their own order.
    at = [node.layers[0] if kind else index for index, node in enumerate(nodes)]
    order = {
        (where, node.rings, node.angles): index
        for index, (where, node) in enumerate(zip(at, nodes, strict=True))
    }
    neighbours = [
        [
            order.get((where + step, node.rings, node.angles), -1)
            for where, node in zip(at, nodes, strict=True)
        ]
        for step in NEIGHBOURS
    ]
    columns = (left, right, kinds, places, [node.layers[0] for node in nodes], neighbours)
    lefts, rights, of_kind, of_place, layer, beside = (np.array(column, np.int64) for column in columns)
    return Depth(parent, layer, beside, of_kind, of_place, lefts, rights), children
