"""Example responses of every model beside the reference's, for the same particles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .scene import Model, Scene
from .style import FLOOR, WIDTH, bare, figure, plain, room

Images = npt.NDArray[Any]

_GAP = 3  # pixels between two responses
_RIGHT, _TOP, _BOTTOM = 0.75, 0.3, 0.12  # inches
_CORNER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
_NAMED = 18  # characters of a name that fit before a row


@dataclass(frozen=True)
class Strip:
    """A row of responses, (n, H, W), under one name; ``notes`` stand in their corners."""

    name: str
    images: Images
    notes: tuple[str, ...]


def example_strips(scene: Scene, models: Sequence[Model]) -> list[Strip]:
    """The reference, then every model, each for the same particles."""
    reference = scene.reference
    if reference is None or reference.examples is None or not len(reference.examples):
        return []
    strips = [Strip("reference", reference.examples, _sums(reference.examples))]
    for model in models:
        images = None if model.unit is None else model.unit.examples
        if images is None or images.shape != reference.examples.shape:
            continue
        strips.append(Strip(model.label, images, _sums(images)))
    return strips


def by_expert(scene: Scene, model: Model) -> list[Strip]:
    """The examples of a model that routes, in the order of the experts that served them."""
    experts, strips = example_experts(scene, model), example_strips(scene, [model])
    if experts is None or len(strips) < 2:
        return []
    order = np.argsort(experts, kind="stable")
    return [
        Strip(strip.name, strip.images[order], tuple(strip.notes[index] for index in order))
        for strip in strips
    ]


def examples(strips: Sequence[Strip], heads: Sequence[str], quantity: str) -> Figure:
    """Rows of images of a ``quantity`` on one colour scale, ``heads`` above the columns; empty is white."""
    count, pixels_x, pixels_y = strips[0].images.shape
    across, down = count * (pixels_x + _GAP), len(strips) * (pixels_y + _GAP)
    mosaic = np.full((down, across), np.nan)
    corners = []
    for row, strip in enumerate(strips):
        for column, image in enumerate(strip.images):
            x, y = column * (pixels_x + _GAP), row * (pixels_y + _GAP)
            mosaic[y : y + pixels_y, x : x + pixels_x] = image.T[::-1]  # y points up, row 0 is on top
            corners.append((x, y))

    names = [plain(strip.name, _NAMED) for strip in strips]
    left = room(names) * WIDTH
    wide = WIDTH - left - _RIGHT
    tall = wide * down / across
    height = tall + _TOP + _BOTTOM
    page = figure(height)
    axes = page.add_axes((left / WIDTH, _BOTTOM / height, wide / WIDTH, tall / height))
    highest = max(10.0, float(np.nanmax(mosaic)))
    # from green on: a single photon in viridis' yellow would be lost on white paper
    greens = ListedColormap(colormaps["viridis_r"](np.linspace(0.25, 1, 256)))
    shades = greens.with_extremes(bad="white", under="white")
    image = axes.imshow(
        np.ma.masked_invalid(mosaic), norm=LogNorm(1, highest), cmap=shades, interpolation="nearest",
        extent=(0, across, down, 0), aspect="auto",
    )  # fmt: skip
    frames = [Rectangle(corner, pixels_x, pixels_y) for corner in corners]
    axes.add_collection(PatchCollection(frames, facecolor="none", edgecolor=FLOOR, linewidth=0.5))
    axes.set(xlim=(-1, across), ylim=(down, -1))
    bare(axes)
    for row, strip in enumerate(strips):
        y = row * (pixels_y + _GAP)
        axes.text(-4, y + pixels_y / 2, names[row], ha="right", va="center", fontsize=7)
        for column, note in enumerate(strip.notes):
            x = column * (pixels_x + _GAP) + pixels_x - 1
            axes.text(x, y + 1.5, note, ha="right", va="top", fontsize=5.5, bbox=_CORNER)
    for column, head in enumerate(heads):
        axes.text(
            column * (pixels_x + _GAP) + pixels_x / 2, -2, plain(head), ha="center", va="bottom", fontsize=7
        )
    long = min(tall, 3)
    bar = page.add_axes(
        (1 - (_RIGHT - 0.08) / WIDTH, (_BOTTOM + tall - long) / height, 0.12 / WIDTH, long / height)
    )
    page.colorbar(image, cax=bar).set_label(f"{quantity} / pixel", loc="center")
    return page


def example_experts(scene: Scene, model: Model) -> npt.NDArray[np.int64] | None:
    """(n,) expert that served each example, counted from 0, or None for a model that does not route."""
    rows = None if scene.reference is None else scene.reference.example_rows
    if rows is None or model.unit is None or model.unit.experts is None:
        return None
    return model.unit.experts[rows]


def _sums(images: Images) -> tuple[str, ...]:
    return tuple(f"{image.sum(dtype=np.float64):.0f}" for image in images)
