"""The two formats with figures: the page and the folder of figures. Imported only when one is asked for."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ..figures import sweeps as figures_sweeps
from ..figures.drawing import Drawing
from ..figures.drawings import drawings, missing
from ..figures.scene import scenes
from ..formats.files import Advance, Contents
from ..tables.sweeps import Sweep
from ..tables.table import Table
from ..text.results import Runs, one_line, results_of
from . import html

Chapter: TypeAlias = tuple[str, Sequence[Drawing], Sequence[str]]
"""A detector, its figures, and sentences on what is missing."""


def contents(
    runs: Runs, verdict: Sequence[str], tables: Sequence[Table], formats: Sequence[str], advance: Advance
) -> Contents:
    """What to write where, relative to the folder of the report, for ``html`` and ``figures``."""
    chapters = [(scene.detector, drawings(scene), missing(scene)) for scene in scenes(runs)]
    results = results_of(runs)
    page = partial(html.page, html.run_head(results), results, tables, verdict=verdict)
    return _contents(page, chapters, formats, advance)


def sweep_contents(sweep: Sweep, table: Table, formats: Sequence[str], advance: Advance) -> Contents:
    """The same for a sweep."""
    drawn = figures_sweeps.drawings(sweep, table)
    absent = [] if drawn else ["There is no figure, for no training was scored."]
    states = [point["status"] for point in sweep["points"]]
    each = ", ".join(f"{states.count(state)} {one_line(state)}" for state in dict.fromkeys(states))
    head = html.Head(
        table.title,
        f"{len(states)} {'training' if len(states) == 1 else 'trainings'}{f': {each}' if each else ''}",
        [one_line(sweep.get("command") or "")],
        "The command computes only what its folder does not hold yet, and makes this page again.",
    )
    settings = {"preset": sweep["preset"], "budget": sweep["budget"], **sweep["settings"]}
    results = [(str(sweep["sweep"]), {**sweep, "settings": settings})]
    chapters = [(table.detector, drawn, absent)]
    return _contents(partial(html.page, head, results, [table]), chapters, formats, advance)


def _contents(
    page: Callable[[Sequence[html.Shown]], str],
    chapters: Sequence[Chapter],
    formats: Sequence[str],
    advance: Advance,
) -> Contents:
    total = len(formats) * sum(len(drawn) for _, drawn, _ in chapters)
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        advance(done, total)

    made: dict[Path, str | bytes] = {}
    for name in formats:
        if name == "html":
            shown = []
            for detector, drawn, absent in chapters:
                figures = []
                for drawing in drawn:
                    figures.append((drawing, *drawing.shown(html.SCREEN_DPI)))
                    told()
                shown.append((detector, figures, absent))
            made[Path("report.html")] = page(shown)
            continue
        for _, drawn, _ in chapters:
            for drawing in drawn:
                made[Path("figures") / f"{drawing.name}.png"] = drawing.png()
                made[Path("figures") / f"{drawing.name}.pdf"] = drawing.pdf()
                made[Path("figures") / f"{drawing.name}.csv"] = drawing.csv()
                told()
    return made
