"""Reports: what a run has measured, as tables.

``render`` gives one format as text, ``write`` puts several into a folder. Both take results, each the
content of a ``result.json``, under the labels that tables show for them::

    results = [("run", json.loads(Path("run/result.json").read_text()))]
    print(render(results, "table"))
    write(results, ["markdown", "latex"], Path("run"))

Results of different detectors make separate tables; results of one detector share a table, and their
protocols must agree.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from simbench.harness.files import write_text

from . import latex, markdown, terminal, tidy
from .protocol import Labelled, Result
from .table import Table
from .tables import channel_table, quartile_table, score_table, score_tables
from .timing import timing_table

__all__ = [
    "FORMATS",
    "Labelled",
    "Result",
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

FORMATS = tuple(_RENDERERS)
"""The names of the formats that ``render`` and ``write`` know."""


def render(results: Labelled, format: str) -> str:  # noqa: A002 - the option is called so
    """Every table of ``results`` in one format, as text that ends with a newline.

    Raises:
        ValueError: the format is unknown, there is no result, or results of one detector are not comparable.
    """
    return _renderer(format)[1](_tables(results))


def write(results: Labelled, formats: Iterable[str], out: Path) -> list[Path]:
    """Write ``report.*`` into the folder ``out`` (made if need be), each file at once or not at all.

    Returns the paths in the order of ``formats``, repeated formats once.

    Raises:
        ValueError: as ``render``; nothing is written then.
    """
    tables = _tables(results)
    texts = {}
    for format_ in formats:
        name, renderer = _renderer(format_)
        texts[out / name] = renderer(tables)
    out.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def _tables(results: Labelled) -> list[Table]:
    if not results:
        raise ValueError("no result to report: expected at least one, found none")
    return [*score_tables(results), *timing_table(results)]


def _renderer(name: str) -> tuple[str, Callable[[list[Table]], str]]:
    if name not in _RENDERERS:
        raise ValueError(f"unknown report format {name!r}: expected one of {', '.join(FORMATS)}")
    return _RENDERERS[name]
