"""The quadtree of an image of any shape: from one cell, the photon sum, down to the pixels.

Level 0 is one cell, the whole image; level D are the pixels. A cell (i, j) of level d has the children
(2 i + u, 2 j + v), u, v in {0, 1}, of level d + 1. Heights and widths are halved and rounded up, so a child
may lie outside the image: it does not exist, and never gets a photon.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = npt.NDArray[np.integer]

CHILDREN = ((0, 0), (0, 1), (1, 0), (1, 1))  # (u, v), in the order of all arrays of four
TOP_CELLS = 64  # the deepest level with at most so many cells is seen as a whole by all levels below it


@dataclass(frozen=True)
class Tree:
    """The tree over images of one shape.

    Attributes:
        shape: (H, W) of an image.
    """

    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise ValueError(f"a response must have the shape (H, W), both at least 1, found {self.shape}")

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(h, w) of each level, from (1, 1) to (H, W)."""
        shapes = [self.shape]
        while max(shapes[-1]) > 1:
            h, w = shapes[-1]
            shapes.append(((h + 1) // 2, (w + 1) // 2))
        return tuple(reversed(shapes))

    @property
    def depth(self) -> int:
        """D: how often photons are shared out between the sum and the pixels."""
        return len(self.shapes) - 1

    @property
    def top(self) -> int:
        """The level whose map, once drawn, is known to all finer ones; the parents of these are *fine*."""
        return max(d for d, (h, w) in enumerate(self.shapes) if h * w <= TOP_CELLS or d == 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the factors of the likelihood, in the order of drawing: ``sum``, then a name for each level."""
        return ("sum", *(f"{h}x{w}" for h, w in self.shapes[1:]))

    def maps(self, images: Counts) -> list[npt.NDArray[np.int32]]:
        """The photons in the cells of each level, level 0 first: (N, h, w) each, of images (N, H, W)."""
        maps = [np.asarray(images).astype(np.int32)]
        for h, w in reversed(self.shapes[:-1]):
            fine = maps[-1]
            coarse = np.zeros((len(fine), h, w), dtype=np.int32)
            for u, v in CHILDREN:
                part = fine[:, u::2, v::2]
                coarse[:, : part.shape[1], : part.shape[2]] += part
            maps.append(coarse)
        return maps[::-1]

    def present(self, level: int) -> npt.NDArray[np.bool_]:
        """(h * w, 4): which children (0, 0), (0, 1), (1, 0), (1, 1) of each cell of ``level`` exist."""
        (h, w), (rows, columns) = self.shapes[level : level + 2]
        i, j = np.indices((h, w)).reshape(2, -1, 1)
        u, v = np.array(CHILDREN).T
        return np.asarray((2 * i + u < rows) & (2 * j + v < columns))


def children(fine: Counts, b: Counts, i: Counts, j: Counts) -> npt.NDArray[np.int64]:
    """(n, 4) photons in the children of the cells (b, i, j), from the map (N, h, w) of the next level.

    A child outside the image has none.
    """
    rows, columns = fine.shape[1:]
    taken = []
    for u, v in CHILDREN:
        row, column = 2 * i + u, 2 * j + v
        inside = (row < rows) & (column < columns)
        taken.append(np.where(inside, fine[b, np.minimum(row, rows - 1), np.minimum(column, columns - 1)], 0))
    return np.stack(taken, axis=1)


def colour(i: Counts, j: Counts) -> npt.NDArray[np.int64]:
    """The round, 0 to 3, in which the children of the cells (i, j) are drawn: neighbours never share one."""
    return np.asarray(2 * (i % 2) + j % 2, dtype=np.int64)
