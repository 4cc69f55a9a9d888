r"""Tables in LaTeX, to be read with ``\input``; booktabs is all they need."""

import re

from ..tables.table import MISSING, Cell, Table, laid_out

_HEADER = "% \\usepackage{booktabs}; bold is the best model of a column, underlined the second best\n"
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    # a row that starts with one of these would be read as an argument of the \\ before it
    "[": "{[}",
    "*": "{*}",
}
_SPECIALS = re.compile("|".join(re.escape(character) for character in _SPECIAL))


def render(tables: list[Table]) -> str:
    """One ``table`` environment for each table."""
    return _HEADER + "\n".join(_render(table) for table in tables)


def escape(text: str) -> str:
    """``text`` as LaTeX prints it literally (``--`` too, which it would make a dash)."""
    escaped = _SPECIALS.sub(lambda match: _SPECIAL[match.group()], text)
    return re.sub("-(?=-)", "-{}", escaped)


def number(cell: Cell) -> str:
    r"""A value in math mode, ``$1.59 \pm 0.08$``, bold for the best and underlined for the second best."""
    shown = cell.rounded()
    if shown is None:
        return MISSING
    text = shown.value if shown.std is None else rf"{shown.value} \pm {shown.std}"
    if shown.exponent:
        text = text if shown.std is None else f"({text})"
        text += rf" \times 10^{{{shown.exponent}}}"
    if cell.rank == 1:
        text = rf"\mathbf{{{text}}}"
    elif cell.rank == 2:
        text = rf"\underline{{{text}}}"
    if cell.ratio is not None:
        text += rf"\ ({cell.ratio:.3g}\,\times)"
    return f"${text}$"


def _render(table: Table) -> str:
    layout = laid_out(table, number, escape)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(table.title)}}}",
        rf"  \label{{tab:{_label(table)}}}",
        rf"  \begin{{tabular}}{{{layout.aligns}}}",
        r"    \toprule",
        f"    {' & '.join(layout.headings)} \\\\",
    ]
    result = None
    for row, texts in zip(table.rows, layout.rows, strict=True):
        if row.result != result:
            lines.append(r"    \midrule")
            result = row.result
        lines.append(f"    {' & '.join(texts)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"  \par\medskip", r"  {\footnotesize\raggedright"]
    lines += [rf"  {escape(line)}\par" for line in table.below]
    return "\n".join([*lines, r"  }", r"\end{table}", ""])


def _label(table: Table) -> str:
    return re.sub("[^a-z0-9]+", "-", f"{table.name}-{table.detector}".lower()).strip("-")
