"""Distributions, generated against reference: channel sums, and the shape of the shower."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Patch
from matplotlib.ticker import AutoMinorLocator, FixedLocator, MaxNLocator, NullFormatter, NullLocator

from .scene import Model, Scene
from .style import FLOOR, REFERENCE, STEPS, colour, figure, line, plain

Floats = npt.NDArray[np.float64]

_BINS = 40
_LOG_BINS = 28
_BAND = 0.45  # opacity of the statistical error
_FEWEST = 16  # photons that a linear axis shows at least


@dataclass(frozen=True)
class Panel:
    """One quantity: its (N,) values in the reference and in each model's run 0."""

    title: str
    axis: str
    reference: Floats
    generated: tuple[Floats, ...]
    log: bool = False
    shown: float = 0.9  # share of the reference that a linear axis spans


def channel_panels(scene: Scene, models: Sequence[Model], log: bool) -> list[Panel]:
    """A panel for the sum of each channel."""
    units = [unit for unit in (scene.reference, *(model.unit for model in models)) if unit is not None]
    sums = [unit.channels(scene.convention) for unit in units]
    return [
        Panel(name, scene.quantity, sums[0][:, c], tuple(each[:, c] for each in sums[1:]), log)
        for c, name in enumerate(scene.channels)
    ]


def shower_panels(scene: Scene, models: Sequence[Model]) -> list[Panel]:
    """Panels for centre and width of the shower along both axes, and for the photon sum."""
    units = [unit for unit in (scene.reference, *(model.unit for model in models)) if unit is not None]
    panels = []
    for title, values in (
        ("centre", [unit.centre for unit in units]),
        ("width", [unit.width for unit in units]),
    ):
        for axis, name in enumerate("xy"):
            columns = [value[:, axis] for value in values]
            panels.append(Panel(f"{title} in {name}", "pixels", columns[0], tuple(columns[1:]), shown=0.998))
    photons = [unit.photons for unit in units]
    return [*panels, Panel("photon sum", scene.quantity, photons[0], tuple(photons[1:]), log=True)]


def multiples(panels: Sequence[Panel], models: Sequence[Model]) -> Figure:
    """A row a model, a column a quantity: the model alone beside the reference and its statistical error."""
    columns, rows = len(panels), len(models)
    height = 0.92 * rows + 0.75
    page = figure(height)
    grid = page.add_gridspec(
        rows, columns, left=0.055, right=0.99, bottom=0.42 / height, top=1 - 0.38 / height,
        wspace=0.22, hspace=0.28,
    )  # fmt: skip
    for column, panel in enumerate(panels):
        bounds = edges(panel)
        widths = np.diff(bounds) if panel.log else np.ones(len(bounds) - 1)
        counts, *generated = (
            np.histogram(_finite(v), bounds)[0] for v in (panel.reference, *panel.generated)
        )
        heights = np.concatenate([counts / widths, *(values / widths for values in generated)])
        for row, (model, values) in enumerate(zip(models, generated, strict=True)):
            axes = page.add_subplot(grid[row, column])
            _reference(axes, counts, widths, bounds)
            look: dict[str, Any] = {"color": colour(model), "linewidth": 1.1, "label": model.label}
            axes.stairs(values / widths, bounds, baseline=None, **look)
            _scale(axes, bounds, panel.log, heights, fine=False)
            axes.tick_params(labelsize=6, labelbottom=row == rows - 1, labelleft=False)
            if not row:
                axes.set_title(plain(panel.title), fontsize=7.5, pad=3)
            if row == rows - 1:
                axes.set_xlabel(panel.axis, labelpad=1, fontsize=7)
            if not column:
                axes.set_ylabel(plain(model.label, 15), fontsize=6.5, loc="center")
    handles: list[Artist] = [Patch(facecolor=REFERENCE), Patch(facecolor=FLOOR, alpha=_BAND)]
    labels = ["reference", "its statistical error"]
    page.legend(handles, labels, loc="upper right", ncols=2, borderpad=0.1, bbox_to_anchor=(0.99, 1))
    return page


