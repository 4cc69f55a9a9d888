"""LaTeX is read back by a small strict parser: what it accepts, LaTeX with booktabs accepts."""

import re
from typing import Any

import pytest

from simbench.reports import render, render_sweep
from simbench.reports.formats.latex import escape

COMMANDS = {
    "begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "par", "medskip",
    "footnotesize", "raggedright", "textbackslash", "textasciicircum", "textasciitilde", "textless",
    "textgreater", "textbar", "textasciigrave",
}  # fmt: skip
MATH = {"pm", "times", "mathbf", "underline"}
TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|(.)", re.DOTALL)


def parse(source: str) -> list[list[list[str]]]:
    """The cells of every tabular; raises AssertionError at what LaTeX would trip over or misread."""
    source = re.sub(r"^%.*\n", "", source, flags=re.MULTILINE)
    tabulars: list[list[list[str]]] = []
    stack: list[str] = []
    math = False
    columns = 0
    position = 0
    cell, row = "", []
    after_row = False
    while position < len(source):
        token = TOKEN.match(source, position)
        assert token is not None
        position = token.end()
        command, symbol, character = token.groups()
        if command in ("begin", "end"):
            name = re.compile(r"\{([a-z]+)\}").match(source, position)
            assert name, "an environment without a name"
            position = name.end()
            if command == "end":
                assert stack.pop() == name[1]
                assert name[1] != "tabular" or not (cell.strip() or row), "a row without its end"
            else:
                stack.append(name[1])
            if (command, name[1]) == ("begin", "tabular"):
                spec = re.compile(r"\{([lrc]+)\}").match(source, position)
                assert spec, "a tabular without columns"
                position, columns = spec.end(), len(spec[1])
                tabulars.append([])
                cell, row, after_row = "", [], True
            continue
        inside = bool(stack) and stack[-1] == "tabular"
        if command is not None:
            assert command in (MATH if math else COMMANDS), f"\\{command}"
            if command.endswith("rule"):
                assert inside
                assert not row
                assert not cell.strip()
                continue
            assert math or source[position : position + 2] == "{}" or not command.startswith("text")
            cell += f"\\{command}"
        elif symbol == "\\":
            assert inside, "a row ends outside a tabular"
            assert not math
            row.append(cell.strip())
            assert len(row) == columns, f"{len(row)} cells in {columns} columns: {row}"
            tabulars[-1].append(row)
            cell, row, after_row = "", [], True
            continue
        elif symbol is not None:
            assert symbol in "{}$&#%_", f"\\{symbol}"
            cell += symbol
        elif character == "{":
            stack.append("{")
        elif character == "}":
            assert stack.pop() == "{"
        elif character == "$":
            math = not math
        elif character == "&":
            assert stack[-1] == "tabular", "& outside a row"
            assert not math
            row.append(cell.strip())
            cell = ""
        elif math:
            assert character in "0123456789.-+() ^", character
            cell += character
        else:
            assert character not in "#%_^~<>|`", f"bare {character}"
            assert not (after_row and character in "[*"), "an argument of the row end before"
            cell += character
        if not (character or "").isspace():
            after_row = False
    assert stack == []
    assert not math
    return tabulars


GOOD = r"\begin{tabular}{lr} Q & $1 \pm 2$ \\ S & T \\ \end{tabular}"


def test_the_parser_reads() -> None:
    assert parse(GOOD) == [[["Q", r"1 \pm 2"], ["S", "T"]]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("&", ""),
        ("&", "& &"),
        ("Q", "Q_b"),
        ("Q", "#"),
        ("Q", "{Q"),
        ("Q", "Q}"),
        ("Q", r"\input{x}"),
        ("Q", r"\textbar Q"),
        ("S", "[S"),
        ("S", "*"),
        ("2$", "2"),
        (r"T \\", "T"),
        (r"\end{tabular}", ""),
        (r"\end{tabular}", r"\end{table}"),
    ],
)
def test_the_parser_is_strict(old: str, new: str) -> None:
    with pytest.raises((AssertionError, IndexError)):
        parse(GOOD.replace(old, new))


