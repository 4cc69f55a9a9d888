"""The two formats with figures: the page and the folder of figures. Imported only when one is asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path

from . import html
from .figures import drawings, missing
from .figures_data import Runs, results_of, scenes
from .table import Table


def contents(
    runs: Runs, tables: Sequence[Table], formats: Sequence[str], advance: Callable[[int, int], None]
) -> dict[Path, str | bytes]:
    """What to write where, relative to the folder of the report, for ``html`` and ``figures``."""
    chapters = [(scene, drawings(scene)) for scene in scenes(runs)]
    total = len(formats) * sum(len(drawn) for _, drawn in chapters)
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        advance(done, total)

    made: dict[Path, str | bytes] = {}
    for name in formats:
        if name == "html":
            shown = []
            for scene, drawn in chapters:
                figures = []
                for drawing in drawn:
                    figures.append((drawing, drawing.png(html.SCREEN_DPI)))
                    told()
                shown.append((scene.detector, figures, missing(scene)))
            made[Path("report.html")] = html.page(results_of(runs), tables, shown)
            continue
        for _, drawn in chapters:
            for drawing in drawn:
                made[Path("figures") / f"{drawing.name}.png"] = drawing.png()
                made[Path("figures") / f"{drawing.name}.pdf"] = drawing.pdf()
                told()
    return made
