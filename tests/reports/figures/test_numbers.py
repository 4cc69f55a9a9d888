"""The numbers of a figure are those that it draws."""

import csv
import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from simbench.reports.figures.drawings import drawings
from simbench.reports.figures.numbers import COLUMNS, numbers
from simbench.reports.figures.scene import scenes


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_points_bins_bars_errors_and_pixels() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.set_title("left", loc="left")
    left.plot([1, 2], [3.5, 4.5], label="line")
    left.stairs([7, 8], [0, 1, 2], label="steps")
    left.errorbar(1, 2, yerr=0.5, label="with bars")
    left.barh([3], [6])
    right.imshow(np.array([[0.0, 9.0]]))
    found = rows(numbers(figure))
    assert tuple(found[0]) == COLUMNS
    told = {tuple(one[name] for name in ("panel", "kind", "series", *COLUMNS[3:])) for one in found}
    assert {
        ("1 left", "point", "line", "1", "", "3.5", ""),
        ("1 left", "bin", "steps", "0", "1", "7", ""),
        ("1 left", "point", "with bars", "1", "", "2", ""),
        ("1 left", "error", "with bars", "1", "1", "1.5", "2.5"),
        ("2", "pixel", "1", "1", "", "0", "9"),
    } <= told
    assert ("0", "6", "3") in {(one["x"], one["x_end"], one["y"]) for one in found if one["kind"] == "bar"}
    assert not any(one["kind"] == "pixel" for one in rows(numbers(figure, pixels=False)))


def test_the_tradeoff_has_every_models_score(folder: Any) -> None:
    (scene,) = scenes([("run", folder)])
    drawing = drawings(scene)[0]
    points = {one["series"]: one for one in rows(drawing.csv()) if one["kind"] == "point"}
    for model in scene.scored:
        if model.entry.get("timing"):
            assert float(points[model.label]["y"]) == model.entry["ws"]["mean"]
            assert float(points[model.label]["x"]) == model.entry["timing"]["cpu"]["seconds_per_10k"] / 10
