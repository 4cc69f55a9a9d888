"""Tables for the terminal. They are as wide as they need to be: nothing is ever wrapped or cut."""

import io

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ..tables.table import Table, laid_out

_UNBOUNDED = 1_000_000  # characters: rich shrinks and cuts cells to the width it is given


def render(tables: list[Table]) -> str:
    """The tables as plain text, the same whatever the terminal."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=_UNBOUNDED, color_system=None, force_terminal=False, force_jupyter=False
    )
    for index, table in enumerate(tables):
        if index:
            console.print()
        # Text throughout: names and errors come from plugins and must not be read as markup
        console.print(Text(table.title))
        console.print(_grid(table))
        for line in table.below:
            console.print(Text(line))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _grid(table: Table) -> RichTable:
    layout = laid_out(table, str, str)
    grid = RichTable(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for heading, align in zip(layout.headings, layout.aligns, strict=True):
        if align == "l":
            grid.add_column(Text(heading), no_wrap=True, overflow="ignore")
        else:  # rich does not justify where overflow is ignored; the width is unbounded anyway
            grid.add_column(Text(heading), no_wrap=True, justify="right")
    for number, (row, texts) in enumerate(zip(table.rows, layout.rows, strict=True)):
        last = number + 1 == len(table.rows) or table.rows[number + 1].result != row.result
        grid.add_row(*map(Text, texts), end_section=last)
    return grid
