"""How the photons of one cell fall to its four children: the networks, and the probability of a split.

Two or more photons follow a mixture of Dirichlet-multinomials, whose components say how unevenly they
cluster; a single photon, the most frequent case by far, follows four probabilities from a narrower network.
"""

import torch
from torch import Tensor, nn

from .surroundings import WIDTH

PLACE = 12  # numbers that are learned of each cell of a level
CHILDREN = 4
PER_COMPONENT = CHILDREN + 2  # shares, concentration, weight
LEAST = 1e-4  # added to every Dirichlet parameter: no child is impossible


class SplitNetwork(nn.Module):
    """From what is known of a parent to the parameters of its split.

    The first layer is a sum over what is told: the surroundings, the context of the response and the place of
    the cell; the last two are worked out once a response and once a level.

    Args:
        cells: of the parents' level.
        context: size of the response's context.
        width: of the hidden layers.
        outputs: numbers to be given.
    """

    def __init__(self, cells: int, context: int, width: int, outputs: int) -> None:
        super().__init__()
        self.local = nn.Linear(WIDTH, width)
        self.context = nn.Linear(context, width, bias=False)
        self.cell = nn.Embedding(cells, PLACE)
        self.place = nn.Linear(PLACE, width, bias=False)
        self.colour = nn.Embedding(4, width)
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, outputs)
        nn.init.normal_(self.cell.weight, std=0.3)
        nn.init.zeros_(self.colour.weight)
        with torch.no_grad():
            self.out.weight.mul_(0.1)

    def forward(self, local: Tensor, context: Tensor, rows: Tensor, cell: Tensor, colour: Tensor) -> Tensor:
        """(n, outputs) for parents.

        Args:
            local: (n, 90) surroundings.
            context: (N, C) of the responses.
            rows: (n,) which response a parent is of.
            cell: (n,) its number in its level.
            colour: (n,) the round in which it is drawn.
        """
        place = self.place(self.cell.weight)
        first = self.local(local) + self.context(context)[rows] + place[cell] + self.colour(colour)
        out: Tensor = self.out(torch.relu(self.hidden(torch.relu(first))))
        return out


def one_photon(logits: Tensor, present: Tensor) -> Tensor:
    """(n, 4) log probabilities of the child that gets a single photon.

    Args:
        logits: (n, 4).
        present: (n, 4) which children exist.
    """
    return torch.log_softmax(logits.masked_fill(~present, -torch.inf), 1)


def mixture(outputs: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Log weights (n, J) and Dirichlet parameters (n, J, 4), 0 for children that do not exist.

    Args:
        outputs: (n, J * 6).
        present: (n, 4) which children exist.
    """
    parts = outputs.reshape(len(outputs), -1, PER_COMPONENT)
    there = present[:, None]
    share = torch.softmax(parts[..., :CHILDREN].masked_fill(~there, -torch.inf), 2)
    concentration = torch.exp(parts[..., CHILDREN].clamp(-6, 9) + 1.5)
    alpha = (share * concentration[..., None] + LEAST) * there
    return torch.log_softmax(parts[..., CHILDREN + 1], 1), alpha


def log_mixture(counts: Tensor, log_weights: Tensor, alpha: Tensor) -> Tensor:
    """(n,) log probabilities of counts under mixtures of Dirichlet-multinomials; -inf for the impossible.

    Args:
        counts: (n, 4) photons of the children.
        log_weights: (n, J).
        alpha: (n, J, 4) Dirichlet parameters, 0 where a child does not exist.
    """
    total, k = counts.sum(1), counts[:, None]
    all_alpha = alpha.sum(2)
    exists = alpha > 0
    safe = torch.where(exists, alpha, 1.0)
    gain = torch.where(
        exists, torch.lgamma(k + safe) - torch.lgamma(safe), torch.where(k > 0, -torch.inf, 0.0)
    )
    component = torch.lgamma(all_alpha) - torch.lgamma(total[:, None] + all_alpha) + gain.sum(2)
    arrangements = torch.lgamma(total + 1) - torch.lgamma(counts + 1).sum(1)
    return torch.logsumexp(log_weights + component, 1) + arrangements