def test_every_row_has_every_column(full: dict[str, Any]) -> None:
    scores, channels, quartiles = parse(render([("run", full)], "latex"))
    assert [len(table) for table in (scores, channels, quartiles)] == [7, 7, 7]
    assert scores[0] == [
        "model", "WS (photons)", "Empty-response rate (fraction)", "published WS (photons)", "status",
    ]  # fmt: skip
    assert scores[2] == ["gan", r"\underline3.100 \pm 0.023", r"0 \pm 0", r"2.47 \pm 0.010", "ok (1)"]
    assert scores[1][1] == r"\mathbf2.200 \pm 0.023"
    assert scores[6][1] == r"0.500 \pm 0.033"  # the floor is never best, and last
    assert scores[5] == ["other", "-", "-", "-", "skipped (3)"]


def test_nothing_is_best_among_none(result: Any, failed: Any) -> None:
    text = render([("run", result(failed("gan"), failed("b")))], "latex")
    assert "mathbf" not in text
    assert len(parse(text)) == 1
    parse(render([("run", result())], "latex"))


@pytest.mark.parametrize(
    "name", ["[2pt]x", "*x", "a\\\\b", "a&b", "100%", "a--b", "x_1^2", "{", "}", "$", "\\input{x}"]
)
def test_hostile_names(name: str, result: Any, model: Any, failed: Any) -> None:
    run = result(model("gan"), model(name), failed(name, error=name))
    parse(render([("a", run), (name, result(model("gan")))], "latex"))


def test_blocks_are_ruled_off(result: Any, model: Any) -> None:
    text = render([("old", result(model("gan"))), ("new", result(model("gan")))], "latex")
    assert [row[:2] for row in parse(text)[0]] == [["model", "result"], ["gan", "old"], ["gan", "new"]]
    assert text.count(r"\midrule") == 2 * 3


def test_settings_stand_between_name_and_values(sweep: Any, point: Any) -> None:
    points = (
        point({"router": "a_b", "lambda": 1e-5}, 2.0),
        point({"router": "single", "lambda": ""}, error="no"),
    )
    text = render_sweep(sweep("mine", *points, floor=None), "latex")
    (table,) = parse(text)
    assert table[0][:4] == ["model", "router", "lambda", "trainings"]
    assert [row[:5] for row in table[1:]] == [
        ["expertsim-3", r"a_b", "1e-05", "1", r"2.000 \pm 0.030"], ["expertsim-3", "single", "-", "-", "-"],
    ]  # fmt: skip
    assert r"\begin{tabular}{llrrrrrl}" in text
    assert r"a\_b" in text


def test_a_hostile_sweep(hostile_sweep: dict[str, Any]) -> None:
    (table,) = parse(render_sweep(hostile_sweep, "latex"))
    assert len(table) == 4


def test_experts(result: Any, model: Any) -> None:
    run = result(
        *(model(f"expertsim-{n}", experts=[{"share": 1 / n, "mean": 2, "std": 1}] * n) for n in (2, 3))
    )
    *_, experts, counts = parse(render([("run", run)], "latex"))
    assert experts[0][:3] == ["model", "expert", r"share (%)"]
    assert [row[:3] for row in experts[1:3]] == [["expertsim-2", "1", "50.00"], ["expertsim-2", "2", "50.00"]]
    assert (len(experts), len(counts)) == (6, 3)


def test_powers_of_ten(result: Any, model: Any) -> None:
    text = render([("run", result(model("x", 2.5e-7, 4e-9), model("y", 3.5e-7, None)))], "latex")
    assert r"$\mathbf{(2.50 \pm 0.04) \times 10^{-7}}$" in text
    assert r"$\underline{3.500 \times 10^{-7}}$" in text
    parse(text)


def test_escape() -> None:
    assert escape("a_b & 5% of $x^2$ {#1} \\y ~ a--b ±") == (
        r"a\_b \& 5\% of \$x\textasciicircum{}2\$ \{\#1\} \textbackslash{}y \textasciitilde{} a-{}-b $\pm$"
    )
