"""A part of the data as PyTorch wants it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset


class TorchPart(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of conditions (F,) in physical units and response (H, W), float32 both.

    Attributes:
        conditions: (n, F) float32, all of them.
        weights: (n,) float64, how often to draw each, 1 on average.
    """

    def __init__(
        self,
        conditions: npt.NDArray[np.float32],
        responses: npt.NDArray[Any],
        weights: npt.NDArray[np.float64],
    ) -> None:
        self.conditions = torch.from_numpy(conditions)
        self.weights = torch.from_numpy(weights)
        self._responses = responses

    def __len__(self) -> int:
        return len(self.conditions)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.conditions[index], torch.from_numpy(self._responses[index].astype("float32"))
