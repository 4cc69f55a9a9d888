"""Tables as wide as a terminal: columns that do not fit go below, or are named; a name is never cut.

A column that is the same for every model becomes a sentence. What is held fixed is the caller's to say.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from ..tables.table import Table, laid_out

GAP = 2  # spaces between columns
HEADING = 12  # characters of a heading's line that a column is widened for
LEADING = ("ws", "ws-conditional", "auc")  # columns that come first where not all fit
_SGR = {1: "\x1b[1m", 2: "\x1b[4m"}  # best bold, second best underlined


def render(table: Table, width: int, whole: bool, styled: bool) -> str:
    """A table with its notes, in lines of at most ``width`` where names and values allow it.

    Args:
        table: what to show.
        width: of the terminal.
        whole: whether columns that do not fit stand in further blocks below; else they are only named.
        styled: whether to mark the best two of a column as a terminal can.
    """
    alike = table.alike if len(table.columns) > 1 else ()
    said = [f"{table.columns[index].heading} is {_shared(table, index)} for all." for index in alike]
    kept = [index for index in range(len(table.columns)) if index not in alike]
    if not whole:
        kept.sort(key=lambda index: _place(table.columns[index].metric))
    blocks, left = _blocks(_with(table, kept), width, whole)
    lines = [filled(table.title, width)]
    for block in blocks:
        lines += _grid(block, styled)
    if left:
        said.append(f"Not shown: {', '.join(left)}; --tables {table.name} has all, as has the page.")
    text = "\n".join(lines)
    notes = [*said, *table.notes, *table.numbered]
    return "\n".join([text, *(filled(note, width) for note in notes)]) + "\n"


def filled(text: str, width: int) -> str:
    """A sentence in lines of at most ``width``, continued two spaces in; no word is cut."""
    return textwrap.fill(
        text, max(width, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _shared(table: Table, index: int) -> str:
    return next(str(row.cells[index]) for row in table.rows if row.status == "ok")


def _place(metric: str) -> int:
    return LEADING.index(metric) if metric in LEADING else len(LEADING)


def _with(table: Table, kept: Sequence[int]) -> Table:
    rows = tuple(replace(row, cells=tuple(row.cells[index] for index in kept)) for row in table.rows)
    return replace(table, columns=tuple(table.columns[index] for index in kept), rows=rows)


def _blocks(table: Table, width: int, whole: bool) -> tuple[list[Table], list[str]]:
    """The table in parts that fit side by side, each at least one column; or its first and what is left."""
    blocks: list[Table] = []
    rest = list(range(len(table.columns)))
    while rest:
        fitting = len(rest)
        while fitting > 1 and _width(_with(table, rest[:fitting])) > width:
            fitting -= 1
        blocks.append(_with(table, rest[:fitting]))
        rest = rest[fitting:]
        if not whole:
            break
    return blocks or [table], [table.columns[index].heading for index in rest]


def _texts(table: Table) -> tuple[list[list[str]], list[list[str]], str]:
    """Headings in lines, rows and alignments; ``status`` stays only where it is not ``ok`` and a number."""
    layout = laid_out(table, lambda cell: str(cell).replace(" x)", "x)"), str)
    headings, rows, aligns = layout.headings, layout.rows, layout.aligns
    if headings[-1] == "status" and all(row.status == "ok" for row in table.rows):
        headings = [*headings[:-1], ""]
        rows = [[*row[:-1], row[-1].removeprefix("ok").strip()] for row in rows]
    wrapped = []
    for column, heading in enumerate(headings):
        widest = max([HEADING, *(cell_len(row[column]) for row in rows)])
        wrapped.append(_wrapped(heading, widest) if column else [heading])
    return wrapped, rows, aligns


def _wrapped(heading: str, width: int) -> list[str]:
    parts = re.findall(r"[^\s-]+-?|-", heading)
    lines = [""]
    for part in parts:
        space = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if lines[-1] and len(lines[-1]) + len(space) + len(part) > width:
            lines.append(part)
        else:
            lines[-1] += space + part
    return lines


def _widths(headings: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([*map(cell_len, lines), *(cell_len(row[column]) for row in rows)])
        for column, lines in enumerate(headings)
    ]


def _width(table: Table) -> int:
    headings, rows, _ = _texts(table)
    return sum(_widths(headings, rows)) + GAP * (len(headings) - 1)


def _grid(table: Table, styled: bool) -> Iterator[str]:
    headings, rows, aligns = _texts(table)
    widths = _widths(headings, rows)
    high = max(map(len, headings))

    def line(texts: Sequence[str], looks: Sequence[int] = ()) -> str:
        cells = []
        for column, (text, width, align) in enumerate(zip(texts, widths, aligns, strict=True)):
            space = " " * (width - cell_len(text))
            look = _SGR.get(looks[column], "") if styled and looks else ""
            text = f"{look}{text}\x1b[0m" if look else text
            cells.append(text + space if align == "l" else space + text)
        return (" " * GAP).join(cells).rstrip()

    for number in range(high):  # short headings stand on the lowest line
        yield line(
            [each[number - high + len(each)] if number >= high - len(each) else "" for each in headings]
        )
    yield "─" * (sum(widths) + GAP * (len(widths) - 1))
    before = len(headings) - len(table.columns) - (aligns[-1] == "l" and len(aligns) > 1)
    for row, texts in zip(table.rows, rows, strict=True):
        looks = [0] * before + [cell.rank for cell in row.cells]
        yield line(texts, looks + [0] * (len(texts) - len(looks)))
