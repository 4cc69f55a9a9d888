"""One model at a time beside the data: its card, and small multiples of distributions.

A card has the mean image beside the data's, and the observables that give the model away.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..tables.verdict import leaning
from .distributions import Panel, channel_panels, multiples, shower_panels, with_ratio
from .drawing import Drawing, slug
from .scene import Model, Scene
from .style import figure, plain
from .validation import imaged_models, mean_image, observable_panels, observed_models

SHOWN = 3  # observables
ACROSS = 5  # quantities side by side


def card_models(scene: Scene) -> list[Model]:
    """The models that have something to show on a card."""
    return imaged_models(scene, scene.drawn)


def telling(scene: Scene, model: Model) -> list[Panel]:
    """The observables by which a model is told from the data, the worst first; else its channels.

    The order is that of the classifier's reliance or, where it relies on none, of ``ws-observables``.
    """
    if not observed_models(scene, [model]):
        return channel_panels(scene, [model], log=True)[:SHOWN]
    panels = observable_panels(scene, [model])
    distances = (model.entry.get("ws-observables") or {}).get("channels") or {}
    worth = {name: (value or {}).get("mean") or 0.0 for name, value in distances.items()}
    reliance = leaning(model.entry)
    names = scene.reference.observed if scene.reference is not None and scene.reference.observed else ()

    def place(name: str) -> tuple[float, float]:
        return -reliance.get(name, 0.0), -worth.get(name, 0.0)

    return [panels[names.index(name)] for name in sorted(names, key=place)[:SHOWN]]


def card(scene: Scene, model: Model, panels: Sequence[Panel]) -> Figure:
    """Mean images of the data and of a model on one scale, then the panels with their ratios."""
    height = 2.15
    page = figure(height)
    images = [mean_image(scene, None), mean_image(scene, model)]
    across, up = images[0].shape
    inside = {"bottom": 0.42 / height, "top": 1 - 0.25 / height}
    wide = min(0.28, 0.24 * across / up)
    grid = page.add_gridspec(1, 2, left=0.01, right=0.01 + wide, wspace=0.08, **inside)
    right = page.add_gridspec(1, len(panels), left=0.1 + wide, right=0.99, wspace=0.27, **inside)
    lit = images[0][images[0] > 0]
    highest = max(1e-9, *(image.max() for image in images))
    lowest = max(lit.min(initial=highest) if len(lit) else 0, 1e-5 * highest) or 1e-9
    shades = colormaps["viridis_r"].with_extremes(bad="white", under="white")
    for place, (image, title) in enumerate(zip(images, ("data", plain(model.label, 16)), strict=True)):
        axes = page.add_subplot(grid[place])
        axes.imshow(
            np.ma.masked_less_equal(image.T, 0), origin="lower", cmap=shades, norm=LogNorm(lowest, highest),
            aspect="auto",
        )  # fmt: skip
        axes.set_title(title, fontsize=7.5, pad=3)
        axes.set_xticks([])
        axes.set_yticks([])
    for place, panel in enumerate(panels):
        with_ratio(page, right[place], panel, [model], first=place == 0)
    return page


def card_drawings(scene: Scene) -> Iterator[Drawing]:
    """A card for each model that has an image."""
    for model in card_models(scene):
        panels = telling(scene, model)
        named = ", ".join(panel.title for panel in panels)
        yield Drawing(
            f"card-{slug(model.label)}",
            f"{model.label} at a glance",
            "The mean response of the data and of the model, x to the right and y upwards, on one "
            f"logarithmic scale; then what tells them apart, the worst first: {named}. Below each the ratio "
            "generated / data, the band being the data's statistical error. Run 0.",
            f"Mean images of the data and of {model.label}, and histograms of {named} with ratios.",
            partial(card, scene, model, panels),
            part="card",
            model=model.label,
        )


def distribution_drawings(scene: Scene) -> Iterator[Drawing]:
    """Channel sums and observables, a row a model, a few quantities a figure."""
    told = "Each panel is one model against the data (filled; the band is its statistical error). Run 0."
    for name, title, about, models, panels in _quantities(scene):
        for start in range(0, len(panels), ACROSS):
            yield Drawing(
                name,
                title,
                f"{about} {told}",
                f"Histograms of {', '.join(model.label for model in models)}, each beside the reference.",
                partial(multiples, panels[start : start + ACROSS], models),
                part="distributions",
            )


def _quantities(scene: Scene) -> Iterator[tuple[str, str, str, Sequence[Model], list[Panel]]]:
    """What is drawn as histograms: the figure's name and title, how, of which models, and the panels."""
    models = scene.drawn
    if models and scene.channels:
        linear, log = (channel_panels(scene, models, log) for log in (False, True))
        about = "Linear axes, up to about the value below which 90 % of the data lie."
        yield "channels-linear", "Channel sums, linear", about, models, linear
        about = "Logarithmic axes over the whole range, counts divided by the width of the bin."
        yield "channels-log", "Channel sums, logarithmic", about, models, log
    observed = observed_models(scene, models)
    if observed:
        about = "Responses that do not have one, such as the centre of a dark one, are left out."
        panels = observable_panels(scene, observed)
        yield "observables", "Observables of a response", about, observed, panels
    elif models:
        about = "Centre and width: the photon-weighted mean and deviation of the pixel index along an axis."
        panels = shower_panels(scene, models)
        yield "showers", "Shower centre, width and photon sum", about, models, panels
