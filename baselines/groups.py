"""Pixels in groups: what the compact networks see of a response, and what they say about it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Groups:
    """Pixels grouped so that all of one group share the coarse cell and the readout channels.

    Channel sums of grouped photons are therefore exact.

    Attributes:
        of_pixel: (H * W,) the group of each pixel, row by row.
        cell: (P, cells) one-hot, float32: the cell of each of the P groups.
        channel: (P, C) float32: 1 where the group belongs to the channel.
    """

    of_pixel: npt.NDArray[np.int64]
    cell: npt.NDArray[np.float32]
    channel: npt.NDArray[np.float32]

    @classmethod
    def of(cls, shape: tuple[int, int], cells: tuple[int, int], masks: npt.NDArray[np.bool_]) -> "Groups":
        """The groups of a detector: at most ``cells`` along each axis, channel masks (C, H, W)."""
        height, width = shape
        across = min(cells[1], width)
        i, j = np.indices(shape)
        cell = (i * min(cells[0], height) // height) * across + j * across // width
        pattern = np.column_stack([cell.ravel(), masks.reshape(len(masks), -1).T])
        kinds, of_pixel = np.unique(pattern, axis=0, return_inverse=True)
        one_hot = np.eye(cell.max() + 1, dtype=np.float32)[kinds[:, 0]]
        return cls(of_pixel.ravel().astype(np.int64), one_hot, kinds[:, 1:].astype(np.float32))

    def pool(self, showers: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Photons of each group, (N, P), of showers (N, H, W)."""
        order = np.argsort(self.of_pixel, kind="stable")
        edges = np.searchsorted(self.of_pixel[order], np.arange(len(self.cell)))
        pooled = np.empty((len(showers), len(self.cell)), dtype=np.int32)
        for start in range(0, len(showers), 4096):
            block = showers[start : start + 4096].reshape(-1, len(order))[:, order]
            pooled[start : start + 4096] = np.add.reduceat(block, edges, axis=1, dtype=np.int64)
        return pooled
