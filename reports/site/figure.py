"""The Pareto figure of a board: the score that ranks against the time, over all submissions."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..figures.scores import pareto
from ..figures.style import FLOOR, bare, figure, plain, styled, to_png
from .board import Board, Entry

_DPI = 170


def timed(board: Board) -> list[Entry]:
    """The entries that can be drawn: with a score and a time."""
    return [each for each in board.entries if each.time is not None and _mean(board, each) is not None]


def pareto_png(board: Board) -> bytes:
    """The figure as PNG."""
    return to_png(styled(lambda: _draw(board, timed(board))), _DPI)


def front(board: Board, entries: Sequence[Entry]) -> list[int]:
    """Which entries no other beats in both, from the fastest on; the reference and anchors take no part."""
    sign = 1 if board.better(board.metrics[0]) == "lower" else -1
    return pareto(
        {
            index: (entry.time or 0.0, sign * (_mean(board, entry) or 0.0))
            for index, entry in enumerate(entries)
            if not entry.apart
        }
    )


def _mean(board: Board, entry: Entry) -> float | None:
    return entry.score(board.metrics[0]).mean


def _draw(board: Board, entries: Sequence[Entry]) -> Figure:
    best = front(board, entries)
    page = figure(3.4)
    axes, corner = page.subplots(1, 2, width_ratios=[1, 0.5])
    page.subplots_adjust(left=0.08, right=0.99, bottom=0.13, top=0.97, wspace=0.05)
    for index, entry in enumerate(entries):
        score = entry.score(board.metrics[0])
        colour = FLOOR if entry.apart else "#e76300" if index in best else "#3f90da"
        mark = "*" if entry.apart else "o"
        axes.errorbar(entry.time or 0.0, score.mean or 0.0, yerr=score.std, color=colour, marker=mark,
                      markersize=6, linestyle="none", elinewidth=0.8)  # fmt: skip
    points = [(entries[index].time or 0.0, _mean(board, entries[index]) or 0.0) for index in best]
    if points:
        axes.step(*zip(*points, strict=True), where="post", color="black", linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_xlabel("time of 10,000 responses over the reference workload's")
    axes.set_ylabel(board.metrics[0])
    bare(corner)
    names = [plain(f"{entries[index].name} ({entries[index].submission.name})", 34) for index in best[:16]]
    handles = [Line2D([], [], color="#e76300", marker="o", linestyle="none") for _ in names]
    handles.append(Line2D([], [], color="#3f90da", marker="o", linestyle="none"))
    handles.append(Line2D([], [], color=FLOOR, marker="*", linestyle="none"))
    corner.legend(handles, [*names, "others", "reference, anchors"], loc="center left", borderpad=0)
    return page
