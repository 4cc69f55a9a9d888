"""The networks of a GAN by preset: one place that knows which architecture belongs to which name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng as keyed

from .. import photons, spots
from . import networks_compact as compact
from . import networks_layers as layers
from . import networks_paper as paper
from .settings import Settings

Generator: TypeAlias = compact.Generator | layers.Generator | paper.Generator
Discriminator: TypeAlias = compact.Discriminator | layers.Discriminator | paper.Discriminator
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
        layered: for the ``layers`` preset.
    """

    shape: tuple[int, int]
    conditions: int
    masks: npt.NDArray[np.bool_]
    total_mean: float
    total_std: float
    total_max: float
    min_photons: int
    layered: layers.LayerSummary | None = None


@dataclass
class Networks:
    """The networks of one GAN and how photons, or energies, come from its rates.

    A rate is the expected content of a pixel, of which there are P = H * W; with the ``layers`` preset that
    of a ring, of which there are P.

    Attributes:
        extent: what the places 1 of the regressor stand for in Eq. 4.
        place: showers (N, H, W) -> where they are (N, 2), in [0, 1]: what the regressor is to find.
        generator: (noise, conditions) -> rates (B, H, W), or (B, P).
        discriminator: (features, conditions) -> logits (B,), with ``features(views)`` and ``latent``.
        regressor: photons in the views (B, V) -> places (B, 2).
        draw: rates (B, P) -> photons (B, P), with a gradient.
        view: pixels (B, P) -> what is judged of them (B, V), with a gradient.
        groups: the first so many of the V views hold every pixel once.
        pool: showers (N, H, W) -> photons (N, V) in these views.
    """

    extent: tuple[float, float]
    place: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
    generator: Generator
    discriminator: Discriminator
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
    if preset == "layers":
        known = _layers_of(summary)
        header |= {
            "rings": known.rings.to_json(),
            "spot": list(known.spot),
            "width": settings.width,
            "depth": settings.depth,
            "rank": settings.rank,
            "log_total": known.log_total,
            "slope": list(known.slope),
            "log_limit": float(np.log(4 * max(summary.total_max, 1.0))),
        }
    return header


def _layers_of(summary: DataSummary) -> layers.LayerSummary:
    if summary.layered is None:
        raise ValueError("the layers preset serves detectors that measure energies in layers of rings")
    return summary.layered


def make_generator(preset: str, header: Mapping[str, Any], rng: torch.Generator | None = None) -> Generator:
    """The generator of a :func:`network_header`; ``rng`` is needed for training the ``paper`` preset.

    Raises:
        ValueError: the preset is unknown or its networks do not fit the shape.
        TypeError: the header's entries are not those of the preset.
    """
    arguments = dict(header)
    if preset == "layers":
        rings = spots.Rings.from_json(arguments.pop("rings"))
        return layers.Generator(
            rings=rings, **{name: arguments[name] for name in arguments if name not in ("shape", "spot")}
        )
    arguments["shape"] = tuple(arguments["shape"])
    if preset == "compact":
        arguments["field"] = tuple(arguments["field"])
        return compact.Generator(**arguments)
    if preset == "paper":
        return paper.Generator(**arguments, generator=rng)
    raise ValueError(f"unknown preset {preset!r}; expected compact, layers or paper")


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
    if isinstance(generator, layers.Generator):
        known = _layers_of(summary)
        sums = layers.RingSums.of(known.rings, known.spot, settings.cell)
        return Networks(
            (len(known.rings.counts) - 1.0, float(max(known.rings.counts))),
            lambda showers: layers.maximum(known.rings, known.rings.sums(showers)),
            generator,
            made(
                lambda: layers.Discriminator(
                    sums, known, conditions=inputs, width=settings.width, scale=settings.lines
                )
            ),
            made(lambda: layers.Regressor(sums)),
            draw=layers.spot_draw(known, rng),
            view=lambda energies: energies,
            groups=len(known.rings),
            pool=known.rings.sums,
        )
    extent = (shape[0] - 1.0, shape[1] - 1.0)
    if isinstance(generator, paper.Generator):
        return Networks(
            extent,
            brightest,
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
        extent,
        brightest,
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


def brightest(showers: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """(k, l) of the brightest pixel of each shower (N, H, W), scaled to [0, 1]: float32 (N, 2).

    Ties go to the first maximum in row order.
    """
    height, width = showers.shape[1:]
    k, l = np.divmod(showers.reshape(len(showers), -1).argmax(axis=1), width)  # noqa: E741
    return np.stack([k / max(height - 1, 1), l / max(width - 1, 1)], axis=1).astype(np.float32)


def response_of(
    preset: str, header: Mapping[str, Any], min_photons: int
) -> Callable[[npt.NDArray[np.floating], keyed.Keys], npt.NDArray[Any]]:
    """How responses (N, H, W) come from what the network of a header says (N, ...), and (N,) keys of chance.

    Args:
        preset: of the network.
        header: see :func:`network_header`.
        min_photons: the photon threshold.
    """
    if preset == "paper":  # this network gives photons, the others rates
        return photons.round_photons
    if preset == "compact":
        return lambda rates, keys: photons.draw(rates, keys, min_photons)
    rings, shape = spots.Rings.from_json(header["rings"]), header["shape"]
    return lambda rates, keys: spots.draw(rates, keys, rings, header["spot"]).reshape(-1, *shape)


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
