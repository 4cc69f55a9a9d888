"""A sweep as a picture: WS against the number of experts, or WS setting by setting.

All is read from the sweep's table, so that figure and table agree. Published values are of other data and
are not drawn beside ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..tables.table import Row, Table, spelled
from .drawing import Drawing, slug
from .style import FLOOR, REFERENCE, STEPS, figure, plain, room

_LONGEST = 52  # characters of a setting that fit before its row
_DOT: dict[str, Any] = {"color": "#3f90da", "marker": "o", "markersize": 5, "capsize": 2, "linestyle": "none"}


@dataclass(frozen=True)
class Dot:
    """WS of one row of the table; ``mean`` is None where no training was scored, ``std`` if unknown."""

    label: str
    number: float | None
    mean: float | None
    std: float | None


def drawings(sweep: Mapping[str, Any], table: Table) -> list[Drawing]:
    """The figure of a sweep; none where no training was scored."""
    dots = [_dot(table, row) for row in table.rows if not row.floor]
    floors = [_dot(table, row) for row in table.rows if row.floor and row.status == "ok"]
    floor = floors[0] if floors else None
    if all(dot.mean is None for dot in dots):
        return []
    name = f"{slug(table.name)}-{slug(table.detector)}"
    caption = "Bars are the ± of the table"
    if floor:
        caption += "; the band is the mean of the Monte Carlo reference with its ±"
    if list(sweep["parameters"]) == ["experts"] and all(dot.number is not None for dot in dots):
        return [
            Drawing(
                name,
                "WS against the number of experts",
                f"{caption}. A number whose trainings all failed has no dot.",
                "Wasserstein score against the number of experts, a dot for each number.",
                partial(by_number, dots, floor),
            )
        ]
    alt = "Wasserstein score as dots, a row for each setting."
    return [Drawing(name, "WS by setting", f"{caption}.", alt, partial(by_setting, dots, floor))]


def by_number(dots: Sequence[Dot], floor: Dot | None) -> Figure:
    """WS against the number of experts."""
    height = 3.1
    page = figure(height)
    axes = page.add_axes((0.075, 0.43 / height, 0.91, 1 - 0.55 / height))
    if floor is not None and floor.mean is not None:
        axes.axhspan(floor.mean - (floor.std or 0), floor.mean + (floor.std or 0), color=REFERENCE)
        axes.axhline(floor.mean, color=FLOOR, linewidth=0.9, linestyle=":")
    for dot in dots:
        if dot.mean is not None:
            axes.errorbar(dot.number or 0, dot.mean, yerr=dot.std, **_DOT)
    numbers = [dot.number for dot in dots if dot.number is not None]
    axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="x", top=False)
    axes.set_xlabel("number of experts")
    axes.set_ylim(0, 1.25 * _highest([*dots, floor]))  # room for the legend
    axes.set_ylabel("WS (photons)")
    axes.legend(*_legend(floor), loc="upper right", ncols=2)
    return page


def by_setting(dots: Sequence[Dot], floor: Dot | None) -> Figure:
    """A row for each setting, from the top in the order of the table."""
    names = [plain(dot.label, _LONGEST) for dot in dots]
    height = 0.85 + 0.22 * len(dots)
    page = figure(height)
    left = room(names)
    axes = page.add_axes((left, 0.42 / height, 0.985 - left, 1 - 0.75 / height))
    if floor is not None and floor.mean is not None:
        axes.axvspan(floor.mean - (floor.std or 0), floor.mean + (floor.std or 0), color=REFERENCE)
        axes.axvline(floor.mean, color=FLOOR, linewidth=0.9, linestyle=":")
    highest = _highest([*dots, floor])
    for place, dot in enumerate(dots):
        if dot.mean is None:
            axes.text(0.05 * highest, place, "failed", va="center", fontsize=6.5)
        else:
            axes.errorbar(dot.mean, place, xerr=dot.std, **_DOT)
    axes.set_xlim(0, 1.08 * highest)
    axes.set_ylim(len(dots) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.set_yticks(range(len(dots)), names)
    axes.tick_params(axis="y", left=False, right=False)
    axes.grid(axis="y", color=REFERENCE, linewidth=0.4)
    axes.set_xlabel("WS (photons)")
    page.legend(*_legend(floor), loc="upper right", ncols=2, borderpad=0.1, bbox_to_anchor=(0.99, 1))
    return page


def _dot(table: Table, row: Row) -> Dot:
    index = next(i for i, c in enumerate(table.columns) if (c.metric, c.source) == ("ws", "measured"))
    # the settings alone, if they tell the rows apart
    named = not row.settings or len({other.settings for other in table.rows}) < len(table.rows)
    first = row.settings[0] if row.settings else ""
    return Dot(
        label=", ".join([*[row.model] * named, *_parts(table, row)]),
        number=None if isinstance(first, str) else float(first),
        mean=row.cells[index].mean,
        std=row.cells[index].std,
    )


def _parts(table: Table, row: Row) -> list[str]:
    """The settings of a row that apply: a word speaks for itself, a number needs its name."""
    return [
        setting if isinstance(setting, str) else f"{name} {spelled(setting)}"
        for name, setting in zip(table.settings, row.settings, strict=True)
        if setting != ""
    ]


def _highest(dots: Sequence[Dot | None]) -> float:
    return max(
        [1e-9, *(dot.mean + (dot.std or 0) for dot in dots if dot is not None and dot.mean is not None)]
    )


def _legend(floor: Dot | None) -> tuple[list[Artist], list[str]]:
    handles: list[Artist] = [Line2D([], [], **{key: _DOT[key] for key in _DOT if key != "capsize"})]
    if floor is None:
        return handles, ["trained"]
    line = Line2D([], [], color=FLOOR, linewidth=0.9, linestyle=":")
    return [*handles, Patch(color=REFERENCE) if floor.std else line], ["trained", "Monte Carlo floor"]
