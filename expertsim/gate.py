"""Who serves what: the learned router, and the fixed rules that it is compared with."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng

SLOPE = 0.1
HIDDEN = (128, 64, 32)
KINDS = ("learned", "energy", "intensity", "random")


class Gate(nn.Module):
    """A rule from conditions to one of N experts.

    Args:
        kind: ``learned``, ``energy``, ``intensity`` or ``random``.
        experts: N.
        inputs: number of scaled conditions.
        feature: the condition that is the energy, for that kind.
        edges: N - 1 thresholds, for the kinds ``energy`` and ``intensity``.
    """

    def __init__(
        self, *, kind: str, experts: int, inputs: int, feature: int = 0, edges: tuple[float, ...] = ()
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"unknown gate {kind!r}; expected one of {', '.join(KINDS)}")
        self.kind, self.experts, self.feature = kind, experts, feature
        self.edges = np.asarray(edges, dtype=np.float64)
        outputs = {"learned": experts, "intensity": 1}.get(kind, 0)
        self.body = router(inputs, outputs) if outputs else nn.Sequential()

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> "Gate":
        """The gate of a :meth:`header`, its weights still to be loaded."""
        return cls(**{**header, "edges": tuple(header["edges"])})

    def header(self, inputs: int) -> dict[str, Any]:
        """The arguments of the constructor, plain JSON values."""
        return {
            "kind": self.kind,
            "experts": self.experts,
            "inputs": inputs,
            "feature": self.feature,
            "edges": self.edges.tolist(),
        }

    def forward(self, scaled: Tensor) -> Tensor:
        """Logits (B, N) of a learned router, expected log photon sums (B, 1) of a regressor."""
        out: Tensor = self.body(scaled)
        return out

    @torch.inference_mode()
    def choose(self, conditions: npt.NDArray[Any], scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """The expert (N,) of each condition (N, F) in physical units, also given scaled (N, K)."""
        if self.kind == "random":
            return _random(conditions, self.experts)
        if self.kind == "energy":
            return self._between(conditions[:, self.feature])
        device = next(self.body.parameters()).device
        out = self(torch.from_numpy(scaled).to(device)).cpu().numpy()
        if self.kind == "learned":
            return np.asarray(out.argmax(axis=1), dtype=np.int64)
        return self._between(out[:, 0])

    def _between(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return np.searchsorted(self.edges, values.astype(np.float64)).astype(np.int64)


def router(inputs: int, outputs: int) -> nn.Sequential:
    """The paper's multilayer perceptron: inputs -> 128 -> 64 -> 32 -> outputs, leaky ReLU between."""
    layers: list[nn.Module] = []
    for before, after in pairwise((inputs, *HIDDEN)):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN[-1], outputs))


def straight_through(logits: Tensor, temperature: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Straight-through Gumbel softmax: a gate (B, N), one-hot with a soft gradient, and its choice (B,)."""
    gumbel = -torch.empty_like(logits).exponential_(generator=generator).log()
    soft = torch.softmax((logits + gumbel) / temperature, dim=1)
    choice = soft.argmax(1)
    hard = torch.zeros_like(soft).scatter_(1, choice[:, None], 1.0)
    return hard + soft - soft.detach(), choice


def _random(conditions: npt.NDArray[Any], experts: int) -> npt.NDArray[np.int64]:
    """An expert by a hash of the condition: the same one for all responses to one particle."""
    bits = np.ascontiguousarray(conditions, dtype=np.float32).view(np.uint32).astype(np.uint64)
    keys = rng.keys(rng.derive(0, "random router"), np.zeros(len(bits), dtype=np.int64))
    for column in bits.T:
        keys = rng.split(keys, column)
    return np.minimum(rng.uniform(keys, 0) * experts, experts - 1).astype(np.int64)
