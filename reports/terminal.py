"""Tables for the terminal. They are as wide as they need to be: nothing is ever wrapped or cut."""

import io
from typing import Any, cast

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from .table import Table, laid_out

_UNBOUNDED = 1_000_000  # characters: rich shrinks and cuts cells to the width it is given
_RANK_STYLES = {1: "bold", 2: "underline"}


def render(tables: list[Table]) -> str:
    """The tables as plain text, the same whatever the terminal."""
    stream = io.StringIO()
    _print(
        tables,
        Console(file=stream, width=_UNBOUNDED, color_system=None, force_terminal=False, force_jupyter=False),
    )
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def show(tables: list[Table], console: Console) -> None:
    """Print the tables to ``console``, with the best model bold and the second best underlined.

    Lines longer than the terminal are left to it; the console's own width is not used.
    """
    wide = Console(
        file=console.file,
        width=_UNBOUNDED,
        force_terminal=console.is_terminal,
        color_system=cast(Any, console.color_system),
        no_color=console.no_color,
        legacy_windows=console.legacy_windows,
    )
    _print(tables, wide)


def _print(tables: list[Table], console: Console) -> None:
    for index, table in enumerate(tables):
        if index:
            console.print()
        # Text throughout: names and errors come from plugins and must not be read as markup
        console.print(Text(table.title, style="bold"))
        console.print(_grid(table))
        for line in table.below:
            console.print(Text(line))


def _grid(table: Table) -> RichTable:
    layout = laid_out(table, str, str)
    grid = RichTable(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for heading, align in zip(layout.headings, layout.aligns, strict=True):
        if align == "l":
            grid.add_column(Text(heading), no_wrap=True, overflow="ignore")
        else:  # rich does not justify where overflow is ignored; the width is unbounded anyway
            grid.add_column(Text(heading), no_wrap=True, justify="right")
    for number, (row, texts) in enumerate(zip(table.rows, layout.rows, strict=True)):
        cells = [Text(text) for text in texts]
        for text, cell in zip(cells[layout.start :], row.cells, strict=False):
            text.stylize(_RANK_STYLES.get(cell.rank, ""))
        last = number + 1 == len(table.rows) or table.rows[number + 1].result != row.result
        grid.add_row(*cells, end_section=last)
    return grid
