"""A mixture as one network: the router and all its experts, each run on the conditions that it serves."""

import torch
from torch import Tensor, nn

from simbench.baselines.conditions import Scaler
from simbench.baselines.export.generator import Conditions

from .simulator import MixtureNetwork


class ExportedMixture(nn.Module):
    """Noise (B, Z) and conditions (B, F) in physical units to rates (B, H, W) and experts (B,).

    Raises:
        ValueError: the gate is a hash of the conditions' bits, which a graph cannot take.
    """

    def __init__(self, scaler: Scaler, network: MixtureNetwork) -> None:
        super().__init__()
        gate = network.gate
        if gate.kind == "random":
            raise ValueError(
                "a mixture with the router 'random', a hash of the conditions, cannot be exported"
            )
        self.conditions, self.network = Conditions(scaler), network
        self.kind, self.feature = gate.kind, gate.feature
        self.edges: Tensor
        self.register_buffer("edges", torch.from_numpy(gate.edges))

    def forward(self, noise: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """The rates, and the expert that gave them."""
        scaled = self.conditions(conditions)
        expert = self._choose(conditions, scaled)
        rates: Tensor | None = None
        for number, network in enumerate(self.network.experts):
            rows = (expert == number).nonzero().squeeze(1)
            served = network(noise[rows], scaled[rows])
            if rates is None:
                rates = served.new_zeros(noise.shape[0], *served.shape[1:])
            rates = rates.index_put((rows,), served)
        assert rates is not None  # noqa: S101 - a mixture has an expert
        return rates, expert

    def _choose(self, conditions: Tensor, scaled: Tensor) -> Tensor:
        """:meth:`simbench.expertsim.router.Gate.choose`, which is not made of tensors alone."""
        if self.kind == "energy":
            return self._between(conditions[:, self.feature])
        out: Tensor = self.network.gate(scaled)
        return out.argmax(1) if self.kind == "learned" else self._between(out[:, 0])

    def _between(self, values: Tensor) -> Tensor:
        return (self.edges < values.double()[:, None]).sum(1)
