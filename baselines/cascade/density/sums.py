"""The photon sum of a response: p(N | condition) over bins, with a tail beyond the last one.

Low sums have a bin each, higher ones share bins that widen with the logarithm; within a bin every sum is
equally likely. Beyond the last edge the probability falls geometrically, so that no sum is impossible. An
average over networks, each stopped early on particles of its own, gives the bins their probabilities: the few
thousand particles of a training part are learned by heart within minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

SINGLE = 16  # the lowest so many sums have a bin each
SPACED = 104  # further bins, at most
TAIL = 0.9995  # quantile of the training sums at which the tail starts


@dataclass(frozen=True)
class Bins:
    """Bins of photon sums.

    Attributes:
        edges: (B,) increasing integers: bin k holds edges[k] <= N < edges[k + 1], the last one all
            N >= edges[-1].
        tail: mean of N - edges[-1] in the last bin, above 0.
    """

    edges: npt.NDArray[np.int64]
    tail: float

    @classmethod
    def fit(cls, sums: npt.NDArray[np.integer], least: int) -> "Bins":
        """Bins for photon sums (N,) of at least ``least`` photons."""
        start = max(int(np.quantile(sums, TAIL)), least + 1)
        singles = least + np.arange(min(SINGLE, start - least) + 1)
        spaced = np.round(np.geomspace(max(singles[-1], 1), max(start, 1), SPACED + 1))
        edges = np.unique(np.concatenate([singles, spaced]).astype(np.int64))
        edges = edges[edges <= max(start, singles[-1])]
        beyond = sums[sums >= edges[-1]] - edges[-1]
        return cls(edges, max(float(beyond.mean()) if len(beyond) else 0.0, 1.0))

    def __len__(self) -> int:
        return len(self.edges)

    def of(self, sums: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The bin of each sum (N,); below the first edge: -1."""
        return np.asarray(np.searchsorted(self.edges, sums, side="right") - 1, dtype=np.int64)

    def smoothed(self, deviation: float) -> npt.NDArray[np.float64]:
        """(B, B) what a sum in each bin teaches: shares of the bins around, in proportion to their width.

        A density of the sum that changes little from bin to bin is learned from fewer particles so. Bins of
        a single sum, and the tail, are left as they are.
        """
        shared = np.append(np.diff(self.edges) > 1, False)
        number = np.arange(len(self))
        kernel = np.eye(len(self))
        if deviation > 0:
            bell = np.exp(-0.5 * ((number[:, None] - number) / deviation) ** 2)
            bell *= np.append(np.diff(self.edges), 0) * shared
            kernel[shared] = bell[shared] / bell[shared].sum(axis=1, keepdims=True)
        return kernel

    def log_within(self, sums: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Log p(N | bin of N), (N,)."""
        k = np.maximum(self.of(sums), 0)
        width = np.diff(self.edges, append=self.edges[-1] + 1)[k]
        beyond = np.maximum(sums - self.edges[-1], 0)
        geometric = beyond * np.log(self.tail / (1 + self.tail)) - np.log1p(self.tail)
        return np.asarray(np.where(k == len(self) - 1, geometric, -np.log(width)), dtype=np.float64)

    def log_at_least(
        self, log_p: npt.NDArray[np.float64], least: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Bins of the distribution conditioned on N >= least.

        Args:
            log_p: (N, B) log probabilities of the bins.
            least: a photon threshold.

        Returns:
            log p(N >= least), (N,), and the conditioned log probabilities of the bins, (N, B).
        """
        share = np.clip((self.edges[1:] - least) / np.diff(self.edges), 0, 1)
        beyond = max(least - int(self.edges[-1]), 0)
        with np.errstate(divide="ignore"):
            log_share = np.append(np.log(share), beyond * np.log(self.tail / (1 + self.tail)))
        part = log_p + log_share
        peak = part.max(axis=1, keepdims=True)
        total = peak[:, 0] + np.log(np.exp(part - peak).sum(axis=1))
        return total, part - total[:, None]

    def draw(
        self,
        log_p: npt.NDArray[np.float64],
        least: int,
        u: npt.NDArray[np.float64],
        v: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """Sums (N,) given N >= least, from two uniforms (N,) each.

        Args:
            log_p: (N, B) log probabilities of the bins.
            least: the photon threshold.
            u: choose the bin.
            v: choose the sum within it.
        """
        _, conditioned = self.log_at_least(log_p, least)
        table = np.exp(conditioned).cumsum(axis=1)
        k = np.minimum((u[:, None] * table[:, -1:] > table).sum(axis=1), len(self) - 1)
        low = np.maximum(self.edges, least)[k]
        width = np.append(self.edges[1:], 0)[k] - low
        inside = np.minimum(np.floor(v * width), width - 1)
        geometric = np.floor(np.log(v) / np.log(self.tail / (1 + self.tail)))
        drawn: npt.NDArray[np.int64] = (low + np.where(k == len(self) - 1, geometric, inside)).astype(
            np.int64
        )
        return drawn

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return {"edges": self.edges.tolist(), "tail": self.tail}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Bins":
        """The bins of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or impossible.
        """
        edges, tail = np.asarray(stored["edges"], dtype=np.int64), float(stored["tail"])
        if edges.ndim != 1 or not len(edges) or edges[0] < 0 or (np.diff(edges) < 1).any() or not tail > 0:
            raise ValueError("the bins of the photon sum are out of order")
        return cls(edges, tail)


class SumNetworks(nn.Module):
    """Networks from scaled conditions (N, K) to the bins, averaged.

    Args:
        conditions: K.
        bins: B.
        width: of their two hidden layers.
        members: how many networks.
        dropout: in training.
    """

    def __init__(self, conditions: int, bins: int, width: int, members: int, dropout: float) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(conditions, width),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Linear(width, width),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Linear(width, bins),
            )
            for _ in range(members)
        )

    def forward(self, scaled: Tensor) -> Tensor:
        """(N, B) log probabilities."""
        each = torch.stack([torch.log_softmax(member(scaled), 1) for member in self.members])
        return torch.logsumexp(each.double(), 0) - float(np.log(len(self.members)))
