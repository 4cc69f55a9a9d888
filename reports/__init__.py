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

from collections.abc import Iterable, Sequence
from pathlib import Path

from simbench.harness.errors import UserError

from . import output
from .formats import narrow
from .formats.files import Advance, Contents
from .rankings.challenge import render_published, render_score, write_score
from .rankings.comparison import render_comparison
from .rankings.gallery import render_gallery, write_gallery
from .rankings.grid import TEXT_FORMATS, write_texts
from .rankings.leaderboard import render_leaderboard
from .rankings.likelihood import render_likelihoods
from .tables.answer import answer
from .tables.build import places_by
from .tables.experts import expert_count_table, expert_table
from .tables.scores import channel_table, quartile_table, score_table, score_tables
from .tables.sweeps import Sweep, sweep_table
from .tables.table import Table, in_order
from .tables.timing import crowded, latency_tables, timing_table
from .text.results import Labelled, Result, Runs, by_detector, held_briefly, part_of, results_of

__all__ = [
    "FORMATS",
    "PRINTED",
    "TABLES",
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
    "fragment",
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
    "summary",
    "tables_of",
    "timing_table",
    "verdict",
    "write",
    "write_gallery",
    "write_score",
    "write_sweep",
    "write_texts",
]

PRINTED = output.PRINTED
"""The formats that ``render`` knows, tables as text."""

TABLES = ("verdict", "scores", "channels", "quartiles", "experts", "expert-counts", "timing", "latency")
"""The tables that one may ask for; and ``channels-METRIC``, ``quartiles-METRIC``."""

FORMATS = output.FORMATS
"""What ``write`` knows: also ``report.html``, ``report.parquet``, and ``figures/*`` as PNG, PDF and CSV."""


def render(
    runs: Runs,
    format: str,  # noqa: A002 - the option is called so
    by: str | None = None,
    tables: Sequence[str] = (),
) -> str:
    """The tables of ``runs`` in one format, as text that ends with a newline: of these names, or all.

    Raises:
        ValueError: the format is not one of ``PRINTED``, there is no run, runs of one detector are not
            comparable, none is scored by ``by``, or a table is unknown.
    """
    text = output.renderer(format)
    return text(chosen_tables(tables_of(runs, by), tables or ["all"]))


def summary(
    runs: Runs, tables: Sequence[str] = (), width: int = 80, styled: bool = False, by: str | None = None
) -> str:
    """What a terminal shows of ``runs``: the answer, tables that fit its width, and once what was held fixed.

    Args:
        runs: at least one.
        tables: names, or ``all``; by default the verdict alone, with as many columns as there is room for.
        width: of the terminal, in characters.
        styled: whether it can show bold and underlined text.
        by: the metric that orders the rows.

    Raises:
        ValueError: as :func:`tables_of`; UserError if a table is unknown.
    """
    chosen = chosen_tables(tables_of(runs, by), tables)
    lines = [narrow.filled(line, width) for line in verdict(runs)]
    held = [narrow.filled(held_briefly(group), width) for _, group in by_detector(results_of(runs))]
    shown = [narrow.render(table, width, bool(tables), styled) for table in chosen]
    head = "\n".join(lines) + "\n\n" if lines else ""
    return head + "\n".join([*shown, "\n".join(held)]) + "\n"


def verdict(runs: Runs) -> tuple[str, ...]:
    """The answer of ``runs`` in a few sentences: what is best by what, what is noise, where each fails."""
    results = results_of(runs)
    parts = dict.fromkeys(part_of(result) for _, result in results)
    warnings = [
        f"Scored on the {part} part, which chooses among models and decides nothing."
        for part in parts
        if part != "test"
    ]
    return (*warnings, *answer(results))


def fragment(runs: Runs) -> str:
    """The verdict, its table and the trade-off of quality and time as HTML to stand within a page."""
    from .page.fragment import fragment as made  # matplotlib takes a second to import

    return made(runs, verdict(runs), chosen_tables(tables_of(runs), ()))


def chosen_tables(made: Sequence[Table], names: Sequence[str]) -> list[Table]:
    """The tables of these names; of none the verdict, or where there is no floor the first of each detector.

    Raises:
        UserError: there is no table of a name.
    """
    if "all" in names:
        return list(made)
    known = list(dict.fromkeys(table.name for table in made))
    chosen = []
    for name in dict.fromkeys(names):
        found = [each for each in known if each == name]
        found = found or [each for each in known if each.startswith(f"{name}-")]
        if not found:
            raise UserError(f"there is no table {name!r} of these runs; there are {', '.join(known)}")
        chosen += [table for table in made if table.name in found]
    if names:
        return chosen
    first = {table.detector: table for table in reversed(made)}
    return [table for table in made if table is first[table.detector]]


def write(
    runs: Runs,
    formats: Iterable[str],
    out: Path,
    advance: Advance = lambda *_: None,
    by: str | None = None,
    tables: Sequence[str] = (),
) -> list[Path]:
    """Write ``report.*`` and ``figures/*`` into the folder ``out``, each file at once or not at all.

    Folders are made if need be. Returns the paths, texts first.

    Raises:
        ValueError: an unknown format, no run, or runs that are not comparable; nothing is written then.
    """
    formats = output.checked(formats)
    made = chosen_tables(tables_of(runs, by), tables or ["all"])

    def illustrated(figured: list[str]) -> Contents:
        from .page.illustrated import contents  # matplotlib takes a second to import

        return contents(runs, verdict(runs), made, figured, advance)

    return output.write_files(made, formats, out, illustrated)


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
