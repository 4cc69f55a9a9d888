"""The formats of a report: which there are, what renders them, and the files that they become."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .formats import csv_json, latex, markdown, parquet, terminal
from .formats.files import Contents, write_contents
from .tables.table import Table

_RENDERERS: Mapping[str, tuple[str, Callable[[list[Table]], str]]] = {
    "table": ("report.txt", terminal.render),
    "markdown": ("report.md", markdown.render),
    "latex": ("report.tex", latex.render),
    "csv": ("report.csv", csv_json.render_csv),
    "json": ("report.json", csv_json.render_json),
}
PRINTED = tuple(_RENDERERS)
FORMATS = (*PRINTED, "html", "figures", "parquet")
FILES = (*(file for file, _ in _RENDERERS.values()), "report.html", "report.parquet")


def renderer(name: str) -> Callable[[list[Table]], str]:
    """The function that makes one printed format of tables.

    Raises:
        ValueError: ``name`` is not one of ``PRINTED``.
    """
    if name not in _RENDERERS:
        raise ValueError(f"unknown report format {name!r}: expected one of {', '.join(PRINTED)}")
    return _RENDERERS[name][1]


def lacks(formats: Iterable[str]) -> str | None:
    """A line on the package that one of the formats needs and that is not there, if so."""
    return parquet.MISSING if "parquet" in formats and not parquet.available() else None


def checked(formats: Iterable[str]) -> list[str]:
    """Each format once.

    Raises:
        ValueError: one of them is not one of ``FORMATS``, or needs a package that is not there.
    """
    formats = list(dict.fromkeys(formats))
    lacking = lacks(formats)
    if lacking:
        raise ValueError(lacking)
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"unknown report format {name!r}: expected one of {', '.join(FORMATS)}")
    return formats


def write_files(
    tables: list[Table],
    formats: Sequence[str],
    out: Path,
    illustrated: Callable[[list[str]], Contents],
) -> list[Path]:
    """Write ``report.*`` and ``figures/*`` into the folder ``out``; texts first.

    ``illustrated`` makes the formats with figures among ``formats``, and is called only if there are any.
    """
    contents: dict[Path, str | bytes] = {}
    for name in formats:
        if name in _RENDERERS:
            text, render = _RENDERERS[name]
            contents[Path(text)] = render(tables)
    if "parquet" in formats:
        contents[Path("report.parquet")] = parquet.render(tables)
    figured = [name for name in formats if name not in (*_RENDERERS, "parquet")]
    if figured:
        contents |= illustrated(figured)
    return write_contents(contents, out)
