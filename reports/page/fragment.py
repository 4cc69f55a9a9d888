"""The page's verdict, table and first figure as a piece of HTML: what a notebook shows in place."""

import base64
from collections.abc import Sequence

from ..figures.drawings import drawings
from ..figures.scene import scenes
from ..tables.table import Table
from ..text.results import Runs, by_detector, held_briefly, results_of
from . import html

DPI = 110


def fragment(runs: Runs, verdict: Sequence[str], tables: Sequence[Table]) -> str:
    """One element of HTML without script, for any page around it."""
    shown = [drawing for scene in scenes(runs) for drawing in drawings(scene)[:1]]
    figures = [
        (one, base64.b64encode(one.png(DPI)).decode()) for one in shown if one.name.startswith("tradeoff")
    ]
    return html.rendered(
        "fragment.html",
        verdict=verdict,
        tables=[html.table_parts(table) for table in tables],
        figures=figures,
        held=[held_briefly(group) for _, group in by_detector(results_of(runs))],
    )
