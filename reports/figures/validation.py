"""What a physicist looks at first: observables, mean images, response to energy, and each particle's mean."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter

from simbench.harness.metrics.response import response as by_energy
from simbench.harness.metrics.tools.kinds import energy_column
from simbench.harness.plugin.observables import OBSERVABLES

from .distributions import Panel
from .scene import Model, Scene
from .style import FLOOR, bare, colour, figure, line, plain

Floats = npt.NDArray[np.float64]

_UNITS = {observable.name: observable.unit for observable in OBSERVABLES}
_WIDE = ("photon_sum",)  # drawn on a logarithmic axis
_CELLS = 60  # of the grid of particle means, a side


def observed_models(scene: Scene, models: Sequence[Model]) -> list[Model]:
    """The models whose observables can be drawn beside the reference's."""
    if scene.reference is None or scene.reference.observables is None:
        return []
    names = scene.reference.observed
    return [
        model
        for model in models
        if model.unit is not None and model.unit.observables is not None and model.unit.observed == names
    ]


def observable_panels(scene: Scene, models: Sequence[Model]) -> list[Panel]:
    """A panel for each observable; what a response does not have is left out."""
    units = [unit for unit in (scene.reference, *(model.unit for model in models)) if unit is not None]
    values = [np.asarray(unit.observables, dtype=np.float64) for unit in units]
    return [
        Panel(
            name.replace("_", " "),
            _UNITS.get(name, "").replace("{unit}", scene.quantity),
            values[0][:, place],
            tuple(each[:, place] for each in values[1:]),
            log=name in _WIDE,
            shown=0.998,
        )
        for place, name in enumerate(units[0].observed or ())
    ]


def imaged_models(scene: Scene, models: Sequence[Model]) -> list[Model]:
    """The models whose mean image can be drawn beside the reference's."""
    if scene.reference is None or scene.reference.image is None:
        return []
    shape = scene.reference.image.shape
    images = ((model, None if model.unit is None else model.unit.image) for model in models)
    return [model for model, image in images if image is not None and image.shape == shape]


def mean_image(scene: Scene, model: Model | None) -> Floats:
    """(H, W) the mean response of a model, or of the reference."""
    unit = scene.reference if model is None else model.unit
    if unit is None or unit.image is None:
        raise ValueError("there is no image")
    return np.asarray(unit.image / len(unit.sums), dtype=np.float64)


def mean_images(scene: Scene, models: Sequence[Model]) -> Figure:
    """The mean image of the reference and of each model above, the difference to the reference below."""
    reference = mean_image(scene, None)
    others = [mean_image(scene, model) for model in models]
    count, (across, up) = len(models) + 1, reference.shape
    wide = 6.3 / count
    tall = min(2.6, wide * up / across)
    height = 2 * tall + 0.75
    page = figure(height)
    grid = page.add_gridspec(
        2, count, left=0.02, right=0.9, bottom=0.08 / height, top=1 - 0.3 / height, wspace=0.06, hspace=0.16
    )
    lit = reference[reference > 0]
    highest = max(1e-9, reference.max(), *(image.max() for image in others))
    shades = colormaps["viridis_r"].with_extremes(bad="white", under="white")
    scale = LogNorm(max(lit.min(initial=highest) if len(lit) else 0, 1e-5 * highest) or 1e-9, highest)
    largest = max(1e-9, *(np.abs(image - reference).max() for image in others))
    steps = SymLogNorm(1e-2 * largest, vmin=-largest, vmax=largest)
    for place, image in enumerate([reference, *others]):
        axes = page.add_subplot(grid[0, place])
        above = axes.imshow(
            np.ma.masked_less_equal(image.T, 0), origin="lower", cmap=shades, norm=scale, aspect="auto"
        )
        axes.set_title("reference" if not place else plain(models[place - 1].label, 18), pad=3)
        _frame(axes)
        axes = page.add_subplot(grid[1, place])
        if not place:
            bare(axes)
            axes.text(0.5, 0.5, "generated\nless reference", ha="center", va="center")
            continue
        below = axes.imshow((image - reference).T, origin="lower", cmap="RdBu_r", norm=steps, aspect="auto")
        _frame(axes)
    tick = 10.0 ** math.floor(math.log10(largest))
    for row, (drawn, ticks) in enumerate(((above, None), (below, (-tick, 0, tick)))):
        bar = page.add_axes((0.91, (0.1 + (1 - row) * (tall + 0.16)) / height, 0.014, 0.92 * tall / height))
        page.colorbar(drawn, cax=bar, ticks=ticks)
        bar.yaxis.set_minor_locator(FixedLocator([]))
        bar.tick_params(labelsize=6)
    page.text(0.99, 1 - 0.12 / height, f"{scene.quantity} / pixel", ha="right", fontsize=7)
    return page


def _frame(axes: Axes) -> None:
    """The border only."""
    axes.set_xticks([])
    axes.set_yticks([])


