from typing import Any

import pytest

from simbench.harness.errors import UserError
from simbench.reports import channel_table, quartile_table, render, score_table, score_tables, tables_of
from simbench.reports.tables.table import Table
from simbench.reports.text.results import one_line


def headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def test_scores_hold_every_metric_and_the_published_score(full: dict[str, Any]) -> None:
    (table,) = score_table([("run", full)])
    assert headings(table) == ["WS (photons)", "Empty-response rate (fraction)", "published WS (photons)"]
    models = [row.model for row in table.rows]  # best first, then those without a score, the floor last
    assert [*models[:3], *models[4:]] == ["expertsim-3", "gan", "one-run", "other", "mc"]
    assert [str(cell) for cell in table.rows[1].cells] == ["3.100 ± 0.023", "0 ± 0", "2.47 ± 0.010"]
    assert [str(cell) for cell in table.rows[2].cells] == ["4.568", "0 ± 0", "-"]
    assert [str(cell) for cell in table.rows[4].cells] == ["-", "-", "-"]


def test_a_failed_model_keeps_its_published_figure(result: Any, failed: Any) -> None:
    (table,) = score_table([("run", result(failed("gan")))])
    assert [str(cell) for cell in table.rows[0].cells] == ["-", "-", "2.47 ± 0.010"]


def test_the_caption_says_what_was_held_fixed(full: dict[str, Any]) -> None:
    (table,) = score_table([("run", full)])
    for part in (
        "detector proton",
        "0123456789ab (Parametrised shower Monte Carlo; it is not Geant)", "at least 1 photon;",
        "split by particle, seed 0", "test fraction 0.2", "20000 test responses of 2500 particles",
        "channels expertsim", "5 runs, ± is the standard deviation", "GEANT data of ALICE", "2508.20991",
    ):  # fmt: skip
        assert part in table.caption
    assert "0123456789abc" not in table.caption
    assert "\n" not in table.caption


def test_a_limit_and_a_single_run_are_said(result: Any, model: Any) -> None:
    (table,) = score_table([("run", result(model("gan"), runs=1, limit=500))])
    assert "(the first 500)" in table.caption
    assert "1 run, so no spread is known" in table.caption


def test_without_published_figures_there_is_no_column_and_no_note(result: Any, model: Any) -> None:
    (table,) = score_table([("run", result(model("mine")))])
    assert headings(table) == ["WS (photons)", "Empty-response rate (fraction)"]
    assert "2508.20991" not in table.caption
    (table,) = score_table([("run", result(model("gan"), detector="tracker"))])
    assert all(column.source == "measured" for column in table.columns)


def test_a_metric_that_was_not_run_has_no_column(result: Any, model: Any) -> None:
    run = result(model("gan"), metrics={"empty": 1})
    del run["metrics"]["ws"], run["models"][0]["ws"], run["models"][0]["quartiles"]["ws"]
    (table,) = score_table([("run", run)])
    assert headings(table) == ["Empty-response rate (fraction)"]
    assert channel_table([("run", run)]) == []
    assert quartile_table([("run", run)]) == []


def test_a_third_partys_metric_gets_columns(result: Any, model: Any) -> None:
    value = {"mean": 0.5, "std": 0.1, "runs": [0.5], "channels": {"left": {"mean": 0.25, "std": None}}}
    run = result(model("gan", auc=value))
    run["metrics"]["auc"] = {"title": "AUC", "unit": "", "better": "higher", "version": 1}
    (table,) = score_table([("run", run)])
    assert headings(table)[2] == "AUC"
    assert str(table.rows[0].cells[2]) == "0.50 ± 0.10"
    (channels,) = channel_table([("run", run)], "auc")
    assert (channels.name, headings(channels)) == ("channels-auc", ["left"])
    assert "AUC by channel: proton" in render([("run", run)], "table")


