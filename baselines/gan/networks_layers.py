"""The ``layers`` networks: the compact ones for a calorimeter that measures energies in layers of rings.

The generator gives the mean energy of every ring: total x shares of the layers x shares of the rings in each
layer. Spots of energy are drawn around these means (see ../spots.py), so that the network need not find out
how energy fluctuates in a voxel. In a training they are drawn ring by ring, for sectors are all alike: the
discriminator and the regressor see rings, in several sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..spots import Floats, Rings
from .networks_compact import STEPS, dense, quantiles

TOTAL = 0.1  # scale of what the network adds to the logarithm of the total
LOG_FLOOR = -10.0  # of a total energy: far below any threshold
MOMENTS = 4
DEEP, WIDE = 2.0, 30.0  # scales of depths in layers, and of radii in units of the outermost edge


@dataclass(frozen=True)
class LayerSummary:
    """What the networks must know of a layered detector and its training part.

    Attributes:
        rings: where energies are measured, M rings.
        spot: (M,) mean energy of a spot.
        log_total: the logarithm of the total energy is about this,
        slope: plus (K,) times the scaled conditions.
    """

    rings: Rings
    spot: tuple[float, ...] = field(repr=False)
    log_total: float
    slope: tuple[float, ...]

    @classmethod
    def of(cls, rings: Rings, scaled: npt.NDArray[np.float32], showers: npt.NDArray[Any]) -> "LayerSummary":
        """Found in the showers (N, ...) of a training part, and its scaled conditions (N, K).

        Raises:
            ValueError: the showers do not tell how energy fluctuates.
        """
        total = showers.reshape(len(showers), -1).sum(axis=1, dtype=np.float64)
        full = total > 0
        columns = np.column_stack([np.ones(full.sum()), scaled[full]])
        found = np.linalg.lstsq(columns, np.log(total[full]))[0]
        return cls(rings, tuple(rings.spot(showers).tolist()), float(found[0]), tuple(found[1:].tolist()))


class Expected(nn.Module):
    """The total energy (B,) that scaled conditions (B, K) let expect, as a logarithm."""

    slope: Tensor

    def __init__(self, log_total: float, slope: Sequence[float]) -> None:
        super().__init__()
        self.log_total = log_total
        self.register_buffer("slope", torch.tensor(slope), persistent=False)

    def forward(self, conditions: Tensor) -> Tensor:
        """See the class."""
        return self.log_total + conditions @ self.slope


class Generator(nn.Module):
    """Noise (B, Z) and scaled conditions (B, K) to the mean energy (B, M) of each ring.

    Args:
        rings: M of them.
        conditions: K.
        noise: Z.
        width: hidden width.
        depth: hidden layers.
        rank: width of the layer that spans the profiles.
        log_total, slope: see :class:`LayerSummary`.
        log_limit: of the total's logarithm.
    """

    def __init__(
        self,
        *,
        rings: Rings,
        conditions: int,
        noise: int,
        width: int,
        depth: int,
        rank: int,
        log_total: float,
        slope: Sequence[float],
        log_limit: float,
    ) -> None:
        super().__init__()
        self.log_limit = log_limit
        self.steps: Tensor
        self.register_buffer("steps", quantiles(STEPS), persistent=False)
        self.body = dense(noise + 2 * STEPS + conditions, *[width] * depth, norm=True)
        self.expected = Expected(log_total, slope)
        self.total = nn.Linear(width, 1)
        self.size = len(rings.counts), max(rings.counts)
        terms = self.size[0] * (1 + self.size[1])
        self.profile = nn.Sequential(*dense(width, rank), nn.Linear(rank, terms))
        absent = np.arange(self.size[1]) >= np.array(rings.counts)[:, None]
        self.absent: Tensor
        self.register_buffer("absent", torch.from_numpy(absent), persistent=False)
        self.place: Tensor
        self.register_buffer("place", torch.from_numpy(np.flatnonzero(~absent)), persistent=False)

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The means (B, M)."""
        stairs = (noise[:, :2, None] > self.steps).to(noise.dtype).flatten(1)
        hidden = self.body(torch.cat([noise, stairs, conditions], dim=1))
        log_total = self.expected(conditions) + TOTAL * self.total(hidden).squeeze(1)
        total = torch.exp(log_total.clamp(LOG_FLOOR, self.log_limit))
        layers, rings = self.profile(hidden).split([self.size[0], self.size[0] * self.size[1]], dim=1)
        within = torch.softmax(rings.view(-1, *self.size).masked_fill(self.absent, -torch.inf), dim=2)
        share = torch.softmax(layers, dim=1)[:, :, None] * within
        return total[:, None] * share.flatten(1)[:, self.place]


@dataclass(frozen=True)
class RingSums:
    """Which rings are seen together: 0 and 1 for each of M rings and each sum.

    Attributes:
        cell: (M, cells) some neighbouring layers of the same rings, ring by ring.
        layer: (M, L).
        number: (M, R) rings of one number in all layers.
        depth: (M,) the layer of each ring.
        radius: (M,) its middle, in units of the outermost edge.
        spot: (M,) mean energy of a spot.
    """

    cell: Floats
    layer: Floats
    number: Floats
    depth: Floats
    radius: Floats
    spot: Floats

    @classmethod
    def of(cls, rings: Rings, spot: Sequence[float], layers: int) -> "RingSums":
        """Sums in which up to ``layers`` layers of the same edges, one behind the other, are a cell deep."""
        block, blocks = 0, [0]
        for before, after in zip(rings.edges[:-1], rings.edges[1:], strict=True):
            block += after != before or blocks.count(block) == layers
            blocks.append(block)
        pairs = np.stack([np.array(blocks)[rings.layer], rings.number], axis=1)
        _, cell = np.unique(pairs, axis=0, return_inverse=True)
        cells, depth = (np.eye(each.max() + 1)[each] for each in (cell.ravel(), rings.layer))
        number = np.eye(max(rings.counts))[rings.number]
        return cls(cells, depth, number, rings.layer.astype(np.float64), rings.radius, np.array(spot))


