"""A submission to the CaloChallenge as pictures: layer by layer, and among the published models."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from simbench.harness.challenge import published
from simbench.harness.challenge.protocol import comparable

from .style import FLOOR, bare, figure, plain

_OURS, _THEIRS = "#e76300", "#3f90da"
_PANELS = (  # title, and how the histograms of its layers are called
    ("energy", "E layer"),
    ("centre eta", "EC Eta layer"),
    ("centre phi", "EC Phi layer"),
    ("centre r", "EC r layer"),
    ("sparsity", "Sparsity layer"),
    ("width eta", "Width Eta layer"),
    ("width phi", "Width Phi layer"),
    ("width r", "Width r layer"),
)


def layers(result: Mapping[str, Any]) -> Figure:
    """Separation power of each layer's histograms, of the submission and, where it is known, of the floor."""
    height = 3.9
    page = figure(height)
    grid = page.add_gridspec(2, 4, left=0.075, right=0.99, bottom=0.2, top=0.93, wspace=0.3, hspace=0.45)
    for place, (title, stem) in enumerate(_PANELS):
        axes = page.add_subplot(grid[divmod(place, 4)])
        found = {
            int(match[1]): entry
            for name, entry in result["scores"].items()
            if (match := re.fullmatch(rf"separation: {stem} (\d+)", name))
        }
        numbers = sorted(found)
        for side, colour in ((None, _OURS), ("floor", FLOOR)):
            entries = [found[number] if side is None else found[number].get(side) for number in numbers]
            values = [
                np.nan if entry is None or entry["value"] is None else entry["value"] for entry in entries
            ]
            axes.plot(range(len(numbers)), values, color=colour, marker=".", markersize=4, linewidth=0.8)
        if any((entry["value"] or 0) > 0 for entry in found.values()):
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            axes.set_ylim(
                10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high))
            )  # a decade is labelled
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(title)
        step = max(1, len(numbers) // 6)
        axes.set_xticks(range(0, len(numbers), step), [str(number) for number in numbers[::step]])
        if place == 7:
            axes.set_xlabel("layer")
        if not place:
            axes.set_ylabel("separation power")
    handles = [Line2D([], [], color=colour, marker=".") for colour in (_OURS, FLOOR)]
    page.legend(handles, [plain(result["label"]), "training file: the floor"], loc="lower center", ncols=2)
    return page


def tradeoff(detector: str, metric: str, time: str, results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A published score against the published time of a shower, with the Pareto front and own submissions.

    Args:
        detector: whose.
        metric: of :data:`published.METRICS`, the lower the better.
        time: likewise, a time.
        results: of ``simbench score``, by label; they have no time, and are lines.
    """
    height = 3.6
    page = figure(height)
    axes, corner = page.subplots(1, 2, width_ratios=[1, 0.32])
    page.subplots_adjust(left=0.075, right=0.99, bottom=0.13, top=0.96, wspace=0.04)
    score, took = published.METRICS[metric], published.METRICS[time]
    times = {row.submission: row for row in published.of(detector, time)}
    known = [row for row in published.of(detector, metric) if row.submission in times]
    points = sorted((times[row.submission].value, row.value, row) for row in known)
    best, front = np.inf, []
    for x, y, row in points:
        axes.errorbar(
            x, y, xerr=times[row.submission].error, yerr=row.error, color=_THEIRS, marker="o", markersize=4,
            elinewidth=0.7,
        )  # fmt: skip
        if y < best:
            best = y
            front.append((x, y))
            axes.annotate(plain(row.submission), (x, y), (4, 3), textcoords="offset points", fontsize=6)
    if front:
        axes.plot(*zip(*front, strict=True), color="black", linewidth=1, linestyle="--", zorder=0)
    floor = published.floors(detector, [metric]).get(metric)
    handles = [
        Line2D([], [], color=_THEIRS, marker="o", linestyle="none"),
        Line2D([], [], color="black", linestyle="--"),
    ]
    labels = ["published", "Pareto front"]
    if floor is not None:
        axes.axhline(floor.value, color=FLOOR, linewidth=0.9, linestyle=":")
        handles.append(Line2D([], [], color=FLOOR, linestyle=":"))
        labels.append("Geant4: the floor")
    for label, result in results.items():
        if comparable(result, metric):
            axes.axhline(result["scores"][metric]["value"], color=_OURS, linewidth=1)
            handles.append(Line2D([], [], color=_OURS))
            labels.append(plain(label, 18))
    axes.set_xscale("log")
    axes.set_yscale("log" if min(y for _, y, _ in points) > 0 else "symlog")
    axes.set_xlabel(f"{took.title} ({took.unit}), published")
    axes.set_ylabel(f"{score.title}{f' ({score.unit})' if score.unit else ''}")
    bare(corner)
    corner.legend(handles, labels, loc="center left", borderpad=0)
    return page