def test_channels(full: dict[str, Any]) -> None:
    (table,) = channel_table([("run", full)])
    assert headings(table) == ["pmtc", "pmt1"]
    expertsim = next(row for row in table.rows if row.model == "expertsim-3")
    assert [str(cell) for cell in expertsim.cells] == ["3.200 ± 0.023", "1.200 ± 0.023"]
    assert [str(cell) for cell in table.rows[4].cells] == ["-", "-"]


def test_quartiles(full: dict[str, Any]) -> None:
    (table,) = quartile_table([("run", full)])
    assert headings(table) == [f"{p}Q{n}" for p in ("", "published ") for n in (1, 2, 3, 4)]
    assert [str(cell) for cell in table.rows[1].cells] == [
        "3.100 ± 0.023", "-", "3.100 ± 0.023", "3.100 ± 0.023", "4.07", "4.20", "3.76", "18.13",
    ]  # fmt: skip
    assert [str(cell) for cell in table.rows[3].cells[4:]] == ["-"] * 4
    assert "Q1 (-inf, 2] 6000 responses; Q2 (2, 5] 4500 responses; Q3 (5, 18.5] 4600" in table.caption
    assert "Q4 (18.5, inf) 4900 responses" in table.caption
    assert "Its fault: the bins select on the reference's own fluctuations" in table.caption


def test_quartiles_by_the_expected_sum_stand_before_those_of_the_paper(full: dict[str, Any]) -> None:
    about = {"title": "Conditional", "unit": "photons", "better": "lower", "version": 1}
    full["metrics"]["ws-conditional"] = about
    for one in full["models"]:
        if one["status"] == "ok":
            one["ws-conditional"] = {"mean": 2.0, "std": 0.1, "runs": [2.0]}
            one["quartiles"]["ws-conditional"] = [{"mean": 1.0 + k, "std": 0.1} for k in range(4)]
    tables = [table for table in score_tables([("run", full)]) if table.name.startswith("quartiles")]
    assert [table.name for table in tables] == ["quartiles-ws-conditional", "quartiles"]
    assert tables[0].title == "WS (photons) by quartile of the particle's expected sum: proton"
    assert tables[1].title == "WS (photons) by quartile of the reference's own sum: proton"
    assert [str(cell) for cell in tables[0].rows[0].cells] == [f"{k}.00 ± 0.10" for k in (1, 2, 3, 4)]
    assert "a perfect simulator reaches the floor in every one" in tables[0].caption
    assert "quartiles" not in tables[0].details


def test_no_ok_model_still_makes_a_table(result: Any, failed: Any) -> None:
    run = result(failed("gan"), failed("mc", "skipped", None))
    (table,) = score_table([("run", run)])
    assert [row.state for row in table.rows] == ["failed (1)", "skipped (2)"]
    assert table.footnotes == ("gan: failed: ValueError: no", "mc: skipped")
    assert channel_table([("run", run)]) == []
    assert quartile_table([("run", run)]) == []


def test_equal_marks_share_a_footnote(result: Any, model: Any) -> None:
    run = result(model("a", marks=["m"]), model("b", marks=["m", "n"]), model("c"))
    (table,) = score_table([("run", run)])
    assert [row.state for row in table.rows] == ["ok (1)", "ok (1, 2)", "ok"]
    assert table.below[1:] == ("(1) m", "(2) n")


def test_best_and_second_best_leave_the_floor_and_published_figures_out(full: dict[str, Any]) -> None:
    (table,) = score_table([("run", full)])
    assert [row.cells[0].rank for row in table.rows] == [1, 2, 0, 0, 0, 0]
    assert all(row.cells[index].rank == 0 for row in table.rows for index in (1, 2))  # all equal; published


def test_the_best_may_be_the_highest_and_is_none_among_one(result: Any, model: Any) -> None:
    run = result(model("low", 1.0), model("high", 2.0), model("floor", 3.0, family="reference"))
    run["metrics"]["ws"]["better"] = "higher"
    (table,) = score_table([("run", run)])
    assert [(row.model, row.cells[0].rank) for row in table.rows] == [("high", 1), ("low", 2), ("floor", 0)]
    (alone,) = score_table([("run", result(model("gan")))])
    assert alone.rows[0].cells[0].rank == 0