class _Sums(nn.Module):
    """Energies of rings, in spots, in the sums that are looked at."""

    def __init__(self, sums: RingSums) -> None:
        super().__init__()
        for name in ("cell", "layer", "number", "depth", "radius", "spot"):
            array = torch.from_numpy(getattr(sums, name)).float()
            self.register_buffer(name, array)

    cell: Tensor
    layer: Tensor
    number: Tensor
    depth: Tensor
    radius: Tensor
    spot: Tensor


class Discriminator(nn.Module):
    """Judges energies in cells, layers and rings, the moments of the shower, its total, and the conditions.

    Args:
        sums: see :class:`RingSums`.
        summary: what is expected of the total.
        conditions: K.
        width: hidden width.
        scale: of the logarithms of layers, rings and shares: what is to be looked at closely, for slopes are
            penalised alike for all inputs.
    """

    def __init__(
        self, sums: RingSums, summary: LayerSummary, *, conditions: int, width: int, scale: float
    ) -> None:
        super().__init__()
        self.sums, self.scale = _Sums(sums), scale
        self.expected = Expected(summary.log_total, summary.slope)
        self.unit = 2 / float(np.mean(summary.spot))
        layers, rings = sums.layer.shape[1], sums.number.shape[1]
        inputs = sums.cell.shape[1] + 2 * layers + rings + MOMENTS + 1 + conditions
        self.body = dense(inputs, width, width, 128)
        self.logit = nn.Linear(128, 1)

    def features(self, energies: Tensor) -> Tensor:
        """What the discriminator sees (B, ...) of energies (B, M) of the rings.

        The last is the root of twice the total, in spots: it fluctuates by about 1 at any energy.
        """
        sums = self.sums
        spots = energies / sums.spot
        layers, total = spots @ sums.layer, spots.sum(1, keepdim=True)
        share = spots / (total + 1)
        logs = [torch.log1p(spots @ sums.cell), self.scale * torch.log1p(layers)]
        logs += [self.scale * torch.log1p(spots @ sums.number), 10 * (share @ sums.layer)]
        moments = []
        for place, scale in ((sums.depth, DEEP), (sums.radius, WIDE)):
            mean = share @ place[:, None]
            square = share @ place[:, None].square()
            moments += [scale * mean, scale * (square - mean.square()).clamp(min=1e-6).sqrt()]
        root = (self.unit * energies.sum(1, keepdim=True)).clamp(min=1e-6).sqrt()
        return torch.cat([*logs, *moments, root], dim=1)

    def latent(self, features: Tensor, conditions: Tensor) -> Tensor:
        """The last hidden layer (B, 128)."""
        expected = (self.unit * torch.exp(self.expected(conditions))).sqrt()
        beyond = features[:, -1:] - expected[:, None]
        hidden: Tensor = self.body(torch.cat([features[:, :-1], beyond, conditions], dim=1))
        return hidden

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """Logits (B,)."""
        logits: Tensor = self.logit(self.latent(features, conditions))
        return logits.squeeze(1)


class Regressor(nn.Module):
    """The auxiliary regressor: log energies of cells, layers and rings to a shower's place (B, 2)."""

    def __init__(self, sums: RingSums) -> None:
        super().__init__()
        self.sums = _Sums(sums)
        seen = sums.cell.shape[1] + sums.layer.shape[1] + sums.number.shape[1]
        self.body = nn.Sequential(*dense(seen, 128, 64), nn.Linear(64, 2))

    def forward(self, energies: Tensor) -> Tensor:
        """Predicted place, see :func:`maximum`, of energies (B, M) of the rings."""
        spots = energies / self.sums.spot
        seen = [spots @ getattr(self.sums, name) for name in ("cell", "layer", "number")]
        place: Tensor = self.body(torch.log1p(torch.cat(seen, dim=1)))
        return place


def spot_draw(summary: LayerSummary, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A function from the rings' means (B, M) to energies (B, M), drawn by the rule of ../spots.py.

    The gradient is that of the means (straight-through).
    """
    spot = torch.tensor(summary.spot, device=generator.device)

    def draw(means: Tensor) -> Tensor:
        with torch.no_grad():
            number = torch.poisson(means / spot, generator=generator)
            some = number > 0
            energies = torch.zeros_like(means)
            # The gamma variates of torch.distributions, which takes no generator.
            energies[some] = torch._standard_gamma(number[some], generator=generator)
            energies *= spot
        return means + (energies - means).detach()

    return draw


def maximum(rings: Rings, energies: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Where showers are, of energies (N, M) of the rings: float32 (N, 2), each in [0, 1].

    The layer with the most energy, the first of equals, over that of the last; and the mean radius over the
    outermost edge.
    """
    layers = np.zeros((len(energies), len(rings.counts)))
    for number in range(layers.shape[1]):
        layers[:, number] = energies[:, rings.layer == number].sum(axis=1, dtype=np.float64)
    total = np.maximum(layers.sum(axis=1), 1e-9)
    deepest = max(len(rings.counts) - 1, 1)
    return np.stack([layers.argmax(axis=1) / deepest, energies @ rings.radius / total], axis=1).astype(
        np.float32
    )
