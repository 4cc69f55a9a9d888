"""The ``compact`` networks: small, dense, for CPUs, and for a detector of any shape.

The generator gives a rate map, total x profile, and photons are drawn from it: a network that had to produce
integer counts itself would be given away by them. The profile is smooth between pixels: a coarse field and a
free term for each row and each column. The discriminator and the regressor see photons in groups of pixels
and in lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri
from torch import Tensor, nn

SLOPE = 0.2
STEPS = 15  # of the stairs that the first two noise numbers are also given as
LOG_FLOOR = -3.0  # of a total rate: far below the one photon that every response has


def dense(*widths: int, norm: bool = False) -> nn.Sequential:
    """Linear layers of the given widths, a leaky ReLU after each, layer norm before it if ``norm``."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), *([nn.LayerNorm(after)] if norm else []), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise (B, Z) and scaled conditions (B, K) to a rate map (B, H, W) in photons.

    Args:
        shape: (H, W).
        field: (h, w) of the coarse field of the log profile.
        conditions: K.
        noise: Z.
        width: hidden width.
        depth: hidden layers.
        rank: width of the layer that spans the profiles.
        log_total: the logarithm of the total rate is counted from here.
        log_limit: and never exceeds this.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        field: tuple[int, int],
        conditions: int,
        noise: int,
        width: int,
        depth: int,
        rank: int,
        log_total: float,
        log_limit: float,
    ) -> None:
        super().__init__()
        self.shape, self.field, self.log_total, self.log_limit = shape, field, log_total, log_limit
        self.steps: Tensor
        self.register_buffer("steps", quantiles(STEPS), persistent=False)
        inputs = noise + 2 * STEPS + conditions
        self.body = dense(inputs, *[width] * depth, norm=True)
        self.total = nn.Linear(width, 1)
        terms = field[0] * field[1] + shape[0] + shape[1]
        self.profile = nn.Sequential(*dense(width, rank), nn.Linear(rank, terms))
        self.down: Tensor
        self.across: Tensor
        self.register_buffer("down", _interpolation(shape[0], field[0]), persistent=False)
        self.register_buffer("across", _interpolation(shape[1], field[1]).T.contiguous(), persistent=False)

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The rate map (B, H, W)."""
        stairs = (noise[:, :2, None] > self.steps).to(noise.dtype).flatten(1)
        hidden = self.body(torch.cat([noise, stairs, conditions], dim=1))
        total = torch.exp((self.total(hidden) + self.log_total).clamp(LOG_FLOOR, self.log_limit))
        coarse, rows, columns = self.profile(hidden).split(
            [self.field[0] * self.field[1], *self.shape], dim=1
        )
        smooth = self.down @ (coarse.view(-1, *self.field) @ self.across)  # (B, H, W)
        profile = torch.softmax((smooth + rows[:, :, None] + columns[:, None, :]).flatten(1), dim=1)
        return (total * profile).view(-1, *self.shape)


def quantiles(number: int) -> Tensor:
    """(number,): the quantiles of the standard normal distribution at k / (number + 1), k from 1."""
    exceeded = torch.arange(1, number + 1, dtype=torch.double) / (number + 1)
    return torch.from_numpy(ndtri(exceeded.numpy())).float()


def _interpolation(size: int, nodes: int) -> Tensor:
    """(size, nodes): linear interpolation from even nodes to pixels, constant beyond the outermost."""
    place = ((torch.arange(size) + 0.5) * nodes / size - 0.5).clamp(0, nodes - 1)
    return (1 - (place[:, None] - torch.arange(nodes)).abs()).clamp(min=0)


@dataclass(frozen=True)
class PixelGroups:
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
    def of(cls, shape: tuple[int, int], side: int, masks: npt.NDArray[np.bool_]) -> "PixelGroups":
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


class Discriminator(nn.Module):
    """Judges photons on coarse cells, on lines, their channel sums and shares, and the conditions.

    Args:
        groups: see :class:`PixelGroups`.
        conditions: K.
        width: hidden width.
        unit: photons; divides the channel sums, the one input that is no logarithm or share.
        sums: scale of the logarithms of channel sums and total. Slopes are penalised alike for all inputs, so
            scales say what is to be looked at closely: bright responses to one particle differ by some 10 %.
        lines: scale of the logarithms of rows and columns.
    """

    def __init__(
        self, groups: PixelGroups, *, conditions: int, width: int, unit: float, sums: float, lines: float
    ) -> None:
        super().__init__()
        self.unit, self.sums, self.lines = unit, sums, lines
        self.cell: Tensor
        self.channel: Tensor
        self.register_buffer("cell", torch.from_numpy(groups.cell))
        self.register_buffer("channel", torch.from_numpy(groups.channel))
        inputs = groups.cell.shape[1] + 3 * groups.channel.shape[1] + 1 + groups.lines + conditions
        self.body = dense(inputs, width, width, 128)
        self.logit = nn.Linear(128, 1)

    def features(self, counts: Tensor) -> Tensor:
        """What the discriminator sees (B, ...) of photons (B, P + H + W) in the views."""
        grouped, lines = counts[:, : len(self.cell)], counts[:, len(self.cell) :]
        channels = grouped @ self.channel
        total = grouped.sum(1, keepdim=True)
        sums = self.sums * torch.log1p(torch.cat([channels, total], dim=1))
        shapes = [torch.log1p(grouped @ self.cell), self.lines * torch.log1p(lines), channels / (total + 1)]
        return torch.cat([*shapes, sums, channels / self.unit], dim=1)

    def latent(self, features: Tensor, conditions: Tensor) -> Tensor:
        """The last hidden layer (B, 128)."""
        hidden: Tensor = self.body(torch.cat([features, conditions], dim=1))
        return hidden

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """Logits (B,)."""
        logits: Tensor = self.logit(self.latent(features, conditions))
        return logits.squeeze(1)


class Regressor(nn.Module):
    """The auxiliary regressor: log photons of cells and lines, (B, P + H + W) photons to positions (B, 2)."""

    def __init__(self, groups: PixelGroups) -> None:
        super().__init__()
        self.cell: Tensor
        self.register_buffer("cell", torch.from_numpy(groups.cell))
        seen = groups.cell.shape[1] + groups.lines
        self.body = nn.Sequential(*dense(seen, 128, 64), nn.Linear(64, 2))

    def forward(self, counts: Tensor) -> Tensor:
        """Predicted (k, l) of the brightest pixel, in units of the image."""
        cells = counts[:, : len(self.cell)] @ self.cell
        seen = torch.cat([cells, counts[:, len(self.cell) :]], dim=1)
        position: Tensor = self.body(torch.log1p(seen))
        return position


def photon_draw(min_photons: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A function from pixels' rates (B, H * W) to photons (B, H * W), drawn by the rule of photons.py.

    The gradient is that of the expected photons (straight-through): a generator can learn from counts.
    """

    def draw(rates: Tensor) -> Tensor:
        with torch.no_grad():
            photons = torch.poisson(rates, generator=generator)
            faint = (photons.sum(1) < min_photons).nonzero().squeeze(1)
            if len(faint):
                photons[faint] += _missing(rates[faint], min_photons - photons[faint].sum(1), generator)
        return rates + (photons - rates).detach()

    return draw


def _missing(rates: Tensor, number: Tensor, generator: torch.Generator) -> Tensor:
    """``number`` (B,) photons, at least one a row, thrown into pixels as ``rates`` (B, H * W) has it."""
    most = int(number.max())
    place = torch.multinomial(rates, most, replacement=True, generator=generator)
    kept = torch.arange(most, device=place.device) < number[:, None]
    return torch.zeros_like(rates).scatter_add_(1, place, kept.to(rates.dtype))
