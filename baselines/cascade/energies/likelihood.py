"""The likelihood of showers: the total energy, then every split of the tree.

With E the energy deposited, E_0 the incident one and e_n that of a node,

    log p = log p(E | E_0) + sum over splits [ log P(pattern) + if both are hit: log Beta(share) - log e_n ]

a density over the energies of the voxels that are hit, in one over their unit each, times the probability of
which these are. E of a shower without energy has a probability instead.
"""

import numpy as np
import torch
from torch import Tensor

from .networks import EnergyCascade, log_split, log_total
from .showers import Known, Scale, Splits, walk
from .tree import KINDS, Floats, Tree

FACTORS = ("total", *KINDS)


def of_total(model: EnergyCascade, scale: Scale, incident: Floats, total: Floats) -> Tensor:
    """(N,) log density of the standardised logarithm of the share deposited, or log probability of none."""
    outputs = model.total(torch.from_numpy(scale.of_incident(incident).astype(np.float32)))
    deposited = torch.from_numpy(scale.of_deposited(incident, total).astype(np.float32))
    return log_total(outputs, deposited, torch.from_numpy(total > 0))


def of_splits(model: EnergyCascade, splits: Splits, own: Floats, first: Floats, second: Floats) -> Tensor:
    """(n,) log probability of each split's pattern and log density of its share, less the Jacobian.

    Args:
        model: the networks.
        splits: n of one kind.
        own: (n,) energies of the nodes.
        first: (n,) of their first children.
        second: (n,) of their second children.
    """
    known, place, layer = (torch.from_numpy(each) for each in (splits.known, splits.place, splits.layer))
    pattern = np.where(second == 0, 0, np.where(first == 0, 1, 2))
    logs = [
        torch.from_numpy((np.log(np.where(part > 0, part, own)) - np.log(own)).astype(np.float32))
        for part in (first, second)
    ]
    return log_split(model.splits[splits.kind](known, place, layer), torch.from_numpy(pattern), *logs)


@torch.no_grad()
def log_factors(
    model: EnergyCascade, tree: Tree, scale: Scale, incident: Floats, voxels: Floats
) -> dict[str, Floats]:
    """(N,) terms of the log likelihood by name, :data:`FACTORS`.

    Args:
        model: in evaluation mode.
        tree: of the calorimeter.
        scale: of the energies.
        incident: (N,) energies.
        voxels: (N, V) energies in the same unit.
    """
    energies = tree.energies(voxels)
    total = energies[0][:, 0]
    found = {name: np.zeros(len(voxels)) for name in FACTORS}
    jacobian = np.where(total > 0, np.log(np.where(total > 0, total, 1)) + np.log(scale.deposited[1]), 0)
    found["total"] = of_total(model, scale, incident, total).double().numpy() - jacobian
    known = Known(tree, scale, incident, total)
    for splits, own, first, second in walk(tree, known, energies):
        values = of_splits(model, splits, own, first, second).double().numpy()
        values = values - np.log(own) * ((first > 0) & (second > 0))
        found[KINDS[splits.kind]] += np.bincount(splits.rows, weights=values, minlength=len(voxels))
    return found
