"""How far from the floor: the multiples, the order of rows, and the words by their rules."""

from typing import Any

import pytest

from simbench.reports import render
from simbench.reports.tables.verdict import remarks, verdict_table


def score(mean: float, floor: float | None, std: float = 0.01, **more: Any) -> dict[str, Any]:
    return {"mean": mean, "std": std, "runs": [mean] * 4, "floor": floor, **more}


@pytest.fixture
def run(result: Any, model: Any) -> dict[str, Any]:
    made = result(
        model("far", ws=score(3.0, 0.5), auc=score(0.9, 0.5, importance=leans(0.01, 0.2))),
        model("near", ws=score(0.6, 0.5), auc=score(0.52, 0.5, importance=leans(0.3, 0.1))),
        model("there", ws=score(0.505, 0.5), auc=score(0.495, 0.5)),
        model("mc", family="reference", ws=score(0.5, 0.5), auc=score(0.5, 0.5)),
    )
    made["metrics"]["auc"] = {"title": "AUC", "unit": "", "better": "lower", "version": 1}
    return dict(made)


def leans(core: float, width: float) -> dict[str, Any]:
    return {"core_share": {"mean": core, "std": None}, "width_x": {"mean": width, "std": None}}


def test_values_and_multiples_best_first_and_the_floor_last(run: dict[str, Any]) -> None:
    (table,) = verdict_table([("run", run)])
    assert [row.model for row in table.rows] == ["there", "near", "far", "mc"]
    assert [str(row.cells[0]) for row in table.rows] == [
        "0.505 ± 0.010 (1.01 x)",
        "0.600 ± 0.010 (1.2 x)",
        "3.000 ± 0.010 (6 x)",
        "0.500 ± 0.010 (1 x)",
    ]


def test_words_by_their_rules(run: dict[str, Any]) -> None:
    run["metrics"].pop("empty", None)
    far, near, there = remarks([("run", run)])
    assert far == "far: far from it in ws 6, auc 1.8; given away by width_x."
    assert near == "near: near it in ws 1.20, auc 1.04 (times the floor)."
    assert there == "there: at the floor in ws, auc."


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        ((5288.4, 4238.0, 7028.0), "as good as 5,300 true responses (4,200 to 7,000)"),
        ((38.2, 35.4, None), "as good as 38 true responses (35 or more)"),
        ((None, 36481.0, None), "as good as 36,000 true responses or more"),
        ((None, None, None), None),
    ],
)
def test_how_many_true_responses_it_is_worth(run: dict[str, Any], worth: Any, words: str | None) -> None:
    told = {
        name: {"mean": value, "std": None}
        for name, value in zip(("number", "low", "high"), worth, strict=True)
    }
    run["metrics"]["energy-conditional"] = {**run["metrics"]["auc"], "title": "Excess"}
    run["models"][0]["energy-conditional"] = score(2e-4, 1e-5, error=4e-5, worth=told)
    said = remarks([("run", run)])[0]
    assert "; worse than it, which is zero, in energy-conditional" in said
    assert words is None or f"; {words}; given away by" in said
    (table,) = verdict_table([("run", run)])
    far = next(row for row in table.rows if row.model == "far")
    assert far.cells[-1].ratio is None  # 20 times nothing


def test_more_may_be_better(run: dict[str, Any]) -> None:
    run["metrics"]["ws"]["better"] = "higher"
    (table,) = verdict_table([("run", run)])
    cells = {row.model: str(row.cells[0]) for row in table.rows}
    assert cells["far"].endswith("(0.167 x)")
    assert remarks([("run", run)])[0].startswith("far: at the floor in ws")


def test_runs_of_before_have_no_floor_and_no_verdict(result: Any, model: Any) -> None:
    assert verdict_table([("run", result(model("gan")))]) == []


@pytest.mark.parametrize("name", ["table", "markdown", "latex", "csv", "json"])
def test_every_format_has_it_first(run: dict[str, Any], name: str) -> None:
    text = render([("run", run)], name)
    assert "verdict" in text or text.lstrip("# ").startswith("How far from the floor") or "How far" in text
    if name != "csv":
        assert "given away by width" in text


def test_what_is_missing_says_why_once(run: dict[str, Any]) -> None:
    for model in run["models"][:2]:
        model["auc"] = {"mean": None, "std": None, "runs": [], "problem": "not measured: run with --keep"}
    *_, last = remarks([("run", run)])
    assert last == "auc, not measured: run with --keep (far, near)."
