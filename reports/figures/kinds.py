"""How wrong a particle's mean is, by energy and by species: for whom a simulator does not answer well."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..text.rounding import finite
from .scene import Model, Scene
from .style import FLOOR, colour, figure, marker, plain

METRIC = "conditional"
SUBSETS = ("by energy", "by species")
_LINEAR = 0.01  # within which the axis is linear: what chance brings
_TICKS = (0.01, 0.1, 1, 10, 100)
_LEGEND = 5  # models in a line of it


def told(scene: Scene) -> list[Model]:
    """The models whose scores tell both."""
    return [
        model
        for model in scene.scored
        if all((model.entry.get(METRIC) or {}).get(subset) for subset in SUBSETS)
    ]


def excess(models: Sequence[Model]) -> Figure:
    """A row for each bin of energy, and for each species; a marker for each model."""
    names = {subset: list(models[0].entry[METRIC][subset]) for subset in SUBSETS}
    rows = max(len(each) for each in names.values())
    height = 1.0 + 0.19 * rows + 0.2 * -(-len(models) // _LEGEND)
    page = figure(height)
    grid = page.add_gridspec(
        1, 2, left=0.215, right=0.985, bottom=(height - 0.28 - 0.19 * rows) / height, top=1 - 0.28 / height,
        wspace=0.72,
    )  # fmt: skip
    for column, (subset, each) in enumerate(names.items()):
        axes = page.add_subplot(grid[column])
        axes.axvline(0, color=FLOOR, linewidth=0.7)
        for model in models:
            values = [finite((model.entry[METRIC][subset].get(name) or {}).get("mean")) for name in each]
            x = np.array([np.nan if value is None else value for value in values])
            axes.plot(
                x, range(len(each)), color=colour(model), marker=marker(model), linewidth=0, markersize=4
            )
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.4)
        axes.set_xticks([0, *(tick for tick in _TICKS if tick < axes.get_xlim()[1])])
        axes.set_ylim(len(each) - 0.5, -0.5)
        axes.set_yticks(range(len(each)), [plain(name, 40) for name in each])
        axes.set_title(subset)
        axes.set_xlabel("excess (variances)")
        axes.grid(axis="y", linewidth=0.4)
    handles = [Line2D([], [], color=colour(one), marker=marker(one), linewidth=0) for one in models]
    page.legend(handles, [plain(one.label, 20) for one in models], loc="lower center", ncols=_LEGEND)
    return page
