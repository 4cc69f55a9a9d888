"""Reports: what a run has measured, as tables, figures and a page of both.

``render`` gives one format of tables as text, ``write`` puts any formats into a folder. Both take runs under
the labels that tables show for them::

    runs = [("run", RunFolder(Path("run")))]
    print(render(runs, "table"))
    write(runs, ["markdown", "html", "figures"], Path("run"))

The bare content of a ``result.json`` does in place of a ``RunFolder``; figures of single responses are then
left out. Runs of different detectors make separate tables and figures; runs of one detector share them, and
their protocols must agree. Nothing is generated for a report.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from simbench.harness.files import atomic, write_text

from . import latex, markdown, terminal, tidy
from .figures_data import Runs, results_of
from .protocol import Labelled, Result
from .table import Table
from .tables import channel_table, quartile_table, score_table, score_tables
from .timing import timing_table

__all__ = [
    "FORMATS",
    "PRINTED",
    "Labelled",
    "Result",
    "Runs",
    "Table",
    "channel_table",
    "quartile_table",
    "render",
    "score_table",
    "timing_table",
    "write",
]

_RENDERERS: Mapping[str, tuple[str, Callable[[list[Table]], str]]] = {
    "table": ("report.txt", terminal.render),
    "markdown": ("report.md", markdown.render),
    "latex": ("report.tex", latex.render),
    "csv": ("report.csv", tidy.render_csv),
    "json": ("report.json", tidy.render_json),
}

PRINTED = tuple(_RENDERERS)
"""The formats that ``render`` knows, tables as text."""

FORMATS = (*PRINTED, "html", "figures")
"""The formats that ``write`` knows, with the page ``report.html``, ``figures/*.png`` and ``*.pdf``, too."""

Advance: TypeAlias = Callable[[int, int], None]
"""Is told how many figures are drawn, of how many."""


def render(runs: Runs, format: str) -> str:  # noqa: A002 - the option is called so
    """Every table of ``runs`` in one format, as text that ends with a newline.

    Raises:
        ValueError: the format is not one of ``PRINTED``, there is no run, or runs of one detector are not
            comparable.
    """
    if format not in _RENDERERS:
        raise ValueError(f"unknown report format {format!r}: expected one of {', '.join(PRINTED)}")
    return _RENDERERS[format][1](_tables(results_of(runs)))


def write(runs: Runs, formats: Iterable[str], out: Path, advance: Advance = lambda *_: None) -> list[Path]:
    """Write ``report.*`` and ``figures/*`` into the folder ``out``, each file at once or not at all.

    Folders are made if need be. Returns the paths, texts first.

    Raises:
        ValueError: an unknown format, no run, or runs that are not comparable; nothing is written then.
    """
    formats = list(dict.fromkeys(formats))
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"unknown report format {name!r}: expected one of {', '.join(FORMATS)}")
    results = results_of(runs)
    tables = _tables(results)
    contents: dict[Path, str | bytes] = {}
    for name in formats:
        if name in _RENDERERS:
            text, renderer = _RENDERERS[name]
            contents[Path(text)] = renderer(tables)
    figured = [name for name in formats if name not in _RENDERERS]
    if figured:
        from .illustrated import contents as illustrated  # matplotlib takes a second to import

        contents |= illustrated(runs, tables, figured, advance)
    for file, content in contents.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            write_text(path, content)
        else:
            with atomic(path) as part:
                part.write_bytes(content)
    return [out / file for file in contents]


def _tables(results: Labelled) -> list[Table]:
    if not results:
        raise ValueError("no result to report: expected at least one, found none")
    return [*score_tables(results), *timing_table(results)]
