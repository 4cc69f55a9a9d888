"""The challenge's third classifier, for data sets 2 and 3: a residual network of 18 layers on images."""

from typing import Any

import torch
from torch import nn

from ..plugin.geometry import Cylinders

_STAGES = ((32, 1), (64, 2), (64, 2), (128, 2))  # channels and stride


class _Block(nn.Module):
    """Two convolutions, and what goes past them."""

    def __init__(self, below: int, above: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(below, above, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm3d(above)
        self.second = nn.Conv3d(above, above, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm3d(above)
        self.past: nn.Module = nn.Identity()
        if stride != 1 or below != above:
            self.past = nn.Sequential(nn.Conv3d(below, above, 1, stride, bias=False), nn.BatchNorm3d(above))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(inner)) + self.past(x))


class ResNet(nn.Module):
    """Sees (n, 1 + V) rows of log10 of the incident energy and voxels over it, as the low-level classifier.

    Args:
        geometry: of equal layers; the voxels become an image of layers, angles and rings.

    Raises:
        ValueError: the layers are not equal.
    """

    def __init__(self, geometry: Cylinders) -> None:
        super().__init__()
        layer = geometry.layers[0]
        if any((each.angles, each.rings) != (layer.angles, layer.rings) for each in geometry.layers):
            raise ValueError("the three-dimensional network needs layers of equal angles and rings")
        self._shape = (1, len(geometry.layers), layer.angles, layer.rings)
        self.start = nn.Sequential(
            nn.Conv3d(1, 32, 7, 2, 3, bias=False), nn.BatchNorm3d(32), nn.ReLU(), nn.MaxPool3d(3, 2, 1)
        )
        blocks, below = [], 32
        for above, stride in _STAGES:
            blocks += [_Block(below, above, stride), _Block(above, above, 1)]
            below = above
        self.blocks = nn.Sequential(*blocks)
        self.energy = nn.BatchNorm1d(1)
        self.end = nn.Linear(below + 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.double()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, 1) logits."""
        image = self.blocks(self.start(rows[:, 1:].reshape(len(rows), *self._shape)))
        return self.end(torch.cat([image.mean(dim=(2, 3, 4)), self.energy(rows[:, :1])], dim=1))  # type: ignore[no-any-return]


def network(geometry: Cylinders) -> Any:
    """A fresh one."""
    return ResNet(geometry)
