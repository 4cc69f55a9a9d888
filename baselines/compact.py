"""The ``compact`` networks: small, dense, for CPUs, and for a detector of any shape.

The generator gives a rate map, total x profile, and photons are drawn from it: a network that had to
produce integer counts itself would be given away by them. The discriminator sees those photons on coarse
cells. Cells are split by readout channel, so that its sums are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

SLOPE = 0.2


def dense(*widths: int, norm: bool = False) -> nn.Sequential:
    """Linear layers of the given widths, a leaky ReLU after each, layer norm before it if ``norm``."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), *([nn.LayerNorm(after)] if norm else []), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise (B, Z) and scaled conditions (B, K) to a rate map (B, H, W) in photons: total x softmax profile.

    Args:
        shape: (H, W).
        conditions: K.
        noise: Z.
        width: hidden width.
        depth: hidden layers.
        rank: width of the profile's last hidden layer.
        log_total: the logarithm of the total rate is counted from here.
        log_limit: and never exceeds this.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        conditions: int,
        noise: int,
        width: int,
        depth: int,
        rank: int,
        log_total: float,
        log_limit: float,
    ) -> None:
        super().__init__()
        self.shape, self.log_total, self.log_limit = shape, log_total, log_limit
        self.body = dense(noise + conditions, *[width] * depth, norm=True)
        self.total = nn.Linear(width, 1)
        self.profile = nn.Sequential(*dense(width, rank), nn.Linear(rank, shape[0] * shape[1]))

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The rate map (B, H, W)."""
        hidden = self.body(torch.cat([noise, conditions], dim=1))
        total = torch.exp((self.total(hidden) + self.log_total).clamp(-6.0, self.log_limit))
        rates = total * torch.softmax(self.profile(hidden), dim=1)
        return rates.view(-1, *self.shape)


@dataclass(frozen=True)
class Groups:
    """Pixels grouped so that all of one group share the coarse cell and the readout channels.

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


class Discriminator(nn.Module):
    """Judges photons on coarse cells, their channel sums and shares, and the conditions.

    Args:
        groups: see :class:`Groups`.
        conditions: K.
        width: hidden width.
        unit: typical size of a channel sum in photons; divides the one input that is no logarithm.
    """

    def __init__(self, groups: Groups, *, conditions: int, width: int, unit: float) -> None:
        super().__init__()
        self.unit = unit
        self.cell: Tensor
        self.channel: Tensor
        self.register_buffer("cell", torch.from_numpy(groups.cell))
        self.register_buffer("channel", torch.from_numpy(groups.channel))
        inputs = groups.cell.shape[1] + 3 * groups.channel.shape[1] + 1 + conditions
        self.body = dense(inputs, width, width, 128)
        self.logit = nn.Linear(128, 1)

    def features(self, counts: Tensor) -> Tensor:
        """What the discriminator sees (B, ...) of photons (B, P) in the groups."""
        channels = counts @ self.channel
        total = counts.sum(1, keepdim=True)
        logs = [torch.log1p(counts @ self.cell), torch.log1p(channels), torch.log1p(total)]
        return torch.cat([*logs, channels / self.unit, channels / (total + 1)], dim=1)

    def latent(self, features: Tensor, conditions: Tensor) -> Tensor:
        """The last hidden layer (B, 128)."""
        hidden: Tensor = self.body(torch.cat([features, conditions], dim=1))
        return hidden

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """Logits (B,)."""
        logits: Tensor = self.logit(self.latent(features, conditions))
        return logits.squeeze(1)


class Regressor(nn.Module):
    """The auxiliary regressor on log photons of the coarse cells: (B, P) photons to positions (B, 2)."""

    def __init__(self, groups: Groups) -> None:
        super().__init__()
        self.cell: Tensor
        self.register_buffer("cell", torch.from_numpy(groups.cell))
        self.body = nn.Sequential(*dense(groups.cell.shape[1], 128, 64), nn.Linear(64, 2))

    def forward(self, counts: Tensor) -> Tensor:
        """Predicted (k, l) of the brightest pixel, in units of the image."""
        position: Tensor = self.body(torch.log1p(counts @ self.cell))
        return position


def photon_draw(groups: Groups, min_photons: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A function from rates (B, H, W) to photons (B, P) in the groups, drawn by the rule of photons.py.

    Sums of independent Poisson pixels are Poisson with the summed rates: the groups are drawn directly. The
    gradient is that of the expected photons (straight-through), which lets a generator learn from counts.
    """
    of_pixel = torch.from_numpy(groups.of_pixel).to(generator.device)
    one_hot = torch.nn.functional.one_hot(of_pixel).float()

    def draw(rates: Tensor) -> Tensor:
        expected = _group_sums(rates.flatten(1), one_hot, of_pixel)
        with torch.no_grad():
            photons = torch.poisson(expected, generator=generator)
            faint = (photons.sum(1) < min_photons).nonzero().squeeze(1)
            if len(faint):
                photons[faint] += _missing(expected[faint], min_photons - photons[faint].sum(1), generator)
        return expected + (photons - expected).detach()

    return draw


def _missing(expected: Tensor, number: Tensor, generator: torch.Generator) -> Tensor:
    """``number`` (B,) photons, at least one a row, thrown into groups as ``expected`` (B, P) has it."""
    most = int(number.max())
    place = torch.multinomial(expected, most, replacement=True, generator=generator)
    kept = torch.arange(most, device=place.device) < number[:, None]
    return torch.zeros_like(expected).scatter_add_(1, place, kept.to(expected.dtype))


class _GroupSums(torch.autograd.Function):
    """Rates (B, H * W) summed in their groups (B, P); backwards a look-up, much cheaper than the product."""

    @staticmethod
    def forward(ctx: FunctionCtx, rates: Tensor, one_hot: Tensor, of_pixel: Tensor) -> Tensor:
        ctx.save_for_backward(of_pixel)
        return rates @ one_hot

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (of_pixel,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradients[0].index_select(1, of_pixel), None, None


def _group_sums(rates: Tensor, one_hot: Tensor, of_pixel: Tensor) -> Tensor:
    sums: Tensor = _GroupSums.apply(rates, one_hot, of_pixel)  # type: ignore[no-untyped-call]
    return sums
