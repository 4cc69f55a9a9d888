"""What a terminal shows: the answer first, one table that fits, names never cut, the protocol once."""

from typing import Any

import pytest

from simbench.harness.errors import UserError
from simbench.reports import summary, verdict

LONG = "a-model-with-a-name-that-is-longer-than-any-terminal-is-wide-" * 2


def score(mean: float, floor: float, std: float | None = 0.01, **more: Any) -> dict[str, Any]:
    return {"mean": mean, "std": std, "runs": [mean] * 4, "floor": floor, **more}


@pytest.fixture
def run(result: Any, model: Any) -> dict[str, Any]:
    """Two candidates, an anchor and the floor, by seven metrics; ``empty`` is 0 for all."""
    lean = {"width_x": {"mean": 0.2, "std": None}, "peak_y": {"mean": 0.1, "std": None}}

    def made(name: str, ws: float, auc: float, fpd: float, **more: Any) -> Any:
        scores = {f"m{n}-of-something": score(ws * n, n / 2) for n in range(1, 4)}
        seconds = {"seconds_per_10k": 10 * ws, "spread": 0.1, "noisy": False, "brief": True}
        return model(
            name, ws=score(ws, 0.5), auc=score(auc, 0.5, importance=lean), fpd=score(fpd, 0.0, error=0.01),
            empty=score(0.0, 0.0, 0.0), timing={"cpu": seconds}, **scores, **more,
        )  # fmt: skip

    run = result(
        made("gan", 1.0, 0.9, 0.3),
        made("cascade", 2.0, 0.52, 0.015, family="cascade"),
        made("blind", 0.6, 0.6, 0.0, family="anchor", marks=["ignores the particle"]),
        made("mc", 0.5, 0.5, 0.0, family="reference"),
    )
    for name in ("auc", "fpd", "m1-of-something", "m2-of-something", "m3-of-something"):
        run["metrics"][name] = {"title": name.upper(), "unit": "", "better": "lower", "version": 1}
    run["significance"] = {"confidence": 0.99, "groups": {"ws": {"gan": [0], "cascade": [0, 1], "mc": [2]}}}
    return dict(run)


def lines(run: dict[str, Any], *tables: str, width: int = 80) -> list[str]:
    return summary([("run", run)], tables, width).splitlines()


def test_the_answer_by_its_rules(run: dict[str, Any]) -> None:
    assert verdict([("run", run)]) == (
        "Best of 2: gan in ws (2 x), m1-of-something (2 x), m2-of-something (2 x), m3-of-something (2 x); "
        "cascade in auc (1.04 x) and at the floor in fpd (x: times the floor).",
        "Not told apart from the best, with 99 % confidence: by ws cascade.",
        "Given away: gan by width_x (auc 0.90); cascade hardly (auc 0.52).",
        "Seconds for 10,000 on the CPU, timed in passing: gan 10, cascade 20.",
    )


def test_of_one_candidate_the_answer_is_how_far_it_is(run: dict[str, Any]) -> None:
    run["models"] = [run["models"][0], run["models"][3]]
    said = verdict([("run", run)])
    assert said[0].startswith("gan in ws (2 x), auc (1.8 x), fpd (0.3000, floor zero), m1-of-something (2 x)")
    assert said[1].startswith("Given away")


def test_whoever_stands_in_no_group_with_the_best_is_told_apart(run: dict[str, Any]) -> None:
    run["significance"]["groups"]["ws"]["cascade"] = [1]
    assert "by ws nobody." in verdict([("run", run)])[1]


@pytest.mark.parametrize(
    ("alike", "words"),
    [(5, "by ws all others."), (4, "by ws all others but more-3."), (2, "by ws cascade, more-0.")],
)
def test_many_that_are_not_told_apart_are_told_by_those_that_are(
    run: dict[str, Any], model: Any, alike: int, words: str
) -> None:
    names = [f"more-{number}" for number in range(4)]
    run["models"] += [model(name, ws=score(3.0, 0.5)) for name in names]
    groups = {name: [0 if place < alike else 1] for place, name in enumerate(["cascade", *names])}
    run["significance"]["groups"]["ws"] = {"gan": [0], **groups}
    assert verdict([("run", run)])[1].endswith(words)


