"""The numbers behind a figure as CSV, read from what was drawn, so that the two cannot differ."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch

COLUMNS = ("panel", "series", "kind", "x", "x_end", "y", "value")


def numbers(figure: Figure, pixels: bool = True) -> str:
    """Every point, bar, bin and, if asked for, pixel of a figure, one a row: :data:`COLUMNS`.

    ``panel`` is a panel's place and title; ``series`` what is drawn, where the figure names it. A bin reaches
    from ``x`` to ``x_end``; the bar of an error from (``x``, ``y``) to (``x_end``, ``value``); a pixel is at
    ``x``, ``y``, counted from 0, and has ``value``. What does not apply is empty.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for place, axes in enumerate(figure.axes, 1):
        if not axes.axison and not axes.images:
            continue
        title = axes.get_title(loc="left") or axes.get_title() or axes.get_ylabel()
        panel = f"{place} {_plain(title)}".strip()
        for series, rows in _series(axes):
            writer.writerows(
                [panel, series, *map(_short, row)] for row in rows if pixels or row[0] != "pixel"
            )
    return buffer.getvalue()


def _series(axes: Axes) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    with_bars = {each.lines[0]: each for each in axes.containers if isinstance(each, ErrorbarContainer)}
    for bars in with_bars.values():
        for collection in bars.lines[2]:
            ends = (segment for segment in collection.get_segments() if len(segment))
            rows = (["error", low[0], high[0], low[1], high[1]] for low, high in ends)
            yield _plain(str(bars.get_label())), rows
    for number, artist in enumerate([*axes.lines, *axes.patches, *axes.images, *axes.collections], 1):
        label = _plain(str(with_bars.get(artist, artist).get_label()))  # type: ignore[call-overload]
        name = f"{number}" if label.startswith("_") or not label else label
        if isinstance(artist, Line2D):
            yield name, (["point", x, "", y, ""] for x, y in np.column_stack(artist.get_data()).tolist())
        elif isinstance(artist, StepPatch):
            values, edges, _ = artist.get_data()
            bins = zip(edges[:-1], edges[1:], values, strict=True)
            yield name, (["bin", low, high, value, ""] for low, high, value in bins)
        elif isinstance(artist, Rectangle):
            low, y = artist.get_x(), artist.get_y() + artist.get_height() / 2
            yield name, iter([["bar", low, low + artist.get_width(), y, ""]])
        elif isinstance(artist, AxesImage | QuadMesh):
            yield name, _pixels(np.ma.filled(np.ma.asarray(artist.get_array()).astype(float), np.nan))


def _pixels(image: Any) -> Iterator[list[Any]]:
    for y, x in np.argwhere(np.isfinite(image) & (image != 0)) if image.ndim == 2 else ():
        yield ["pixel", int(x), "", int(y), float(image[y, x])]


def _short(value: Any) -> Any:
    return f"{value:.7g}" if isinstance(value, float | np.floating) else value


def _plain(text: str) -> str:
    return " ".join(text.replace(r"\$", "$").split())
