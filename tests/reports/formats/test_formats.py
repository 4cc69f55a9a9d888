import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from simbench.reports import PRINTED, render, render_sweep, write
from simbench.reports.formats.markdown import escape
from simbench.reports.text.results import one_line

LONG = "a-model-with-a-name-that-is-longer-than-any-terminal-is-wide-" * 5


@pytest.mark.parametrize("format_", PRINTED)
def test_every_format_takes_every_result(
    format_: str, full: dict[str, Any], result: Any, failed: Any
) -> None:
    for run in (full, result(failed("gan")), result()):
        text = render([("run", run)], format_)
        assert text.endswith("\n")
        assert "\x1b" not in text
        text.encode("utf-8")


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_names_and_errors_are_never_cut(
    format_: str, result: Any, model: Any, failed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    error = "ValueError: " + "very long " * 100 + "end"
    text = render([("run", result(model(LONG), failed("broken", error=error)))], format_)
    lines = [line.removeprefix("| ") for line in text.splitlines()]
    assert (
        sum(line.startswith(f"{LONG} ") and "3.100 ± 0.023" in line for line in lines) == 2
    )  # scores and quartiles
    assert f"(1) broken: failed: {error}" in text
    assert "…" not in text


def test_terminal_rows(full: dict[str, Any], hostile: str) -> None:
    lines = render([("run", full)], "table").splitlines()
    assert lines[0] == "Scores: proton"
    assert lines[1].split()[0] == "model"
    assert lines[4].split() == [
        "gan",
        "3.100",
        "±",
        "0.023",
        "0",
        "±",
        "0",
        "2.47",
        "±",
        "0.010",
        "ok",
        "(1)",
    ]
    assert lines[6].startswith(one_line(hostile))  # rich's markup is shown, not obeyed
    assert lines[4].index("3.100") == lines[3].index("2.200")
    assert f"(2) {one_line(hostile)}: failed: {one_line(hostile)}" in lines


def test_results_are_named_beside_the_model(result: Any, model: Any) -> None:
    text = render([("old", result(model("gan"))), ("new", result(model("gan")))], "markdown")
    rows = [line.split()[1:4:2] for line in text.splitlines() if line.startswith("| gan")]
    assert rows == [["gan", "old"], ["gan", "new"]] * 3


def markdown_cells(line: str) -> list[str]:
    """The cells of a row by GitHub's rule: a backslash takes the character after it, a bare pipe splits."""
    cells, position = [""], 0
    while position < len(line):
        step = 2 if line[position] == "\\" else 1
        if line[position] == "|":
            cells.append("")
        else:
            cells[-1] += line[position : position + step][-1]
        position += step
    assert not cells[0].strip()
    assert not cells[-1].strip()
    return [cell.strip() for cell in cells[1:-1]]


def test_markdown_rows_have_as_many_cells_as_the_heading(full: dict[str, Any], hostile: str) -> None:
    rows = [line for line in render([("run", full)], "markdown").splitlines() if line.startswith("|")]
    tables = {4: 0, 5: 0, 10: 0}
    for line in rows:
        tables[len(markdown_cells(line))] += 1
    assert tables == {5: 8, 4: 8, 10: 8}
    assert markdown_cells(rows[5])[0] == one_line(hostile)
    assert markdown_cells(rows[3]) == ["gan", "3.100 ± 0.023", "0 ± 0", "2.47 ± 0.010", "ok (1)"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("my_model-2.1", "my_model-2.1"),  # names that are no markup stay searchable
        ("_private_", "\\_private\\_"),
        ("a|b", "a\\|b"),
        ("`x` *y*", "\\`x\\` \\*y\\*"),
        ("<script>", "\\<script\\>"),
        ("[x](y)", "\\[x](y)"),
        ("a\\|b", "a\\\\\\|b"),
        ("$x$ &lt; ~~s~~", "\\$x\\$ \\&lt; \\~\\~s\\~\\~"),
    ],
)
def test_markdown_escapes(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_csv_is_tidy_and_exact(full: dict[str, Any], hostile: str) -> None:
    full["models"][0]["ws"]["mean"] = 0.1 + 0.2
    rows = list(csv.DictReader(io.StringIO(render([("run", full)], "csv"))))
    assert len(rows) == 6 * (3 + 2 + 8)
    first = rows[0]
    assert (first["table"], first["detector"], first["result"], first["model"]) == (
        "scores",
        "proton",
        "run",
        "gan",
    )
    assert (first["metric"], first["subset"], first["channel"], first["source"]) == (
        "ws",
        "all",
        "mean",
        "measured",
    )
    assert float(first["mean"]) == 0.1 + 0.2
    assert first["marks"] == "trained on other data"
    assert (rows[2]["source"], rows[2]["mean"], rows[2]["std"]) == ("published", "2.47", "0.01")
    empty = next(row for row in rows if row["model"] == "gan" and row["subset"] == "q2")
    assert (empty["mean"], empty["std"]) == ("", "")
    broken = [row for row in rows if row["status"] == "failed"]
    assert {row["model"] for row in broken} == {row["error"] for row in broken} == {one_line(hostile)}
    assert {row["mean"] for row in broken} == {""}


def test_settings_are_told_in_every_row_of_csv_and_json(sweep: Any, point: Any) -> None:
    points = (
        point({"router": "learned", "weight": 1e-5}, 2.0),
        point({"router": "single", "weight": ""}, 3.0),
    )
    made = sweep("mine", *points)
    rows = list(csv.DictReader(io.StringIO(render_sweep(made, "csv"))))
    assert [row["settings"] for row in rows if row["metric"] == "ws"] == [
        "router=learned; weight=1e-05", "router=single", "",
    ]  # fmt: skip
    (table,) = json.loads(render_sweep(made, "json"))
    assert [row["settings"] for row in table["rows"]] == [
        {"router": "learned", "weight": 1e-5},
        {"router": "single", "weight": ""},
        {"router": "", "weight": ""},
    ]
    assert (table["preset"], table["budget"], table["finished"]) == ("compact", 1.0, True)
    assert all(len(row["values"]) == len(table["columns"]) for row in table["rows"])


def test_a_hostile_sweep_breaks_no_row(hostile_sweep: dict[str, Any], hostile: str) -> None:
    rows = [line for line in render_sweep(hostile_sweep, "markdown").splitlines() if line.startswith("|")]
    assert [len(markdown_cells(line)) for line in rows] == [10] * 5
    assert markdown_cells(rows[2])[:3] == [one_line(hostile), one_line(hostile), "0.5"]
    text = render_sweep(hostile_sweep, "table")
    assert "\x1b" not in text
    assert f"(3) {one_line(hostile)}: failed: {one_line(hostile)}" in text.splitlines()


def test_json_is_exact_and_knows_no_nan(full: dict[str, Any]) -> None:
    full["models"][0]["ws"]["mean"] = math.nan
    full["models"][1]["ws"]["mean"] = 0.1 + 0.2
    full["models"][0]["quartiles"]["bounds"][2] = math.inf
    text = render([("run", full)], "json")
    tables = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert [table["table"] for table in tables] == ["scores", "channels", "quartiles"]
    rows = {row["model"]: row for row in tables[0]["rows"]}
    gan, expertsim = rows["gan"], rows["expertsim-3"]
    assert gan["values"][0] == {"mean": None, "std": 0.023, "rank": None}
    assert expertsim["values"][0]["mean"] == 0.1 + 0.2
    assert tables[0]["protocol"]["dataset"] == "0123456789abcdef" * 4
    assert tables[2]["quartiles"] == {"bounds": [2.0, 5.0, None], "counts": [6000, 4500, 4600, 4900]}
    for table in tables:
        assert all(len(row["values"]) == len(table["columns"]) for row in table["rows"])
    assert {column["source"] for column in tables[2]["columns"]} == {"measured", "published"}


def test_write(full: dict[str, Any], tmp_path: Path) -> None:
    paths = write([("run", full)], ["markdown", "json", "table", "markdown"], tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["report.md", "report.json", "report.txt"]
    assert sorted(tmp_path.glob("new/folder/*")) == sorted(paths)
    assert paths[0].read_text(encoding="utf-8") == render([("run", full)], "markdown")
    paths[0].write_text("old")
    write([("run", full)], ["markdown"], tmp_path / "new" / "folder")
    assert paths[0].read_text(encoding="utf-8") == render([("run", full)], "markdown")


def test_an_unknown_format_is_named_and_nothing_is_written(full: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown report format 'pdf': expected one of table, markdown"):
        write([("run", full)], ["markdown", "pdf"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_result_is_an_error() -> None:
    with pytest.raises(ValueError, match="no result"):
        render([], "table")
