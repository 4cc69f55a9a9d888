"""What the compact discriminator sees of a response: photons in groups of pixels, and in its lines."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class Groups:
    """Pixels grouped so that all of one group share the coarse cell and the readout channels.

    Channel sums of grouped photons are therefore exact. The views of a response are the photons of its P
    groups, then those of its H rows and of its W columns: coarse in two dimensions, fine in each of them.

    Attributes:
        shape: (H, W).
        of_pixel: (H * W,) the group of each pixel, row by row.
        cell: (P, cells) one-hot, float32: the cell of each of the P groups.
        channel: (P, C) float32: 1 where the group belongs to the channel.
    """

    shape: tuple[int, int]
    of_pixel: npt.NDArray[np.int64]
    cell: npt.NDArray[np.float32]
    channel: npt.NDArray[np.float32]

    @classmethod
    def of(cls, shape: tuple[int, int], side: int, masks: npt.NDArray[np.bool_]) -> "Groups":
        """The groups of a detector: cells of about ``side`` pixels a side, channel masks (C, H, W)."""
        height, width = shape
        down, across = (max(1, round(length / side)) for length in shape)
        i, j = np.indices(shape)
        cell = (i * down // height) * across + j * across // width
        pattern = np.column_stack([cell.ravel(), masks.reshape(len(masks), -1).T])
        kinds, of_pixel = np.unique(pattern, axis=0, return_inverse=True)
        one_hot = np.eye(cell.max() + 1, dtype=np.float32)[kinds[:, 0]]
        return cls(shape, of_pixel.ravel().astype(np.int64), one_hot, kinds[:, 1:].astype(np.float32))

    def __len__(self) -> int:
        return len(self.cell)

    @property
    def lines(self) -> int:
        """How many rows and columns there are, H + W."""
        return sum(self.shape)

    def view(self, pixels: Tensor) -> Tensor:
        """The views (B, P + H + W) of pixels (B, H * W), with a gradient."""
        of_pixel = torch.from_numpy(self.of_pixel).to(pixels.device)
        grouped = pixels.new_zeros(len(pixels), len(self)).index_add(1, of_pixel, pixels)
        images = pixels.view(-1, *self.shape)
        return torch.cat([grouped, images.sum(2), images.sum(1)], dim=1)

    def pool(self, showers: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Photons of each view, (N, P + H + W), of showers (N, H, W)."""
        flat = showers.reshape(len(showers), -1)
        views = [
            self.view(torch.from_numpy(flat[start : start + 4096].astype(np.float32))).numpy()
            for start in range(0, len(flat), 4096)
        ]
        return np.concatenate(views)
