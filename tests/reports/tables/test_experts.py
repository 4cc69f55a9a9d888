"""The tables of mixtures, on hand-made results."""

from typing import Any

import pytest

from simbench import reports
from simbench.reports import expert_count_table, expert_table, render
from simbench.reports.tables.experts import health

LOAD = [
    {"share": 0.5, "mean": 12.0, "std": 20.0},
    {"share": 0.3, "mean": 3.0, "std": 1.5},
    {"share": 0.2, "mean": 100.0, "std": None},
]


def mixture(model: Any, number: int, mean: float = 2.0, **more: Any) -> Any:
    experts = [{"share": 1 / number, "mean": 10.0 * n, "std": 1.0} for n in range(number)]
    return model(f"expertsim-{number}", mean, **{"experts": experts, **more})


def texts(row: Any) -> list[str]:
    return [str(cell) for cell in row.cells]


def test_no_table_where_no_model_routes(result: Any, model: Any, failed: Any) -> None:
    run = [("run", result(model("gan"), failed("expertsim-3")))]
    assert expert_table(run) == expert_count_table(run) == []


def test_each_expert_has_a_row_with_the_published_sums_beside(result: Any, model: Any) -> None:
    (table,) = expert_table([("run", result(model("gan"), model("expertsim-3", experts=LOAD)))])
    assert [column.heading for column in table.columns] == [
        "share (%)", "mean", "std", "published mean", "published std",
    ]  # fmt: skip
    assert (table.name, table.settings) == ("experts", ("expert",))
    assert [(row.model, row.settings) for row in table.rows] == [("expertsim-3", (n,)) for n in (1, 2, 3)]
    assert list(map(texts, table.rows)) == [
        ["50.00", "12.00", "20.00", "119", "340"],
        ["30.00", "3.000", "1.500", "53", "204"],
        ["20.00", "100.0", "-", "70", "230"],
    ]
    assert [column.source for column in table.columns] == ["measured"] * 3 + ["published"] * 2
    assert "The numbering of experts is arbitrary" in table.caption
    assert "; run 0 of each model. Published columns" in table.caption
    assert "±" not in table.caption


@pytest.mark.parametrize(
    ("detector", "name", "sums"),
    [
        ("neutron", "expertsim-3", ["108", "100"]),
        ("proton", "expertsim-3@weights", None),
        ("proton", "expertsim-2", None),
        ("tracker", "expertsim-3", None),
    ],
)
def test_only_the_published_mixture_is_quoted(
    detector: str, name: str, sums: list[str] | None, result: Any, model: Any
) -> None:
    (table,) = expert_table([("run", result(model(name, experts=LOAD), detector=detector))])
    assert texts(table.rows[0])[3:] == (sums or [])
    assert ("2508.20991" in table.caption) == bool(sums)


def test_beside_the_published_mixture_others_have_gaps(result: Any, model: Any) -> None:
    (table,) = expert_table([("run", result(mixture(model, 5), mixture(model, 3)))])
    assert [texts(row)[3] for row in table.rows] == ["-"] * 5 + ["119", "53", "70"]


def test_five_experts_fit_a_terminal_of_100_columns(result: Any, model: Any) -> None:
    text = render([("run", result(*(mixture(model, n) for n in (2, 3, 4, 5))))], "table")
    lines = text.splitlines()
    for title in ("Photon sum by expert (photons): proton", "WS by number of experts: proton"):
        start = lines.index(title)
        rows = [line for line in lines[start:] if line.startswith(("model", "expertsim-"))]
        assert max(map(len, rows[:15])) <= 100


def test_an_expert_that_served_no_response_still_has_a_row(result: Any, model: Any) -> None:
    idle = {"share": 0.0, "mean": None, "std": None}
    (table,) = expert_table([("run", result(model("expertsim-5", experts=[*LOAD, idle, idle])))])
    assert [row.settings[0] for row in table.rows] == [1, 2, 3, 4, 5]
    assert texts(table.rows[4])[:3] == ["0.00", "-", "-"]


def test_counts_are_ordered_by_number_with_the_published_score_beside(result: Any, model: Any) -> None:
    run = result(
        mixture(model, 4, 2.5), model("gan"), mixture(model, 3, 2.1), model("mine", 3.0, experts=LOAD[:1])
    )
    (table,) = expert_count_table([("run", run)])
    assert [column.heading for column in table.columns] == [
        "WS (photons)", "smallest share (%)", "published WS (photons)",
    ]  # fmt: skip
    assert [(row.model, row.settings) for row in table.rows] == [
        ("mine", (1,)), ("expertsim-3", (3,)), ("expertsim-4", (4,)),
    ]  # fmt: skip
    assert list(map(texts, table.rows)) == [
        ["3.000 ± 0.023", "50.00", "-"],
        ["2.100 ± 0.023", "33.33", "1.59 ± 0.008"],
        ["2.500 ± 0.023", "25.00", "3.26"],
    ]
    assert [row.cells[0].rank for row in table.rows] == [0, 1, 2]
    assert "A single network" in table.caption


def test_one_number_is_no_comparison_of_numbers(result: Any, model: Any) -> None:
    run = result(mixture(model, 3), model("expertsim-3@mine", experts=LOAD))
    assert expert_count_table([("run", run)]) == []
    unscored = result(mixture(model, 2), mixture(model, 3))
    del unscored["metrics"]["ws"]
    assert expert_count_table([("run", unscored)]) == []


def test_results_stand_side_by_side(result: Any, model: Any) -> None:
    runs = [("old", result(mixture(model, 2))), ("new", result(mixture(model, 3)))]
    (experts,), (counts,) = expert_table(runs), expert_count_table(runs)
    assert [row.result for row in experts.rows] == ["old"] * 2 + ["new"] * 3
    assert [(row.result, row.settings[0]) for row in counts.rows] == [("old", 2), ("new", 3)]
    assert "old: expertsim-2" not in render(runs, "table")


@pytest.mark.parametrize(
    ("shares", "notes"),
    [
        ((0.34, 0.33, 0.33), []),
        ((0.8, 0.02, 0.18), []),
        ((0.81, 0.19), ["one expert serves 81 % of the responses"]),
        ((0.0, 1.0), ["one expert serves 100 %, one 0 % of the responses"]),
        ((0.0151, 0.5, 0.4849), ["one expert serves 1.51 % of the responses"]),
        ((1.0,), []),
    ],
)
def test_health(shares: tuple[float, ...], notes: list[str]) -> None:
    assert health([{"share": share} for share in shares]) == notes


def test_a_collapsed_mixture_is_noted_among_the_counts(result: Any, model: Any) -> None:
    collapsed = mixture(model, 2, experts=[{"share": 0.97}, {"share": 0.03}], marks=["own mark"])
    (table,) = expert_count_table([("run", result(collapsed, mixture(model, 3)))])
    assert table.footnotes == ("own mark", "one expert serves 97 % of the responses")
    assert [row.notes for row in table.rows] == [(1, 2), ()]
    (experts,) = expert_table([("run", result(collapsed))])
    assert experts.footnotes == ("own mark",)


def test_every_format_has_the_tables(result: Any, model: Any) -> None:
    run = [("run", result(mixture(model, 2), mixture(model, 3)))]
    for name in reports.PRINTED:
        text = render(run, name)
        assert "published std" in text or name == "csv"
        assert "119" in text
        assert text.count("33.33") >= 4 or name in ("csv", "json")
