"""What ``evaluate`` and ``compare`` give: words, tables, figures, files."""

import re

import pytest
from cli_answers import names_in

from simbench.harness import UserError, compare
from simbench.harness.python.result import Evaluation, Place
from simbench.harness.score.compare import compare as compare_runs


@pytest.fixture
def result(score):
    return score("flat,bright")


def test_the_verdict_is_words_and_the_text_has_the_table(result):
    assert result.verdict.startswith("Best of 2: flat ")
    assert "How far from the floor" not in result.verdict
    assert "How far from the floor: toy" in repr(result)
    assert "WS (photons) by channel" in result.text("channels")
    with pytest.raises(UserError, match="no table 'none' of these runs; there are verdict"):
        result.text("none")


def test_figures_by_name(result):
    assert result.figures[0] == "tradeoff"
    assert result.figure("tradeoff")._repr_png_().startswith(b"\x89PNG")
    assert len(result.figure("tradeoff").draw().axes) == 2
    with pytest.raises(UserError, match="no figure 'none' of this run; there are tradeoff"):
        result.figure("none")


def test_saved_it_is_a_run_with_its_page(result, tmp_path, toys):
    folder = result.save(tmp_path / "new" / "mine")
    assert names_in(tmp_path / "new") == ["mine"]
    assert set(names_in(folder)) == {"report.html", "result.json", "scores.csv", "units"}
    assert Evaluation(Place(folder)).content == result.content
    assert toys("leaderboard", folder, "--by", "ws")[0] == 0
    with pytest.raises(UserError, match="it is there already and holds something"):
        result.save(folder)


def test_a_notebook_shows_it_in_place(result):
    text = result._repr_html_()

    tags = set(re.findall(r"<(\w+)", text))
    assert {"li", "table", "th", "td", "img"} <= tags
    assert "script" not in tags
    assert "How far from the floor: toy" in text
    assert "Best of 2: flat " in text


def test_compare_is_the_commands(score, toy, toys):
    base = score(lambda conditions, seed: toy.flat(conditions, seed, 1.1), name="mine")
    new = score(lambda conditions, seed: toy.flat(conditions, seed, 3.0), name="mine")
    found = compare(base, new, tolerance={"ws": 2})
    (worse,) = found.regressions
    assert (worse.model, worse.metric) == ("mine", "ws")
    assert worse.base.mean == base.entry("mine")["ws"]["mean"]
    assert list(found.table["verdict"]) == ["regression", "no change"]
    assert "regression" in repr(found)
    assert found._repr_markdown_().startswith("### simbench compare")
    theirs = compare_runs(base._run, new._run, toys_metrics(), {"ws": 2})
    told = [[(one.metric, one.adjusted, one.difference) for one in each.changes] for each in (found, theirs)]
    assert told[0] == told[1]
    assert compare(base, base.folder).regressions == ()


def toys_metrics():
    from simbench.harness.plugin.registry import load

    return load().metrics.records


def test_parts_are_not_compared(score):
    with pytest.raises(UserError, match="the protocols differ in 'part'"):
        compare(score("flat"), score("flat", part="validation"))
