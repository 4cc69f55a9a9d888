"""The router's losses. Equation numbers are those of ExpertSim (arXiv:2508.20991).

They train the router alone: the experts' losses and intensities come detached.
"""

from itertools import combinations

import torch
from torch import Tensor

EPSILON = 1e-8
LEAST_SPREAD = 1e-3  # of log photon sums in a batch, below which they count as equal


def routing(gate: Tensor, choice: Tensor, losses: Tensor) -> Tensor:
    """The first term of Eq. 8, a scalar: the mean over rows of gate x (loss - mean loss of the batch).

    Only the expert that was chosen has been run on a row. Without the mean taken off, the term would push
    away from whichever expert was chosen, in proportion to what the losses have in common; so equal losses
    give no gradient at all.

    Args:
        gate: straight-through gate (B, N).
        choice: the chosen experts (B,).
        losses: of the chosen expert on each row, (B,); NaN where it was not run.
    """
    known = ~losses.isnan()
    mean = losses[known].mean() if known.any() else losses.new_zeros(())
    advantage = torch.where(known, losses - mean, torch.zeros_like(losses)).detach()
    chosen = gate.gather(1, choice[:, None]).squeeze(1)
    return (chosen * advantage).mean()


def utilisation(probability: Tensor) -> Tensor:
    """L_util (Eq. 6), a scalar: minus the entropy of the mean gate probability.

    Smallest, -log N, for an even load. The paper's text asks for this; its formula has the other sign.

    Args:
        probability: softmax of the router's logits (B, N), times the rows' weights where they have some.
    """
    mean = probability.sum(0) / probability.sum()
    return (mean * torch.log(mean + EPSILON)).sum()


def differentiation(probability: Tensor, intensity: Tensor, used: Tensor) -> Tensor:
    """L_diff (Eq. 7), a scalar: minus the squared differences of the experts' mean intensities, pair by pair.

    Args:
        probability: softmax of the router's logits (B, N), times the rows' weights where they have some.
        intensity: of the generated responses (B,); detached here.
        used: (N,) booleans: experts without a row in the batch are left out.
    """
    weight = probability.sum(0)
    mean = (probability * intensity.detach()[:, None]).sum(0) / (weight + EPSILON)
    pairs = [(mean[i] - mean[j]).square() for i, j in combinations(used.nonzero().flatten().tolist(), 2)]
    return -torch.stack(pairs).sum() if pairs else probability.sum() * 0


def standardised(sums: Tensor) -> Tensor:
    """log(1 + photons) of sums (B,) in units of its standard deviation in the batch: free of a dimension."""
    logs = torch.log1p(sums)
    return logs / logs.std().clamp(min=LEAST_SPREAD) if len(logs) > 1 else logs
