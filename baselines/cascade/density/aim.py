"""Where a particle's light will lie: a learned map from its condition to a place on the image.

The networks of the splits cannot find the fraction of a pixel from slopes, but can be told where to look.
For a neutral particle that is where a straight line meets the face; a charged one is bent by magnets, and
other detectors have no known face at all. So a small network learns the mean place of a response's light,
with a width of its own (a Laplace distribution: particles that decay or miss the face would spoil a mean
square).
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

WIDTH = 128
FAR = 1.5  # straight lines that end further away, in sizes of the image, all count as so far


class Aim(nn.Module):
    """From scaled conditions and the straight line's end to a place.

    Args:
        conditions: K.
        shape: (H, W) of the image.
    """

    def __init__(self, conditions: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(conditions + 2, WIDTH),
            nn.SiLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.SiLU(),
            nn.Linear(WIDTH, 4),
        )
        self._size = torch.tensor(shape, dtype=torch.float32)

    def forward(self, scaled: Tensor, straight: Tensor) -> tuple[Tensor, Tensor]:
        """Places (N, 2) in pixels, and logarithms of their widths in pixels, (N, 1).

        Args:
            scaled: (N, K) conditions.
            straight: (N, 2) where straight lines meet the image, in pixels.
        """
        line = (straight / self._size - 0.5).clamp(-FAR, FAR)
        shift, gate, width = self.net(torch.cat([scaled, line], 1)).split((2, 1, 1), 1)
        place = torch.sigmoid(gate) * line + 0.5 * shift
        return (place + 0.5) * self._size, width.clamp(-4, 4)

    def loss(self, scaled: Tensor, straight: Tensor, centre: Tensor) -> Tensor:
        """(N,) negative log likelihoods, less a constant, of the light's mean places (N, 2)."""
        place, width = self(scaled, straight)
        nll: Tensor = ((place - centre).abs() / width.exp() + width).sum(1)
        return nll


def centres(showers: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """(N, 2) mean places of the photons of responses (N, H, W), in pixels; the middle of an empty one."""
    rows, columns = showers.sum(axis=2, dtype=np.int64), showers.sum(axis=1, dtype=np.int64)
    total = np.maximum(rows.sum(axis=1), 1)
    place = [marginal @ (np.arange(marginal.shape[1]) + 0.5) / total for marginal in (rows, columns)]
    empty = rows.sum(axis=1) == 0
    middle = np.array(showers.shape[1:]) / 2
    return np.where(empty[:, None], middle, np.stack(place, axis=1)).astype(np.float32)