def test_more_may_be_better(run: dict[str, Any]) -> None:
    run["metrics"]["m1-of-something"]["better"] = "higher"
    assert "cascade in auc (1.04 x) and at the floor in fpd, m1-of-something" in verdict([("run", run)])[0]


def test_many_timings_are_a_span(run: dict[str, Any], model: Any) -> None:
    for number in range(4):
        timing = {"cpu": {"seconds_per_10k": 30.0 + number, "spread": 0.0, "noisy": False}}
        run["models"].append(model(f"more-{number}", timing=timing))
    assert verdict([("run", run)])[-1].endswith("gan 10 to more-3 33.")


@pytest.mark.parametrize("width", [40, 80, 132])
def test_lines_fit_and_names_are_whole(run: dict[str, Any], width: int) -> None:
    shown = lines(run, width=width)
    assert max(map(len, shown)) <= width
    assert sum(line.startswith("cascade  ") for line in shown) == 1
    shown = lines(run, "all", width=width)
    assert sum(line.startswith("cascade  ") for line in shown) > 1
    assert max(len(line) for line in shown) <= width


def test_a_name_wider_than_the_terminal_is_shown_whole(run: dict[str, Any]) -> None:
    run["models"][0]["name"] = LONG
    assert any(line.startswith(f"{LONG}  ") for line in lines(run))


def test_what_does_not_fit_is_named_and_comes_with_the_tables(run: dict[str, Any]) -> None:
    text = " ".join(" ".join(lines(run)).split())
    left = "m1-of-something, m2-of-something, m3-of-something"
    assert f"Not shown: {left}; --tables verdict has all, as has the page." in text
    table = lines(run, "verdict")
    assert "Not shown" not in " ".join(table)
    assert sum(line.startswith("mc ") for line in table) == 2  # two blocks
    assert "Not shown" not in " ".join(lines(run, width=200))


def test_a_column_that_is_alike_is_a_sentence(run: dict[str, Any]) -> None:
    assert "empty is 0 ± 0 for all." in lines(run)
    run["models"][0]["empty"]["mean"] = 0.5
    assert not any(line.startswith("empty is") for line in lines(run, width=200))


def test_marks_stand_beside_their_row(run: dict[str, Any]) -> None:
    (row,) = (line for line in lines(run) if line.startswith("blind"))
    assert row.endswith(" (1)")
    assert "(1) ignores the particle" in lines(run)
    assert not any(" ok" in line for line in lines(run))


def test_a_failure_is_in_the_table(run: dict[str, Any], failed: Any) -> None:
    run["models"].append(failed("broken", error="ValueError: no"))
    shown = lines(run)
    assert any(line.startswith("broken ") and line.endswith("failed (2)") for line in shown)
    assert "(2) broken: failed: ValueError: no" in shown


def test_the_protocol_is_one_short_line_and_comes_once(run: dict[str, Any]) -> None:
    text = " ".join(" ".join(lines(run, "all")).split())
    assert text.count("Protocol: ") == 1
    assert "Held fixed" not in text
    assert text.endswith(
        "Protocol: proton, embedded data 01234567; particle split, seed 0; 20,000 test responses; "
        "channels expertsim; 5 runs, ± is the standard deviation over runs."
    )


def test_the_best_two_are_marked_where_a_terminal_can(run: dict[str, Any]) -> None:
    styled = summary([("run", run)], (), 80, styled=True)
    assert "\x1b[1m1.000 ± 0.010 (2x)\x1b[0m" in styled
    assert "\x1b" not in summary([("run", run)], (), 80)


def test_an_unknown_table_is_refused_by_name(run: dict[str, Any]) -> None:
    with pytest.raises(
        UserError, match="no table 'none' of these runs; there are verdict, scores, quartiles"
    ):
        summary([("run", run)], ["none"])


def test_without_floors_there_are_the_scores(full: dict[str, Any]) -> None:
    shown = summary([("run", full)])
    assert shown.startswith("Scores: proton\n")
    assert "by channel" not in shown
