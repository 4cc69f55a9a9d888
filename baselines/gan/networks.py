"""The networks of a GAN by preset: one place that knows which architecture belongs to which name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from . import networks_compact as compact
from . import networks_paper as paper
from .settings import Settings

Generator: TypeAlias = compact.Generator | paper.Generator
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class DataSummary:
    """What the networks must know of the data that they are trained on, in numbers.

    Attributes:
        shape: (H, W).
        conditions: number K of scaled conditions.
        masks: channel masks (C, H, W).
        total_mean: mean photon sum of the training part.
        total_std: its standard deviation.
        total_max: its maximum.
        min_photons: the photon threshold.
    """

    shape: tuple[int, int]
    conditions: int
    masks: npt.NDArray[np.bool_]
    total_mean: float
    total_std: float
    total_max: float
    min_photons: int


@dataclass
class Networks:
    """The networks of one GAN and how photons come from its rates.

    Attributes:
        shape: (H, W).
        generator: (noise, conditions) -> rates (B, H, W).
        discriminator: (features, conditions) -> logits (B,), with ``features(views)`` and ``latent``.
        regressor: photons in the views (B, V) -> positions (B, 2).
        draw: rates (B, H * W) -> photons (B, H * W), with a gradient.
        view: pixels (B, H * W) -> what is judged of them (B, V), with a gradient.
        groups: the first so many of the V views hold every pixel once.
        pool: showers (N, H, W) -> photons (N, V) in these views.
    """

    shape: tuple[int, int]
    generator: Generator
    discriminator: compact.Discriminator | paper.Discriminator
    regressor: nn.Module
    draw: Callable[[Tensor], Tensor]
    view: Callable[[Tensor], Tensor]
    groups: int
    pool: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def network_header(preset: str, summary: DataSummary, settings: Settings) -> dict[str, Any]:
    """The arguments of the generator, plain JSON values, as weights files keep them."""
    header: dict[str, Any] = {
        "shape": list(summary.shape),
        "conditions": summary.conditions,
        "noise": settings.noise,
    }
    if preset == "compact":
        header |= {
            "field": [max(1, round(length / settings.field)) for length in summary.shape],
            "width": settings.width,
            "depth": settings.depth,
            "rank": settings.rank,
            # A start well below the mean, for most responses are fainter than it; a limit above all seen.
            "log_total": float(np.log(max(summary.total_mean, 1e-3) / 4)),
            "log_limit": float(np.log(4 * max(summary.total_max, 1.0))),
        }
    return header


def make_generator(preset: str, header: Mapping[str, Any], rng: torch.Generator | None = None) -> Generator:
    """The generator of a :func:`network_header`; ``rng`` is needed for training the ``paper`` preset.

    Raises:
        ValueError: the preset is unknown or its networks do not fit the shape.
        TypeError: the header's entries are not those of the preset.
    """
    arguments = dict(header)
    arguments["shape"] = tuple(arguments["shape"])
    if preset == "compact":
        arguments["field"] = tuple(arguments["field"])
        return compact.Generator(**arguments)
    if preset == "paper":
        return paper.Generator(**arguments, generator=rng)
    raise ValueError(f"unknown preset {preset!r}; expected compact or paper")


def make_networks(preset: str, summary: DataSummary, settings: Settings, rng: torch.Generator) -> Networks:
    """All networks of one GAN on the device of ``rng``, initialised from it.

    Raises:
        ValueError: the preset is unknown or its networks do not fit the shape.
    """

    def made(make: Callable[[], Module]) -> Module:
        return initialised(make, rng).to(rng.device)

    header = network_header(preset, summary, settings)
    generator = made(lambda: make_generator(preset, header, rng))
    shape, inputs = summary.shape, summary.conditions
    if isinstance(generator, paper.Generator):
        return Networks(
            shape,
            generator,
            made(lambda: paper.Discriminator(shape=shape, conditions=inputs, generator=rng)),
            made(lambda: paper.Regressor(shape=shape, generator=rng)),
            draw=lambda photons: photons,
            view=lambda photons: photons,
            groups=shape[0] * shape[1],
            pool=lambda showers: showers.reshape(len(showers), -1),
        )
    groups = compact.PixelGroups.of(summary.shape, settings.cell, summary.masks)
    unit = max(summary.total_std / 6, 1.0)
    return Networks(
        shape,
        generator,
        made(
            lambda: compact.Discriminator(
                groups,
                conditions=inputs,
                width=settings.width,
                unit=unit,
                sums=settings.sums,
                lines=settings.lines,
            )
        ),
        made(lambda: compact.Regressor(groups)),
        draw=compact.photon_draw(summary.min_photons, rng),
        view=groups.view,
        groups=len(groups),
        pool=groups.pool,
    )


def blank_generator(preset: str, header: Mapping[str, Any]) -> Generator:
    """The generator of a :func:`network_header`, its weights still to be loaded.

    Raises:
        ValueError, TypeError: as :func:`make_generator`.
    """
    with torch.random.fork_rng(devices=[]):  # the constructors' numbers are thrown away
        return make_generator(preset, header)


def initialised(make: Callable[[], Module], rng: torch.Generator) -> Module:
    """A module with PyTorch's usual initialisation, drawn from ``rng``.

    The constructors take their numbers from the global generator only; it is lent to them and put back.
    """
    seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device).item())
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()