def edges(panel: Panel) -> Floats:
    """Bin edges. Whole numbers fall into the middle of bins, so that no bin holds one more of them.

    A linear axis ends where ``panel.shown`` of the reference lie below; a logarithmic one holds every
    response, in bins that grow with the value and one for zero.
    """
    reference = _finite(panel.reference)
    whole = bool(len(reference)) and np.array_equal(reference, np.round(reference))
    if panel.log:
        values = [v for v in map(_finite, (reference, *panel.generated)) if len(v)]
        highest = max([1.0, *(np.ceil(v.max()) for v in values)])
        return np.append(-0.5, np.unique(np.round(np.geomspace(1, highest + 1, _LOG_BINS))) - 0.5)
    if not len(reference):
        return np.linspace(0, 1, _BINS + 1)
    if whole:
        low, high = float(reference.min()), float(np.quantile(reference, panel.shown))
        high = max(high, low + _FEWEST)
        step = max(1, math.ceil((high - low + 1) / _BINS))
        return np.asarray(low - 0.5 + step * np.arange(math.ceil((high - low + 1) / step) + 1))
    low, high = (
        float(bound) for bound in np.quantile(reference, ((1 - panel.shown) / 2, (1 + panel.shown) / 2))
    )
    return np.linspace(low, high if high > low else low + 1, _BINS + 1)


def with_ratio(page: Figure, cell: SubplotSpec, panel: Panel, models: Sequence[Model], first: bool) -> None:
    """The models' histogram beside the reference's, and below it the ratio with the reference's error.

    ``first`` is said of the leftmost one, which has the labels.
    """
    rows = cell.subgridspec(2, 1, height_ratios=(2.6, 1), hspace=0.07)
    main, ratio = page.add_subplot(rows[0]), page.add_subplot(rows[1])
    bounds = edges(panel)
    widths = np.diff(bounds) if panel.log else np.ones(len(bounds) - 1)
    counts, *generated = (np.histogram(_finite(v), bounds)[0] for v in (panel.reference, *panel.generated))

    _reference(main, counts, widths, bounds)
    known = np.where(counts > 0, counts, np.nan)  # no ratio where the reference has nothing
    error = 1 / np.sqrt(known)
    ratio.stairs(1 + error, bounds, baseline=1 - error, fill=True, color=REFERENCE, linewidth=0)
    ratio.axhline(1, color=FLOOR, linewidth=0.7)
    for model, values in zip(models, generated, strict=True):
        look = {"color": colour(model), "linestyle": line(model), "label": model.label}
        main.stairs(values / widths, bounds, baseline=None, **look)
        ratio.stairs(values / known, bounds, baseline=None, **look)

    main.set_title(plain(panel.title), pad=4)
    ratio.set_xlabel(panel.axis, labelpad=1)
    if first:
        main.set_ylabel("responses / photon" if panel.log else "responses")
        ratio.set_ylabel("ratio", loc="center")
    ratio.set_ylim(0, 2)
    ratio.yaxis.set_major_locator(FixedLocator([0.5, 1, 1.5]))
    heights = np.concatenate([counts / widths, *(values / widths for values in generated)])
    _scale(main, bounds, panel.log, heights)
    _scale(ratio, bounds, panel.log)
    main.tick_params(axis="x", labelbottom=False)


def _reference(axes: Axes, counts: npt.NDArray[np.int64], widths: Floats, bounds: Floats) -> None:
    """The reference, filled, and the statistical error of each bin around its top."""
    error = np.sqrt(counts)
    axes.stairs(counts / widths, bounds, fill=True, color=REFERENCE, label="reference")
    axes.stairs(
        (counts + error) / widths, bounds, baseline=(counts - error) / widths, fill=True, color=FLOOR,
        alpha=_BAND, linewidth=0, label="reference and its error",
    )  # fmt: skip


def _scale(axes: Axes, bounds: Floats, log: bool, heights: Floats | None = None, fine: bool = True) -> None:
    """Ticks and limits of an axis of the quantity, and of ``heights`` where they are shown.

    Without ``fine`` ones, which take most of the time of a small panel.
    """
    if log:
        axes.set_xscale("symlog", linthresh=1, linscale=0.5)
        powers = 10.0 ** np.arange(math.ceil(math.log10(bounds[-1] + 1)))
        axes.xaxis.set_major_locator(FixedLocator([0, *powers]))
        axes.xaxis.set_minor_locator(FixedLocator([n * p for p in powers for n in range(2, 10)] * fine))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
        axes.xaxis.set_minor_locator(AutoMinorLocator() if fine else NullLocator())
    axes.set_xlim(bounds[0], bounds[-1])
    if heights is None:
        return
    highest = max(1e-9, heights.max())
    if log:
        axes.set_yscale("log")
        if not fine:
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0.5 * heights[heights > 0].min(initial=highest), 3 * highest)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
        axes.set_ylim(0, 1.12 * highest)


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]
