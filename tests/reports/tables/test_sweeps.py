"""Sweeps to tables and figures, on hand-made ones."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.container import ErrorbarContainer

from simbench.reports import PRINTED, render_sweep, write_sweep
from simbench.reports.figures.sweeps import drawings
from simbench.reports.tables.sweeps import sweep_table
from simbench.reports.tables.table import Table

WEIGHTS = ((0.01, 1e-4), (0.1, 1e-4), (0.001, 1e-5), (0.01, 1e-3), (0.01, 1e-6), (0.01, 0), (0, 1e-4))


def column(table: Table, heading: str) -> list[str]:
    (index,) = [i for i, each in enumerate(table.columns) if each.heading == heading]
    return [str(row.cells[index]) for row in table.rows]


def routed(router: str = "learned", recipe: str = "paper", util: Any = "", diff: Any = "") -> dict[str, Any]:
    return {"router": router, "recipe": recipe, "lambda_util": util, "lambda_diff": diff}


@pytest.fixture
def experts(sweep: Any, point: Any) -> dict[str, Any]:
    """One to five experts, each trained once; four of them in vain."""
    points = [point({"experts": 1}, 3.3, model="sdi-gan-ir-ar")]
    points += [
        point({"experts": n}, 2 + n / 10, model=f"expertsim-{n}", shares=(1 / n,) * n) for n in (2, 3, 5)
    ]
    points.insert(3, point({"experts": 4}, model="expertsim-4", error="ValueError: it has diverged"))
    return sweep("experts", *points)  # type: ignore[no-any-return]


def test_the_sweep_of_experts_row_by_row(experts: dict[str, Any]) -> None:
    table = sweep_table(experts)
    assert (table.name, table.title, table.settings) == (
        "sweep-experts",
        "The sweep experts: proton",
        ("experts",),
    )
    assert [(row.model, row.settings[0]) for row in table.rows] == [
        ("sdi-gan-ir-ar", 1), ("expertsim-2", 2), ("expertsim-3", 3), ("expertsim-4", 4), ("expertsim-5", 5),
        ("mc", ""),
    ]  # fmt: skip
    assert [row.state for row in table.rows] == ["ok", "ok", "ok", "failed (1)", "ok", "ok"]
    assert table.footnotes == ("expertsim-4: failed: ValueError: it has diverged",)
    for heading, values in (
        ("trainings", ["1", "1", "1", "-", "1", "-"]),
        ("WS (photons)", [*(f"{x} ± 0.030" for x in ("3.300", "2.200", "2.300")), "-", "2.500 ± 0.030",
                          "0.500 ± 0.033"]),
        ("validation", ["4.300", "3.200", "3.300", "-", "3.500", "-"]),
        ("smallest share (%)", ["-", "50.00", "33.33", "-", "20.00", "-"]),
        ("largest share (%)", ["-", "50.00", "33.33", "-", "20.00", "-"]),
        ("minutes", ["1.500"] * 3 + ["-", "1.500", "-"]),
        ("published WS (photons)", ["-", "2.71", "1.59 ± 0.008", "3.26", "3.07", "-"]),
    ):  # fmt: skip
        assert column(table, heading) == values


def test_published_scores_take_no_part_in_the_ranking(experts: dict[str, Any]) -> None:
    table = sweep_table(experts)
    assert [row.cells[1].rank for row in table.rows] == [0, 1, 2, 0, 0, 0]
    assert all(row.cells[-1].rank == 0 for row in table.rows)
    assert table.columns[-1].source == "published"
    assert {each.source for each in table.columns[:-1]} == {"measured"}
    assert "context and no comparison" in table.caption


def test_published_experts_are_those_of_the_detector(sweep: Any, point: Any) -> None:
    points = [point({"experts": n}, model="mine") for n in (2, 3, 4, 5)]
    table = sweep_table(sweep("experts", *points, detector="neutron", floor=None))
    assert column(table, "published WS (photons)") == ["1.76", "1.34 ± 0.010", "1.63", "3.12"]
    table = sweep_table(sweep("experts", *points, detector="tracker"))
    assert {each.source for each in table.columns} == {"measured"}


@pytest.mark.parametrize(
    ("detector", "quoted"),
    [
        ("proton", ["1.59", "1.86", "2.34", "1.92", "1.78", "6.80", "2.10"]),
        ("neutron", ["1.34", "4.14", "2.52", "1.91", "1.74", "8.01", "1.89"]),
    ],
)
def test_published_routers(detector: str, quoted: list[str], sweep: Any, point: Any) -> None:
    points = [point(routed(util=util, diff=diff)) for util, diff in WEIGHTS]
    table = sweep_table(sweep("router", *points, detector=detector, floor=None))
    assert column(table, "published WS (photons)") == quoted


def test_only_the_papers_own_routers_are_quoted(sweep: Any, point: Any) -> None:
    points = [
        point(routed(util=0.01, diff=1e-4)),
        point(routed(recipe="ours", util=0.01, diff=1e-4)),
        point(routed(util=0.02, diff=1e-4)),
        point(routed("energy", "paper", 0.01, 1e-4)),
        point(routed("single", "ours")),
        point(routed(util=0.1, diff=1e-4), error="ValueError: no"),
    ]
    table = sweep_table(sweep("router", *points))
    assert column(table, "published WS (photons)") == ["1.59", "-", "-", "-", "-", "1.86", "-"]
    other = sweep_table(sweep("another", *points))
    assert {each.source for each in other.columns} == {"measured"}
    assert "2508.20991" not in other.caption


def test_seeds_of_a_setting_share_a_row(sweep: Any, point: Any) -> None:
    points = [
        *(point({"a": "x"}, mean, seed=seed, shares=(0.6, 0.3, share))
          for seed, mean, share in ((0, 2.0, 0.1), (2, 4.0, 0.05))),
        point({"a": "y"}, 1.5, seed=0),
        point({"a": "x"}, 9.0, seed=0, model="gan"),
        point({"a": "x"}, seed=3, error="ValueError: gone"),
        *(point({"a": "z"}, seed=seed, error=f"no {seed}") for seed in (0, 1)),
    ]  # fmt: skip
    table = sweep_table(sweep("mine", *points, runs=5))
    assert [(row.model, *row.settings) for row in table.rows] == [
        ("expertsim-3", "x"), ("expertsim-3", "y"), ("gan", "x"), ("expertsim-3", "z"), ("mc", ""),
    ]  # fmt: skip
    assert column(table, "trainings") == ["2", "1", "1", "-", "-"]
    # deviation of 2 and 4, one training's own over its runs
    assert column(table, "WS (photons)")[:3] == ["3.0 ± 1.4", "1.500 ± 0.030", "9.000 ± 0.030"]
    assert column(table, "validation")[:2] == ["4.0 ± 1.4", "2.500"]
    assert column(table, "smallest share (%)")[:2] == ["5.00", "-"]
    assert column(table, "largest share (%)")[:2] == ["60.00", "-"]
    assert [row.state for row in table.rows] == ["ok (1)", "ok", "ok", "failed (2)", "ok"]
    assert table.footnotes == (
        "failed: seed 3: ValueError: gone", "expertsim-3: failed: seed 0: no 0; seed 1: no 1",
    )  # fmt: skip
    assert (
        "between the trainings of a setting, which differ by their seed; of a row with one" in table.caption
    )


def test_single_trainings_say_what_their_spread_is(experts: dict[str, Any], sweep: Any, point: Any) -> None:
    assert (
        "± is the standard deviation over runs; every setting was trained once"
        in sweep_table(experts).caption
    )
    alone = sweep_table(sweep("mine", point({"a": 1}, std=None), runs=1))
    assert "±" not in alone.caption
    assert "; 1 run of each training." in alone.caption
    in_vain = sweep_table(sweep("mine", point({"a": 1}, error="no")))
    assert "± is the standard deviation over runs. Minutes" in in_vain.caption


def test_budget_limit_and_state_are_said(experts: dict[str, Any], sweep: Any, point: Any) -> None:
    caption = sweep_table(experts).caption
    assert caption.startswith(
        "What it is. Reference: a paper. Every training got all of the passes over the data that preset "
        "compact has."
    )
    assert "not finished" not in caption
    assert "5 runs of each training" in caption
    short = sweep_table(sweep("mine", point({"a": 1}), budget=0.25, limit=500, finished=False)).caption
    assert "Every training got 25 % of the passes over the data that preset compact has." in short
    assert "(the first 500)" in short
    assert "The sweep is not finished" in short
    experts["settings"]["overrides"] = {"steps": "4", "width": "8"}
    assert "that preset compact with steps=4, width=8 has." in sweep_table(experts).caption


def test_a_collapsed_training_is_noted(sweep: Any, point: Any) -> None:
    points = [
        point({"a": 1}, shares=(0.97, 0.03), model="mine", marks=["own mark"]),
        point({"a": 2}, shares=(0.9, 0.1), model="mine"),
        point({"a": 2}, shares=(0.5, 0.5), model="mine", seed=1),
        point({"a": 3}, shares=(0.5, 0.5, 0.0), model="expertsim-3"),
    ]
    table = sweep_table(sweep("mine", *points))
    assert [row.notes for row in table.rows] == [(1, 2), (3,), (4,), ()]
    assert table.footnotes == (
        "own mark",
        "one expert serves 97 % of the responses",
        "seed 0: one expert serves 90 % of the responses",
        "one expert serves 0 % of the responses",  # the third, which the list does not reach
    )
    assert column(table, "smallest share (%)") == ["3.00", "10.00", "0.00", "-"]


def test_a_sweep_without_floor_mixtures_or_points(sweep: Any, point: Any) -> None:
    table = sweep_table(sweep("mine", point({"a": 1}, model="gan", training={}), floor=None))
    assert [each.heading for each in table.columns] == [
        "trainings",
        "WS (photons)",
        "validation",
        "minutes",
    ]
    assert [str(cell) for cell in table.rows[0].cells] == ["1", "3.000 ± 0.030", "-", "-"]
    assert not any(row.floor for row in table.rows)
    empty = sweep("mine", finished=False, floor=None)
    for name in PRINTED:
        assert render_sweep(empty, name).endswith("\n")


def test_formats_are_written_and_others_refused(experts: dict[str, Any], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    written = write_sweep(
        experts, [*PRINTED, "html", "figures"], tmp_path / "new", lambda *news: told.append(news)
    )
    assert [path.relative_to(tmp_path / "new").as_posix() for path in written] == [
        "report.txt", "report.md", "report.tex", "report.csv", "report.json", "report.html",
        *(f"figures/sweep-experts-proton.{kind}" for kind in ("png", "pdf", "csv")),
    ]  # fmt: skip
    assert told == [(1, 2), (2, 2)]
    assert written[0].read_text(encoding="utf-8") == render_sweep(experts, "table")
    with pytest.raises(ValueError, match="unknown report format 'pdf'"):
        write_sweep(experts, ["table", "pdf"], tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(ValueError, match="unknown report format 'html': expected one of table"):
        render_sweep(experts, "html")


def drawn(made: dict[str, Any]) -> Any:
    (drawing,) = drawings(made, sweep_table(made))
    page = drawing.draw()
    dots = [each for each in page.axes[0].containers if isinstance(each, ErrorbarContainer)]
    return drawing, page.axes[0], [tuple(map(float, dot.lines[0].get_xydata()[0])) for dot in dots]


def test_the_figure_of_experts(experts: dict[str, Any]) -> None:
    drawing, axes, dots = drawn(experts)
    assert (drawing.name, drawing.title) == ("sweep-experts-proton", "WS against the number of experts")
    assert dots == [(1, 3.3), (2, 2.2), (3, 2.3), (5, 2.5)]
    assert axes.get_xlim() == (0.5, 5.5)  # the failed number keeps its place
    (band,) = axes.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((0.467, 0.066))


def test_the_figure_of_settings(sweep: Any, point: Any) -> None:
    points = [
        point(routed("learned", "ours", 1.0, 0.05), 2.5),
        point(routed(util=0.01, diff=1e-4), error="no"),
        point(routed("single", "ours"), 3.5, model="sdi-gan-ir-ar"),
    ]
    drawing, axes, dots = drawn(sweep("router", *points))
    assert drawing.name == "sweep-router-proton"
    assert dots == [(2.5, 0), (3.5, 2)]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "learned, ours, lambda_util 1, lambda_diff 0.05",
        "learned, paper, lambda_util 0.01, lambda_diff 0.0001",
        "single, ours",
    ]
    assert [text.get_text() for text in axes.texts] == ["failed"]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.467, 0.066))


def test_models_are_named_where_settings_do_not_tell_them_apart(sweep: Any, point: Any) -> None:
    points = [point({"experts": "few"}, model=name) for name in ("a", "b")]
    _, axes, _ = drawn(sweep("mine", *points, floor=None))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a, few", "b, few"]
    assert len(axes.patches) == 0


def test_no_figure_without_a_score(sweep: Any, point: Any) -> None:
    made = sweep("experts", point({"experts": 2}, error="no"))
    assert drawings(made, sweep_table(made)) == []
