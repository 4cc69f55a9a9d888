"""What a split is told of the shower, of its node and of the nodes around it: numbers drawn before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .tree import NEIGHBOURS, Depth, Floats, Ints

WIDTH = 8 + 2 * len(NEIGHBOURS)
_FAR = 6.0  # logarithms of ratios are cut at it


@dataclass(frozen=True)
class Shower:
    """What all splits of (N,) showers are told.

    Attributes:
        incident: logarithms of the incident energies, standardised.
        deposited: logarithms of the share that is deposited, standardised.
        total: energies deposited.
    """

    incident: Floats
    deposited: Floats
    total: Floats


def moments(energies: Floats, depth: Depth, layers: int) -> Floats:
    """(2, N) mean and standard deviation of the layer number over energy, in shares of all layers."""
    at = (depth.layer + 0.5) / layers
    total = np.maximum(energies.sum(axis=1), 1e-30)
    mean = energies @ at / total
    return np.stack([mean, np.sqrt(np.maximum(energies @ at**2 / total - mean**2, 0))])


def told(
    depth: Depth,
    energies: Floats,
    above: Floats,
    shower: Shower,
    moment: Floats,
    by_layer: Floats | None,
    rows: Ints,
    nodes: Ints,
) -> npt.NDArray[np.float32]:
    """(n, WIDTH) float32 of n nodes.

    Args:
        depth: of the nodes.
        energies: (N, nodes) of this depth.
        above: (N, nodes) of the depth before, or this one at the root.
        shower: of the N rows.
        moment: (2, N) of :func:`moments`.
        by_layer: (N, layers) energies of single layers; ``None`` before they are drawn.
        rows: (n,) the shower of each.
        nodes: (n,) its number at this depth.
    """
    own = energies[rows, nodes]
    parents = above[rows, depth.parent[nodes]] if len(depth.parent) else own
    layer = own if by_layer is None else by_layer[rows, depth.layer[nodes]]
    out = np.empty((len(rows), WIDTH), np.float32)
    out[:, 0], out[:, 1] = shower.incident[rows], shower.deposited[rows]
    log = np.log(own)
    out[:, 2] = log / 5
    out[:, 3] = np.maximum(log - np.log(parents), -_FAR) / 2
    out[:, 4] = np.maximum(log - np.log(shower.total[rows]), -2 * _FAR) / 4
    out[:, 5] = np.maximum(log - np.log(layer), -_FAR) / 2
    out[:, 6], out[:, 7] = 4 * moment[0, rows] - 1, 8 * moment[1, rows] - 1
    column = 8
    for beside in depth.neighbours:
        other = beside[nodes]
        there = other >= 0
        ratio = np.zeros(len(rows))
        ratio[there] = np.log(np.maximum(energies[rows[there], other[there]], 1e-30)) - log[there]
        out[:, column] = np.clip(ratio, -_FAR, _FAR) / 3
        out[:, column + 1] = there
        column += 2
    return out
