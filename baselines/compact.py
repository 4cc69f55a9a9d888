"""The ``compact`` networks: small, dense, for CPUs, and for a detector of any shape.

The generator gives rates, total x profile, and photons are drawn from them: a network that had to produce
integer counts itself would be given away by them. Both networks work on groups of pixels, coarse cells
split by readout channel (see groups.py); within a group the rate map is interpolated, not learned.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from .groups import Groups

SLOPE = 0.2
LOG_FLOOR = -3.0  # of a total rate: far below the one photon that every response has
TINY = 1e-12  # photons; keeps an empty cell's pixels from 0 / 0


def dense(*widths: int, norm: bool = False) -> nn.Sequential:
    """Linear layers of the given widths, a leaky ReLU after each, layer norm before it if ``norm``."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), *([nn.LayerNorm(after)] if norm else []), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise (B, Z) and scaled conditions (B, K) to rates in photons: total x softmax profile.

    Args:
        shape: (H, W).
        cells: cells along each axis.
        groups: number P of pixel groups; which pixel is in which is a stored buffer.
        conditions: K.
        noise: Z.
        width: hidden width.
        depth: hidden layers.
        log_total: the logarithm of the total rate is counted from here.
        log_limit: and never exceeds this.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        cells: tuple[int, int],
        groups: int,
        conditions: int,
        noise: int,
        width: int,
        depth: int,
        log_total: float,
        log_limit: float,
    ) -> None:
        super().__init__()
        self.shape, self.cells, self.log_total, self.log_limit = shape, cells, log_total, log_limit
        self.group_of_pixel: Tensor
        self.cell_of_group: Tensor
        self.register_buffer("group_of_pixel", torch.zeros(shape[0] * shape[1], dtype=torch.int32))
        self.register_buffer("cell_of_group", torch.zeros(groups, dtype=torch.int32))
        self.body = dense(noise + conditions, *[width] * depth, norm=True)
        self.total = nn.Linear(width, 1)
        self.profile = nn.Linear(width, groups)

    def set_groups(self, groups: Groups) -> None:
        """Fix which pixel is in which group, and start from an even profile over the pixels."""
        self.group_of_pixel.copy_(torch.from_numpy(groups.of_pixel))
        self.cell_of_group.copy_(torch.from_numpy(groups.cell.argmax(axis=1)))
        with torch.no_grad():
            self.profile.bias.add_(torch.from_numpy(np.log(np.bincount(groups.of_pixel))).float())

    def expected(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The rates of the groups (B, P)."""
        hidden = self.body(torch.cat([noise, conditions], dim=1))
        total = torch.exp((self.total(hidden) + self.log_total).clamp(LOG_FLOOR, self.log_limit))
        rates: Tensor = total * torch.softmax(self.profile(hidden), dim=1)
        return rates

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The rate map (B, H, W): each group's rate shared out as the cells around it suggest."""
        rates = self.expected(noise, conditions)
        of_pixel, rows = self.group_of_pixel, len(rates)
        pixels = torch.bincount(of_pixel, minlength=rates.shape[1]).to(rates.dtype)
        cells = self.cells[0] * self.cells[1]
        area = pixels.new_zeros(cells).index_add(0, self.cell_of_group, pixels)
        density = rates.new_zeros(rows, cells).index_add(1, self.cell_of_group, rates) / area
        smooth = nn.functional.interpolate(density.view(rows, 1, *self.cells), self.shape, mode="bilinear")
        share = smooth.flatten(1) + TINY
        whole = torch.zeros_like(rates).index_add(1, of_pixel, share)
        return ((rates / whole).index_select(1, of_pixel) * share).view(rows, *self.shape)


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


def photon_draw(min_photons: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A function from the groups' rates (B, P) to photons (B, P), drawn by the rule of photons.py.

    Sums of independent Poisson pixels are Poisson with the summed rates: the groups are drawn directly. The
    gradient is that of the expected photons (straight-through), which lets a generator learn from counts.
    """

    def draw(expected: Tensor) -> Tensor:
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
