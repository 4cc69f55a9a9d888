"""The network: what it takes a noisy image to have been, patch by patch.

Every patch of 4 x 4 pixels is worked on by the same layers. They see the patch and two pixels around it, the
time, what is known of the particle and its photon sum, where on the image the patch lies, and from where
light is expected (as a cascade does); a narrow path through the whole image lets patches know of others.
Besides, a profile of rings around the place where light is expected is drawn for every particle and time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cascade.density.aim import Aim
from ..cascade.density.sums import SumNetworks

Context: TypeAlias = tuple[Tensor, Tensor, Tensor]

PATCH = 4
SEEN = 2 * PATCH  # pixels along either axis that a patch's layers see
TIMES = 16  # numbers that tell the time
_REACH = 3.0  # places further away than so many patches are told apart less and less
LEAST = 0.05  # of a flow's time is left, at least, as far as a network is told
_RADII = (0.3, 1.2, 2.8, 6.0, 13.0, 30.0)  # pixels, of rings around where light is expected
_RING = 0.4  # their width, in logarithms
_SURE = 30.0  # log odds beyond which a pixel is dark or lit


@dataclass(frozen=True)
class Sizes:
    """What the networks' shapes follow from.

    Attributes:
        conditions: K scaled conditions.
        bins: of the photon sum.
        members: networks of the photon sum.
        sum_width: their width.
        width: of a patch's layers.
        depth: of these layers after the first.
        context_width: of the network that is told of the particle.
        whole_width: of the path through the whole image.
    """

    conditions: int
    bins: int
    members: int
    sum_width: int
    width: int
    depth: int
    context_width: int
    whole_width: int

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Sizes":
        """The sizes of :meth:`to_json`."""
        return cls(**{name: int(stored[name]) for name in cls.__annotations__})


class Denoiser(nn.Module):
    """From a noisy image at a time to what it is expected to become.

    Args:
        shape: (H, W) of the image.
        sizes: of the networks.
    """

    def __init__(self, shape: tuple[int, int], sizes: Sizes) -> None:
        super().__init__()
        self.shape = shape
        self.cells = (-(-shape[0] // PATCH), -(-shape[1] // PATCH))
        h, w = self.cells
        width = sizes.width
        self.known = nn.Sequential(
            nn.Linear(sizes.conditions + 1, sizes.context_width),
            nn.SiLU(),
            nn.Linear(sizes.context_width, sizes.context_width),
            nn.SiLU(),
        )
        self.first = nn.Conv2d(1, width, SEEN, PATCH, PATCH // 2)
        self.place = nn.Parameter(0.1 * torch.randn(h * w, width))
        self.near = nn.Linear(4, width, bias=False)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(sizes.depth))
        # What is told at each layer: of the particle, of the time.
        told = (1 + sizes.depth) * width
        self.of_known = nn.Linear(sizes.context_width, told)
        self.of_time = nn.Linear(TIMES, told)
        self.whole = nn.Sequential(
            nn.Linear(PATCH * PATCH * h * w + sizes.context_width + TIMES, sizes.whole_width),
            nn.SiLU(),
            nn.Linear(sizes.whole_width, width),
        )
        self.last = nn.Linear(width, 2 * PATCH * PATCH)
        self.to_profile = nn.Linear(sizes.context_width + TIMES, width)
        self.profile = nn.Linear(width, 2 * len(_RADII))
        self.pixels = nn.Parameter(torch.zeros(2, *shape))
        self.trust, self.dark, self.spread = (nn.Parameter(torch.zeros(1)) for _ in range(3))
        with torch.no_grad():
            self.last.weight.mul_(0.1)

    def context(self, scaled: Tensor, total: Tensor, places: Tensor) -> Context:
        """What does not depend on time: of the particle, (N, C), and of the patches, (N, cells, width).

        Args:
            scaled: (N, K) scaled conditions.
            total: (N,) photon sums.
            places: (N, 4) where straight lines end, and where light is expected, in pixels.
        """
        known = self.known(torch.cat([scaled, torch.log1p(total)[:, None] / 3 - 1], 1))
        h, w = self.cells
        i, j = torch.arange(h).repeat_interleave(w), torch.arange(w).repeat(h)
        middle = torch.stack([i, j, i, j], 1) + 0.5
        away = _REACH * torch.tanh((places[:, None] / PATCH - middle) / _REACH)
        rows, columns = (torch.arange(size) + 0.5 for size in self.shape)
        radius = torch.hypot(rows[:, None] - places[:, 2, None, None], columns - places[:, 3, None, None])
        far = torch.log1p(radius)[:, None] - torch.log1p(torch.tensor(_RADII))[:, None, None]
        rings = torch.exp((far * far).mul(-0.5 / _RING**2))
        return known, self.place + self.near(away), rings

    def forward(self, x: Tensor, time: Tensor, context: Context) -> Tensor:
        """(N, H, W) what images are expected to become.

        Args:
            x: (N, H, W) at that time.
            time: (N,) or (1,) from 0 to 1.
            context: of :meth:`context`.
        """
        known, patches, rings = context
        (h, w), (rows, columns) = self.cells, self.shape
        padded = F.pad(x, (0, w * PATCH - columns, 0, h * PATCH - rows))
        clock = _clock(time)
        told = (self.of_known(known) + self.of_time(clock)).chunk(1 + len(self.layers), 1)
        seen = self.first(padded[:, None]).flatten(2).transpose(1, 2)
        hidden = F.silu(seen + patches + told[0][:, None])
        everything = torch.cat([padded.flatten(1), known, clock.expand(len(x), -1)], 1)
        told = (told[1] + self.whole(everything), *told[2:])
        for layer, more in zip(self.layers, told, strict=True):
            hidden = hidden + F.silu(layer(hidden) + more[:, None])
        out = self.last(hidden).view(-1, h, w, PATCH, PATCH, 2).permute(5, 0, 1, 3, 2, 4)
        out = out.reshape(2, -1, h * PATCH, w * PATCH)[..., :rows, :columns]
        profile = self.profile(F.silu(self.to_profile(torch.cat([known, clock.expand(len(x), -1)], 1))))
        smooth = torch.einsum("nsk,nkhw->snhw", profile.view(len(x), 2, -1), rings)
        gate, value = out + smooth + self.pixels[:, None]
        # A pixel that stands out of the noise has light the more surely the less noise is left.
        left = (1 - time).clamp(min=LEAST)
        trust = (self.trust.exp() * time / left**2)[:, None, None]
        lit = torch.sigmoid((gate + trust * x).clamp(-_SURE, _SURE))
        t, narrow = time[:, None, None], (self.spread - 2).exp() ** 2
        dark = self.dark + t * narrow / (t**2 * narrow + (1 - t) ** 2 + 1e-6) * (x - t * self.dark)
        found: Tensor = dark + lit * (value + t * x - dark)
        return found


class Flow(nn.Module):
    """All networks: of the photon sum, of where light is expected, and of the image."""

    def __init__(self, shape: tuple[int, int], sizes: Sizes, sum_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.sizes = shape, sizes
        self.sums = SumNetworks(sizes.conditions, sizes.bins, sizes.sum_width, sizes.members, sum_dropout)
        self.aim = Aim(sizes.conditions, shape)
        self.image = Denoiser(shape, sizes)

    def context(self, scaled: Tensor, straight: Tensor, total: Tensor) -> Context:
        """:meth:`Denoiser.context`, with straight lines (N, 2) that end there, in pixels."""
        with torch.no_grad():
            aimed, _ = self.aim(scaled, straight)
        return self.image.context(scaled, total, torch.cat([straight, aimed], 1))


def make(shape: tuple[int, int], sizes: Sizes, seed: int = 0, sum_dropout: float = 0.0) -> Flow:
    """A :class:`Flow` with weights to start from; torch's own random numbers stay where they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Flow(shape, sizes, sum_dropout)


def _clock(time: Tensor) -> Tensor:
    """(n, TIMES) waves of times (n,)."""
    turns = 2.0 ** torch.linspace(-1, 4, TIMES // 2)
    angle = np.pi * time[:, None] * turns
    return torch.cat([torch.sin(angle), torch.cos(angle)], 1)
