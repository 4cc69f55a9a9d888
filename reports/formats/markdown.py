"""Tables in GitHub's Markdown."""

import re

from tabulate import tabulate

from ..tables.table import Table, laid_out

_MARKUP = re.compile(r"[\\`*\[<>|~&$]|(?<![^\W_])_|_(?![^\W_])")


def render(tables: list[Table]) -> str:
    """The tables one below the other, each under a heading."""
    return "\n".join(_render(table) for table in tables)


def escape(text: str) -> str:
    """``text`` with everything that Markdown or HTML would read as markup behind a backslash.

    An underscore inside a word stays bare: it is no markup there, and names stay easy to search for.
    """
    return _MARKUP.sub(r"\\\g<0>", text)


def _render(table: Table) -> str:
    layout = laid_out(table, str, escape)
    grid = tabulate(
        layout.rows,
        headers=layout.headings,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["right" if align == "r" else "left" for align in layout.aligns] if layout.rows else None,
    )
    notes = [escape(line) for line in table.below]
    return "\n\n".join([f"## {escape(table.title)}", grid, *notes]) + "\n"
