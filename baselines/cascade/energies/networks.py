"""The networks of a cascade of energies, and the likelihood that they give."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .told import WIDTH
from .tree import KINDS

PATTERNS = 3  # the first child alone, the second alone, both
PER_COMPONENT = 3  # of a mixture of Betas: weight, mean, concentration
LOWEST, HIGHEST = -4.0, 12.0  # of the logarithm of a concentration
SPREAD = (-7.0, 3.0)  # of the logarithm of a width, of the total


@dataclass(frozen=True)
class Sizes:
    """Of the networks; ``places`` are those of the tree."""

    layers: int
    places: tuple[int, ...]
    widths: tuple[int, ...] = (96, 64, 48)
    components: int = 3
    total_width: int = 48
    total_components: int = 4

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The sizes of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        lists = {name: tuple(int(each) for each in stored[name]) for name in ("places", "widths")}
        return cls(**{**stored, **lists})


class SplitNetwork(nn.Module):
    """From what a split is told to the parameters of its distribution.

    Args:
        places: how many different ones there are.
        layers: of the calorimeter.
        width: of the hidden layers.
        components: of the mixture.
    """

    def __init__(self, places: int, layers: int, width: int, components: int) -> None:
        super().__init__()
        self.place, self.layer = nn.Embedding(places, width), nn.Embedding(layers, width)
        for table in (self.place, self.layer):
            nn.init.normal_(table.weight, std=0.1)
        self.local, self.hidden = nn.Linear(WIDTH, width), nn.Linear(width, width)
        self.out = nn.Linear(width, PATTERNS + PER_COMPONENT * components)

    def forward(self, known: Tensor, place: Tensor, layer: Tensor) -> Tensor:
        """(n, outputs) of known (n, WIDTH), place (n,) and layer (n,)."""
        first = self.local(known) + self.place(place) + self.layer(layer)
        found: Tensor = self.out(F.silu(self.hidden(F.silu(first))))
        return found


class Total(nn.Module):
    """The logarithm of the share of the incident energy that is deposited: a mixture of normals, or none."""

    def __init__(self, width: int, components: int) -> None:
        super().__init__()
        self.chain = nn.Sequential(
            nn.Linear(1, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1 + 3 * components),
        )

    def forward(self, incident: Tensor) -> Tensor:
        """(N, outputs) of (N,) standardised logarithms of energies."""
        found: Tensor = self.chain(incident[:, None])
        return found


class EnergyCascade(nn.Module):
    """All networks: ``total``, and one for each kind of split."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.total = Total(sizes.total_width, sizes.total_components)
        self.splits = nn.ModuleList(
            SplitNetwork(places, sizes.layers, width, sizes.components)
            for places, width, _ in zip(sizes.places, sizes.widths, KINDS, strict=True)
        )


def make(sizes: Sizes, seed: int = 0) -> EnergyCascade:
    """New networks, from a seed; torch's own random numbers are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EnergyCascade(sizes)


def log_total(outputs: Tensor, deposited: Tensor, hit: Tensor) -> Tensor:
    """(N,) log probability of nothing, or log density of the standardised logarithm of the share deposited.

    Args:
        outputs: (N, 1 + 3 K) of :class:`Total`.
        deposited: (N,) that logarithm, anything where there is nothing.
        hit: (N,) whether there is something.
    """
    weight, mean, width = outputs[:, 1:].reshape(len(outputs), -1, 3).unbind(2)
    width = width.clamp(*SPREAD)
    z = (deposited[:, None] - mean) * torch.exp(-width)
    density = torch.logsumexp(torch.log_softmax(weight, 1) - 0.5 * z * z - width - 0.918938533204672741780, 1)
    nothing = outputs[:, 0] - 4.0
    return torch.where(hit, density + F.logsigmoid(-nothing), F.logsigmoid(nothing))


def log_split(outputs: Tensor, pattern: Tensor, log_first: Tensor, log_second: Tensor) -> Tensor:
    """(n,) log probability of a pattern; if both children are hit, with the log density of the first's share.

    Args:
        outputs: (n, 3 + 3 K) of :class:`SplitNetwork`.
        pattern: (n,) 0: the first child alone is hit, 1: the second, 2: both.
        log_first: (n,) logarithm of the first one's share; anything finite unless both are hit.
        log_second: (n,) of the second one's.
    """
    of_pattern = torch.log_softmax(outputs[:, :PATTERNS], 1).gather(1, pattern[:, None])[:, 0]
    weight, mean, concentration = outputs[:, PATTERNS:].reshape(len(outputs), -1, PER_COMPONENT).unbind(2)
    total = torch.exp(concentration.clamp(LOWEST, HIGHEST))
    first, second = total * torch.sigmoid(mean) + 1e-3, total * torch.sigmoid(-mean) + 1e-3
    density = (first - 1) * log_first[:, None] + (second - 1) * log_second[:, None]
    density = density + torch.lgamma(first + second) - torch.lgamma(first) - torch.lgamma(second)
    mixed = torch.logsumexp(torch.log_softmax(weight, 1) + density, 1)
    return of_pattern + torch.where(pattern == 2, mixed, torch.zeros_like(mixed))
