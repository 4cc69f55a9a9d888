"""Dropout whose masks come from a generator that is passed in, so that a training is reproducible."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Sets elements to zero with probability ``rate`` and scales the others up; nothing in evaluation.

    Args:
        rate: probability of a zero.
        generator: source of the masks; a network that is only evaluated needs none.
    """

    def __init__(self, rate: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, values: Tensor) -> Tensor:
        """The values with some of them dropped.

        Raises:
            ValueError: in training mode without a generator.
        """
        if not self.training:
            return values
        if self.generator is None:
            raise ValueError("dropout in training mode needs a random generator, found None")
        keep = 1 - self.rate
        return values * torch.empty_like(values).bernoulli_(keep, generator=self.generator) / keep
