"""Grids of text for what is no table of scores: comparisons and rankings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from simbench.harness.files import write_text

from ..formats.markdown import escape
from ..tables.table import MISSING
from ..text.results import one_line
from ..text.rounding import rounded

_SUFFIXES: Mapping[str, str] = {"table": "txt", "markdown": "md", "json": "json"}
TEXT_FORMATS = tuple(_SUFFIXES)
"""The formats of comparisons and rankings."""


def plain(headings: Sequence[str], rows: Sequence[Sequence[str]], aligns: str) -> str:
    """For the terminal; ``aligns`` has an ``l`` or ``r`` for each column."""
    return _grid("simple", one_line, headings, rows, aligns)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], aligns: str) -> str:
    """For GitHub: every cell escaped."""
    return _grid("pipe", lambda text: escape(one_line(text)), headings, rows, aligns)


def _grid(
    form: str,
    spell: Callable[[str], str],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    aligns: str,
) -> str:
    return tabulate(
        [[spell(cell) for cell in row] for row in rows],
        headers=[spell(heading) for heading in headings],
        tablefmt=form,
        disable_numparse=True,
        colalign=["right" if align == "r" else "left" for align in aligns] if rows else None,
    )


def value(mean: float | None, std: float | None) -> str:
    """``3.10 ± 0.02``, or a dash."""
    return str(rounded(mean, std) or MISSING)


def probability(p: float | None) -> str:
    """``0.012``, ``<0.0001``, or a dash."""
    if p is None:
        return MISSING
    return f"{p:.2g}" if p >= 1e-4 else "<0.0001"


def write_texts(texts: Mapping[str, str], stem: str, out: Path) -> list[Path]:
    """Write texts by format into the folder ``out``, which is made if need be; returns the paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{stem}.{_SUFFIXES[name]}" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths
