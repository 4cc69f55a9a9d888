"""Reports: what a run or a sweep has measured, as tables, figures and a page of both.

``render`` gives one format of tables as text, ``write`` puts any formats into a folder. Both take runs under
the labels that tables show for them::

    runs = [("run", RunFolder(Path("run")))]
    print(render(runs, "table"))
    write(runs, ["markdown", "html", "figures"], Path("run"))

The bare content of a ``result.json`` does in place of a ``RunFolder``; figures of single responses are then
left out. Runs of different detectors make separate tables and figures; runs of one detector share them, and
their protocols must agree. Nothing is generated for a report.

``render_sweep`` and ``write_sweep`` do the same with the content of one ``sweep.json``. ``render_comparison``
and ``render_leaderboard`` make text of a comparison of two runs and of a ranking, in the formats
``TEXT_FORMATS``; ``render_gallery`` and ``write_gallery`` of what the sanity gallery has seen.

Rooms, from below: ``text``, ``tables``, ``formats`` and ``figures``, ``rankings`` and ``page``. The modules
here may import all of them and are imported by none.
"""

from collections.abc import Iterable
from pathlib import Path

from . import output
from .formats.files import Advance, Contents
from .rankings.challenge import render_published, render_score, write_score
from .rankings.comparison import render_comparison
from .rankings.gallery import render_gallery, write_gallery
from .rankings.grid import TEXT_FORMATS, write_texts
from .rankings.leaderboard import render_leaderboard
from .rankings.likelihood import render_likelihoods
from .tables.build import places_by
from .tables.experts import expert_count_table, expert_table
from .tables.scores import channel_table, quartile_table, score_table, score_tables
from .tables.sweeps import Sweep, sweep_table
from .tables.table import Table, in_order
from .tables.timing import crowded, latency_tables, timing_table
from .text.results import Labelled, Result, Runs, results_of

__all__ = [
    "FORMATS",
    "PRINTED",
    "TEXT_FORMATS",
    "Labelled",
    "Result",
    "Runs",
    "Sweep",
    "Table",
    "channel_table",
    "crowded",
    "expert_count_table",
    "expert_table",
    "latency_tables",
    "quartile_table",
    "render",
    "render_comparison",
    "render_gallery",
    "render_leaderboard",
    "render_likelihoods",
    "render_published",
    "render_score",
    "render_sweep",
    "score_table",
    "tables_of",
    "timing_table",
    "write",
    "write_gallery",
    "write_score",
    "write_sweep",
    "write_texts",
]

PRINTED = output.PRINTED
"""The formats that ``render`` knows, tables as text."""

FORMATS = output.FORMATS
"""What ``write`` knows: also ``report.html``, ``figures/*.png`` and ``*.pdf``, ``report.parquet``."""


def render(runs: Runs, format: str, by: str | None = None) -> str:  # noqa: A002 - the option is called so
    """Every table of ``runs`` in one format, as text that ends with a newline.

    Raises:
        ValueError: the format is not one of ``PRINTED``, there is no run, runs of one detector are not
            comparable, or none is scored by ``by``.
    """
    text = output.renderer(format)
    return text(tables_of(runs, by))


def write(
    runs: Runs,
    formats: Iterable[str],
    out: Path,
    advance: Advance = lambda *_: None,
    by: str | None = None,
) -> list[Path]:
    """Write ``report.*`` and ``figures/*`` into the folder ``out``, each file at once or not at all.

    Folders are made if need be. Returns the paths, texts first.

    Raises:
        ValueError: an unknown format, no run, or runs that are not comparable; nothing is written then.
    """
    formats = output.checked(formats)
    tables = tables_of(runs, by)

    def illustrated(figured: list[str]) -> Contents:
        from .page.illustrated import contents  # matplotlib takes a second to import

        return contents(runs, tables, figured, advance)

    return output.write_files(tables, formats, out, illustrated)


def render_sweep(sweep: Sweep, format: str) -> str:  # noqa: A002 - the option is called so
    """The table of a sweep in one format, as text that ends with a newline.

    Raises:
        ValueError: the format is not one of ``PRINTED``.
    """
    text = output.renderer(format)
    return text([sweep_table(sweep)])


def write_sweep(
    sweep: Sweep, formats: Iterable[str], out: Path, advance: Advance = lambda *_: None
) -> list[Path]:
    """Write ``report.*`` and ``figures/*`` of a sweep into the folder ``out``, each file at once.

    Folders are made if need be. Returns the paths, texts first.

    Raises:
        ValueError: an unknown format; nothing is written then.
    """
    formats = output.checked(formats)
    table = sweep_table(sweep)

    def illustrated(figured: list[str]) -> Contents:
        from .page.illustrated import sweep_contents  # matplotlib takes a second to import

        return sweep_contents(sweep, table, figured, advance)

    return output.write_files([table], formats, out, illustrated)


def tables_of(runs: Runs, by: str | None = None) -> list[Table]:
    """Every table of ``runs``, for a format of one's own.

    Models stand in the order of a table's first metric, or everywhere in that of the metric ``by``: best
    first, the floor last.

    Raises:
        ValueError: there is no run, runs of one detector are not comparable, or none is scored by ``by``.
    """
    results = results_of(runs)
    if not results:
        raise ValueError("no result to report: expected at least one, found none")
    routing = [*expert_table(results), *expert_count_table(results)]
    tables = [*score_tables(results), *routing, *timing_table(results), *latency_tables(results)]
    if by is None:
        return tables
    place = places_by(results, by)
    return [in_order(table, place) for table in tables]
