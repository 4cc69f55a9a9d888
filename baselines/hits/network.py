"""The network: from scaled conditions to the logarithm of the odds of light."""

import torch
from torch import Tensor, nn


def make_network(inputs: int, width: int, generator: torch.Generator) -> nn.Sequential:
    """(B, inputs) to (B, 1) logarithms of odds; weights from ``generator``."""
    network = nn.Sequential(
        nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1)
    )
    for layer in network:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return network


def loss(logits: Tensor, share: Tensor) -> Tensor:
    """(B,) cross-entropy of logits (B,) with the share (B,) of a particle's responses that had light.

    It is least where the probability is that share: a proper score, so that probabilities are calibrated.
    """
    return nn.functional.binary_cross_entropy_with_logits(logits, share, reduction="none")