def test_results_of_one_detector_are_blocks_and_of_two_are_two_tables(
    result: Any, model: Any, failed: Any
) -> None:
    old, new = result(model("gan"), runs=3), result(failed("gan"))
    other = result(model("gan"), detector="neutron", dataset="f" * 64)
    proton, neutron = score_table([("old", old), ("there", other), ("new", new)])
    assert [(row.result, row.model) for row in proton.rows] == [("old", "gan"), ("new", "gan")]
    assert "runs: old 3, new 5; ±" in proton.caption
    assert proton.footnotes == ("new: gan: failed: ValueError: no",)
    assert (neutron.detector, neutron.results) == ("neutron", ("there",))
    assert str(neutron.rows[0].cells[2]) == "2.42 ± 0.041"


def test_results_that_differ_in_their_protocol_share_no_table(result: Any, model: Any) -> None:
    with pytest.raises(UserError, match=r"'a' and 'b'.*split_seed"):
        score_table([("a", result(model("gan"))), ("b", result(model("gan"), split_seed=1))])


def test_one_line_spells_out_what_does_not_print() -> None:
    assert one_line("a\n\tb\x1b[2J\u202e") == "a b\\x1b[2J\\u202e"
    assert one_line("é漢\udc80") == "é漢\\udc80"


def test_every_table_in_the_order_of_one_metric(result: Any, model: Any, failed: Any) -> None:
    run = result(
        model("mc", 1.0, family="reference"),
        model("dark", 2.0, empty={"mean": 0.3, "std": None, "runs": [0.3]}),
        model("fine", 3.0, empty={"mean": 0.1, "std": None, "runs": [0.1]}),
        failed("gone"),
        model("blind", 0.5, family="anchor"),
    )
    orders = {
        by: [[row.model for row in t.rows] for t in tables_of([("run", run)], by)] for by in (None, "empty")
    }
    assert len(orders["empty"]) == 3
    assert {tuple(order) for order in orders["empty"]} == {("fine", "dark", "gone", "blind", "mc")}
    assert {tuple(order) for order in orders[None]} == {("dark", "fine", "gone", "blind", "mc")}
    run["metrics"]["empty"]["better"] = "higher"
    (first, *_) = tables_of([("run", run)], "empty")
    assert [row.model for row in first.rows] == ["dark", "fine", "gone", "blind", "mc"]
    with pytest.raises(ValueError, match="no run is scored by 'auc'; they have ws, empty"):
        tables_of([("run", run)], "auc")


def test_anchors_take_no_rank_and_stand_before_the_floor(result: Any, model: Any) -> None:
    anchor = model("blind", 0.9, family="anchor", marks=["ignores the particle"])
    run = result(anchor, model("b", 2.0), model("mc", 0.5, family="reference"), model("a", 1.0))
    (table,) = score_table([("run", run)])
    rows = [(row.model, row.cells[0].rank, row.candidate) for row in table.rows]
    assert rows == [("a", 1, True), ("b", 2, True), ("blind", 0, False), ("mc", 0, False)]
    assert table.footnotes == ("ignores the particle",)


def test_the_error_of_the_test_part_stands_beside(result: Any, model: Any) -> None:
    scored = model("gan", 2.0)
    scored["ws"]["over_particles"] = 0.15
    (table,) = score_table([("run", result(scored, model("mc", 1.0, family="reference")))])
    place = headings(table).index("error of ws (photons)")
    assert [str(row.cells[place]) for row in table.rows] == ["0.1500", "-"]
    assert table.columns[place].subset == "test part"
    assert "a bootstrap" in table.caption
    (before,) = score_table([("run", result(model("gan")))])
    assert not any(heading.startswith("error of") for heading in headings(before))
    assert "bootstrap" not in before.caption
