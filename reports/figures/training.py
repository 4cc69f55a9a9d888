"""How trained models were trained, and how a model that routes shares its work."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..text.results import one_line
from ..text.rounding import finite
from .scene import Model, Scene
from .style import STEPS, bare, colour, figure, line, plain, room

_COLUMNS = 3
_CURVES = ("#3f90da", "#e76300", "#832db6", "#bd1f01", "#a96b59", "#717581", "#ffa90e", "#92dadd")
_SHARED: tuple[Any, ...] = ("-", "--", ":", "-.")


def trained_models(scene: Scene) -> list[Model]:
    """The models whose training left a history."""
    return [model for model in scene.models if _history(model)]


def validation(models: Sequence[Model]) -> Figure:
    """Validation score against step for all models, the chosen checkpoint marked."""
    height = max(2.9, 0.19 * len(models) + 0.8)  # the legend names every model
    page = figure(height)
    grid = page.add_gridspec(
        1,
        2,
        width_ratios=(1, 0.36),
        left=0.07,
        right=0.99,
        bottom=0.43 / height,
        top=1 - 0.12 / height,
        wspace=0.04,
    )
    axes, corner = page.add_subplot(grid[0]), page.add_subplot(grid[1])
    bare(corner)
    lowest, highest = math.inf, 0.0
    for model in models:
        points = [(entry["step"], score) for entry in _history(model)
                  if (score := finite(entry.get("validation"))) is not None]  # fmt: skip
        if not points:
            continue
        axes.plot(*zip(*points, strict=True), color=colour(model), linestyle=line(model))
        best = [point for point in points if point[0] == model.entry["training"].get("best_step")]
        axes.plot([x for x, _ in best], [y for _, y in best], "o", color=colour(model), markersize=5)
        scores = [score for _, score in points]
        lowest, highest = min(lowest, *scores), max(highest, *scores)
    axes.set_xlabel("training step")
    axes.set_ylabel("validation score")
    if lowest > 0 and highest > 10 * lowest:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS, integer=True))
    handles = [Line2D([], [], color=colour(model), linestyle=line(model)) for model in models]
    handles.append(Line2D([], [], color="black", marker="o", linestyle="none", markersize=5))
    labels = [*(plain(model.label) for model in models), "chosen checkpoint"]
    corner.legend(handles, labels, loc="center left", borderpad=0, handlelength=2.8)
    return page


def losses(models: Sequence[Model]) -> Figure:
    """A panel for each model with every loss that its training recorded."""
    names = sorted({name for model in models for entry in _history(model) for name in _losses(entry)})
    looks = {
        name: (_CURVES[i % len(_CURVES)], _SHARED[i // len(_CURVES) % 4]) for i, name in enumerate(names)
    }
    rows = math.ceil(len(models) / _COLUMNS)
    legend = 0.2 * math.ceil(len(names) / 5) + 0.1
    height = 1.75 * rows + 0.35 + legend
    page = figure(height)
    grid = page.add_gridspec(
        rows, _COLUMNS, left=0.09, right=0.985, bottom=0.4 / height, top=1 - (0.2 + legend) / height,
        wspace=0.28, hspace=0.42,
    )  # fmt: skip
    for index, model in enumerate(models):
        axes = page.add_subplot(grid[divmod(index, _COLUMNS)])
        for name in names:
            points = [(entry["step"], loss) for entry in _history(model)
                      if (loss := _losses(entry).get(name)) is not None]  # fmt: skip
            if points:
                axes.plot(*zip(*points, strict=True), color=looks[name][0], linestyle=looks[name][1])
        axes.set_title(plain(model.label))
        axes.set_yscale("symlog", linthresh=0.1)  # adversarial losses may be negative, others span decades
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS, integer=True))
        if index % _COLUMNS == 0:
            axes.set_ylabel("loss")
        if index + _COLUMNS >= len(models):
            axes.set_xlabel("training step")
    handles = [Line2D([], [], color=looks[name][0], linestyle=looks[name][1]) for name in names]
    labels = [plain(one_line(name)) for name in names]
    page.legend(handles, labels, loc="upper left", ncols=5, bbox_to_anchor=(0.075, 1), borderpad=0.2)
    return page


def routing_models(scene: Scene) -> list[Model]:
    """The models that say what each of their experts did."""
    return [model for model in scene.scored if model.entry.get("experts")]


def expert_load(models: Sequence[Model]) -> Figure:
    """For each expert its share of the responses, and mean and spread of their photon sums."""
    rows = [(model, k, expert) for model in models for k, expert in enumerate(model.entry["experts"])]
    names = [f"{plain(model.label, 22)}, expert {k + 1}" for model, k, _ in rows]
    height = 0.75 + 0.19 * len(rows) + 0.1 * len(models)
    page = figure(height)
    grid = page.add_gridspec(
        1, 2, left=room(names), right=0.985, bottom=0.42 / height, top=1 - 0.1 / height, wspace=0.08
    )
    share, intensity = page.add_subplot(grid[0]), page.add_subplot(grid[1])
    places: list[float] = []
    for group, model in enumerate(models):  # half a row between one model and the next
        places += [len(places) + 0.5 * group + expert for expert in range(len(model.entry["experts"]))]
    for place, (model, _, expert) in zip(places, rows, strict=True):
        part, mean, spread = (finite(expert.get(key)) for key in ("share", "mean", "std"))
        share.barh(place, part or 0, 0.7, color=colour(model))
        share.text((part or 0) + 0.01, place, f"{100 * (part or 0):.0f} %", va="center", fontsize=6.5)
        if mean is not None:
            low = min(spread or 0, mean)  # a photon sum is not negative
            intensity.errorbar(
                mean,
                place,
                xerr=[[low], [spread or 0]],
                color=colour(model),
                marker="o",
                markersize=4,
                capsize=2,
            )
    for axes in (share, intensity):
        axes.set_ylim(places[-1] + 0.7, -0.7)
        axes.set_yticks(places, names if axes is share else [""] * len(places))
        axes.tick_params(axis="y", left=False, right=False)
    share.set_xlim(0, 1.12)
    share.set_xlabel("share of responses")
    intensity.set_xlim(left=0)
    intensity.set_xlabel("photon sum, mean ± std")
    return page


def _history(model: Model) -> list[Mapping[str, Any]]:
    return list((model.entry.get("training") or {}).get("history") or [])


def _losses(entry: Mapping[str, Any]) -> dict[str, float]:
    known = {name: finite(value) for name, value in (entry.get("losses") or {}).items()}
    return {name: value for name, value in known.items() if value is not None}


def has_losses(model: Model) -> bool:
    """Whether the training of ``model`` recorded any loss."""
    return any(_losses(entry) for entry in _history(model))
