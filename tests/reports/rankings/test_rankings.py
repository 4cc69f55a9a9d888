"""Comparisons and rankings as text: every verdict, hostile names, values that are not there."""

import json

import numpy as np
import pytest

from simbench import reports
from simbench.harness.metrics.wasserstein import WASSERSTEIN
from simbench.harness.score.compare import BETTER, NO_CHANGE, REGRESSION, Change, Comparison
from simbench.harness.score.leaderboard import Leaderboard, Place
from simbench.harness.score.significance import Difference, Estimate
from simbench.reports.rankings.leaderboard import letter


def change(model, base, new, error=0.1, verdict=NO_CHANGE, **more):
    estimates = Estimate((base, base + 0.02)), Estimate((new, new + 0.02))
    found = Difference(new - base, error, 0.00001)
    return Change(
        model, "ws", "photons", "lower", 2.0, *estimates, found, 0.00004, 0.43, verdict=verdict, **more
    )


@pytest.fixture
def comparison(folder, hostile):
    changes = (
        change("gan", 3.0, 3.6, verdict=REGRESSION),
        change("expertsim-3", 2.0, 1.5, verdict=BETTER),
        change("zero", -0.01, 0.5),
        Change(hostile, "ws", "photons", "lower", 0.0, reason=f"failed in the new run: {hostile}"),
    )
    return Comparison(folder, folder, changes, 0.99)


def test_the_table_shows_values_changes_and_verdicts(comparison):
    text = reports.render_comparison(comparison, "table")
    lines = text.splitlines()
    assert lines[0] == "1 regression, 1 better, 1 no change, 1 not comparable"
    (gan,) = [line.split("  ") for line in lines if line.startswith("gan")]
    cells = [cell.strip() for cell in gan if cell.strip()]
    assert cells[1:5] == ["ws (photons)", "3.010 ± 0.014", "3.610 ± 0.014", "+0.60 ± 0.10"]
    assert cells[5:] == ["+19.9", "14 %", "2 %", "<0.0001", "regression"]
    assert "adjusted for 3 tests at once" in text
    assert "at most 0.01" in text
    assert "Seen from: the change, of the base, that these runs would have shown" in text
    assert "Held fixed: detector" in text


def test_a_base_of_zero_shows_no_percentage(comparison):
    (line,) = [x for x in reports.render_comparison(comparison, "table").splitlines() if x.startswith("zero")]
    assert line.split("+0.51 ± 0.10")[1].split()[0] == "-"


def test_markdown_is_a_heading_the_regressions_and_one_table_of_whole_rows(comparison):
    text = reports.render_comparison(comparison, "markdown")
    assert text.startswith("### simbench compare: 1 regression, ")
    assert "- **gan: ws from 3.010 ± 0.014 to 3.610 ± 0.014 photons (+19.9 %)**" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4
    assert {row.replace("\\|", "").count("|") for row in rows} == {11}


def test_hostile_names_stay_text(comparison):
    markdown = reports.render_comparison(comparison, "markdown")
    table = reports.render_comparison(comparison, "table")
    for text in (markdown, table):
        assert "\x1b" not in text
        assert text.count("\n") < 22
    assert "<b>" not in markdown.replace("\\<b>", "")
    assert "a\\|b \\`c\\`" in markdown


def test_what_the_runs_could_have_shown_is_a_sentence(folder):
    changes = (change("gan", 4.29, 4.3), change("mc", 0.42, 0.43))
    text = reports.render_comparison(Comparison(folder, folder, changes, 0.99), "table")
    assert "With these runs (5 and 5) a change of ws would be seen from 10 % (gan) to 100 % (mc)." in text


def test_without_a_regression_no_list_is_shown(folder):
    found = Comparison(folder, folder, (change("gan", 3.0, 3.0),), 0.99)
    text = reports.render_comparison(found, "markdown")
    assert text.startswith("### simbench compare: no regressions, 1 no change\n\n|")


def test_json_has_full_precision_and_null_for_what_is_not_there(comparison):
    content = json.loads(reports.render_comparison(comparison, "json"))
    gan, _, zero, last = content["changes"]
    assert gan["base"] == {"mean": 3.01, "std": pytest.approx(np.sqrt(2e-4)), "runs": [3.0, 3.02]}
    assert (gan["percent"], gan["p_adjusted"], gan["verdict"]) == (
        pytest.approx(100 * 0.6 / 3.01),
        0.00004,
        REGRESSION,
    )
    assert zero["percent"] is None
    assert (last["base"], last["change"], last["p"]) == (None, None, None)
    assert last["reason"].startswith("failed in the new run: ")
    assert content["status"] == 3


@pytest.fixture
def board(folder, hostile):
    places = (
        Place(1, hostile, folder, Estimate((1.0, 1.1)), (0,), ("trained on other data",)),
        Place(None, "mc", folder, Estimate((2.0,)), (0, 1), ()),
        Place(2, "far", folder, Estimate((3.0, 3.1)), (1,), ()),
    )
    return Leaderboard((folder,), places, (("lost", folder, hostile),), WASSERSTEIN, 0.99, 3)


def test_a_ranking_has_letters_and_the_reference_no_rank(board):
    lines = reports.render_leaderboard(board, "table").splitlines()
    assert lines[2].split() == ["rank", "model", "WS", "(photons)", "group"]
    assert lines[5].split() == ["-", "mc", "2.000", "a", "b"]
    assert lines[6].split() == ["2", "far", "3.05", "±", "0.07", "b"]
    assert any(line.startswith("Not ranked: lost of ") for line in lines)
    assert "trained on other data" in lines[4]


def test_several_results_have_a_column(board, folder):
    several = Leaderboard((folder, folder), board.places, (), WASSERSTEIN, 0.99, 3)
    assert "| result " in reports.render_leaderboard(several, "markdown")
    assert "| result " not in reports.render_leaderboard(board, "markdown")


def test_a_ranking_in_markdown_keeps_hostile_names_text(board):
    text = reports.render_leaderboard(board, "markdown")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}
    assert "\x1b" not in text


def test_a_ranking_in_json_says_who_is_as_good_as_the_best(board):
    places = json.loads(reports.render_leaderboard(board, "json"))["places"]
    assert [place["as_good_as_the_best"] for place in places] == [True, True, False]
    assert [place["groups"] for place in places] == [["a"], ["a", "b"], ["b"]]
    assert [place["rank"] for place in places] == [1, None, 2]


def test_letters_beyond_z():
    assert [letter(group) for group in (0, 25, 26, 52)] == ["a", "z", "a1", "a2"]


@pytest.mark.parametrize("render", [reports.render_comparison, reports.render_leaderboard])
def test_an_unknown_format_is_refused(render, comparison):
    with pytest.raises(ValueError, match="unknown format 'latex': expected one of table, markdown, json"):
        render(comparison, "latex")
