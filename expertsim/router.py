"""Who serves what: the learned router, the fixed rules that it is compared with, and the router's losses.

Equation numbers are those of ExpertSim (arXiv:2508.20991). The losses train the router alone: the experts'
losses and intensities come detached.
"""

from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng

SLOPE = 0.1
HIDDEN = (128, 64, 32)
KINDS = ("learned", "energy", "intensity", "random")
EPSILON = 1e-8
LEAST_SPREAD = 1e-3  # of log photon sums in a batch, below which they count as equal


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

    @torch.inference_mode()
    def elsewhere(self, scaled: npt.NDArray[np.float32]) -> float | None:
        """The share of a training's draws, as expected, that miss the expert of :meth:`choose`.

        Of draws for scaled conditions (N, K); None for a rule, which draws nothing.
        """
        if self.kind != "learned" or not len(scaled):
            return None
        device = next(self.body.parameters()).device
        probability = torch.softmax(self(torch.from_numpy(scaled).to(device)), dim=1)
        return round(float(1 - probability.max(1).values.mean()), 5)

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


def routing(probability: Tensor, losses: Tensor) -> Tensor:
    """The experts' losses in Eq. 8, a scalar: what they are expected to be when the router draws the experts.

    The sum over experts of probability x loss, and its mean over rows. All experts are judged on every row,
    so the gradient is exact: nothing of it hangs on which expert was drawn, and what a row costs whichever
    expert takes it leaves the router alone.

    Args:
        probability: softmax of the router's logits (B, N).
        losses: of every expert on each row (B, N); detached here.
    """
    return (probability * losses.detach()).sum(1).mean()


def utilisation(probability: Tensor) -> Tensor:
    """L_util (Eq. 6), a scalar: minus the entropy of the mean gate probability.

    Smallest, -log N, for an even load. The paper's text asks for this; its formula has the other sign.

    Args:
        probability: softmax of the router's logits (B, N), times the rows' weights where they have some.
    """
    mean = probability.sum(0) / probability.sum()
    return (mean * torch.log(mean + EPSILON)).sum()


def differentiation(gate: Tensor, intensity: Tensor, used: Tensor) -> Tensor:
    """L_diff (Eq. 7), a scalar: minus the squared differences of the experts' mean intensities, pair by pair.

    An expert's mean is that of the responses which it has generated itself, for the gate is one-hot; the
    gradient is that of the softmax behind it.

    Args:
        gate: of :func:`straight_through` (B, N), times the rows' weights where they have some.
        intensity: of the response that the chosen expert has generated on each row (B,); detached here.
        used: (N,) booleans: experts without a row in the batch are left out.
    """
    mean = (gate * intensity.detach()[:, None]).sum(0) / (gate.sum(0) + EPSILON)
    pairs = [(mean[i] - mean[j]).square() for i, j in combinations(used.nonzero().flatten().tolist(), 2)]
    return -torch.stack(pairs).sum() if pairs else gate.sum() * 0


def standardised(sums: Tensor) -> Tensor:
    """log(1 + photons) of sums (B,) in units of its standard deviation in the batch: free of a dimension."""
    logs = torch.log1p(sums)
    return logs / logs.std().clamp(min=LEAST_SPREAD) if len(logs) > 1 else logs


def _random(conditions: npt.NDArray[Any], experts: int) -> npt.NDArray[np.int64]:
    """An expert by a hash of the condition: the same one for all responses to one particle."""
    bits = np.ascontiguousarray(conditions, dtype=np.float32).view(np.uint32).astype(np.uint64)
    keys = rng.keys(rng.derive(0, "random router"), np.zeros(len(bits), dtype=np.int64))
    for column in bits.T:
        keys = rng.split(keys, column)
    return np.minimum(rng.uniform(keys, 0) * experts, experts - 1).astype(np.int64)