def energy_of(scene: Scene) -> npt.NDArray[np.float32] | None:
    """(N,) the first condition that is an energy, above 0 for every particle, or ``None``."""
    unit = scene.reference
    if unit is None or unit.conditions is None or unit.particle is None or unit.features is None:
        return None
    column = energy_column(unit.features)
    if column is None or not (unit.conditions[:, column] > 0).all() or not unit.photons.any():
        return None
    return unit.conditions[:, column]


def response(scene: Scene, models: Sequence[Model]) -> Figure:
    """Mean photon sum and resolution in bins of energy, with the ratio to the reference below each."""
    unit, energy = scene.reference, energy_of(scene)
    if unit is None or energy is None or unit.particle is None:
        raise ValueError("the particles and their energies are not known")
    found = [
        by_energy(unit.photons, model.unit.photons, energy=energy, particle=unit.particle)
        for model in models
        if model.unit is not None
    ]
    height = 3.6
    page = figure(height)
    grid = page.add_gridspec(
        2, 3, width_ratios=(1, 1, 0.5), height_ratios=(2.4, 1), left=0.08, right=0.985, bottom=0.12, top=0.93,
        wspace=0.24, hspace=0.07,
    )  # fmt: skip
    sides = (
        (f"mean sum ({scene.quantity})", [one.means for one in found]),
        ("spread / mean", [one.resolutions for one in found]),
    )
    for column, (label, values) in enumerate(sides):
        main, ratio = page.add_subplot(grid[0, column]), page.add_subplot(grid[1, column])
        main.plot(found[0].energy, values[0][0], color=FLOOR, linewidth=0, marker="o", markersize=3.5)
        ratio.axhline(1, color=FLOOR, linewidth=0.7)
        for model, one, both in zip(models, found, values, strict=True):
            look = {"color": colour(model), "linestyle": line(model)}
            main.plot(one.energy, both[1], **look)
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio.plot(one.energy, both[1] / both[0], **look)
        main.set_ylabel(label)
        main.set_xscale("log")
        if any((np.concatenate(both) > 0).any() for both in values):  # false for NaN too
            main.set_yscale("log")
            main.yaxis.set_minor_formatter(NullFormatter())
        else:
            main.set_yticks([])
            main.text(
                0.5, 0.5, "not known: particles have\none response each", ha="center", va="center",
                transform=main.transAxes,
            )  # fmt: skip
        main.tick_params(axis="x", labelbottom=False)
        ratio.set_xscale("log")
        ratio.set_xlabel("energy of the particle")
        ratio.set_ylim(0.5, 1.5)
        if not column:
            ratio.set_ylabel("ratio", loc="center")
        for axes in (main, ratio):
            axes.xaxis.set_minor_formatter(NullFormatter())
    corner = page.add_subplot(grid[:, 2])
    bare(corner)
    handles = [Line2D([], [], color=FLOOR, linewidth=0, marker="o", markersize=3.5)]
    handles += [Line2D([], [], color=colour(model), linestyle=line(model)) for model in models]
    corner.legend(handles, ["reference", *(plain(model.label, 20) for model in models)], loc="center left")
    return page


def particle_means(scene: Scene, model: Model) -> tuple[Floats, Floats]:
    """(P,) means of the photon sums over a particle's responses, of the reference and of a model."""
    unit = scene.reference
    if unit is None or unit.particle is None or model.unit is None:
        raise ValueError("the particles are not known")
    owner = np.unique(unit.particle, return_inverse=True)[1]
    count = np.bincount(owner)
    first, second = (np.bincount(owner, weights=one.photons) / count for one in (unit, model.unit))
    return first, second


def conditional_means(scene: Scene, models: Sequence[Model]) -> Figure:
    """A panel a model: the mean sum of each particle, generated against reference, with the diagonal."""
    columns = 3
    rows = math.ceil(len(models) / columns)
    height = 2.3 * rows + 0.25
    page = figure(height)
    grid = page.add_gridspec(
        rows, columns, left=0.08, right=0.985, bottom=0.42 / height, top=1 - 0.25 / height, wspace=0.25,
        hspace=0.35,
    )  # fmt: skip
    pairs = [particle_means(scene, model) for model in models]
    highest = 1.3 * max(1.0, *(side.max() for pair in pairs for side in pair))
    edges = np.geomspace(0.5, highest, _CELLS + 1)
    for place, (model, (x, y)) in enumerate(zip(models, pairs, strict=True)):
        axes = page.add_subplot(grid[divmod(place, columns)])
        cells = np.histogram2d(x.clip(edges[0]), y.clip(edges[0]), (edges, edges))[0]
        axes.pcolormesh(
            edges, edges, np.ma.masked_equal(cells.T, 0), norm=LogNorm(1, max(2.0, cells.max())),
            cmap=colormaps["viridis_r"], rasterized=True,
        )  # fmt: skip
        axes.plot(edges[[0, -1]], edges[[0, -1]], color=FLOOR, linewidth=0.7)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(plain(model.label))
        axes.set_xlabel(f"reference ({scene.quantity})")
        if place % columns == 0:
            axes.set_ylabel(f"generated ({scene.quantity})")
    return page
