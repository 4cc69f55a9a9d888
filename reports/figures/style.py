"""The look of every figure, and how a figure becomes a file.

The look is mplhep's: ticks inside on all four sides, minor ticks, labels at the ends of the axes, frameless
legends. The colours are the ten of M. A. Petroff (arXiv:2107.02270), chosen for colour-blind readers, less
the two greys, which are kept for the reference; line styles and markers tell the models apart in black and
white too. Nothing here touches matplotlib's global state for longer than a figure takes.
"""

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from .scene import Model

WIDTH = 7.2  # inches: the text width of an A4 page
REFERENCE = "#bcc0c8"
FLOOR = "#3c4046"
STEPS = [1, 2, 5, 10]  # between ticks: numbers that are easy to read between
_COLOURS = ("#3f90da", "#e76300", "#832db6", "#bd1f01", "#ffa90e", "#a96b59", "#92dadd", "#b9ac70")
_LINES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.5, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "p", "<", ">", "h", "d")
_FONT = "DejaVu Sans"  # comes with matplotlib: the same glyphs on every machine
_LONGEST = 28  # characters of a name that a legend has room for

_STYLE: Any = {  # Any: matplotlib spells out hundreds of keys as the type
    "font.family": [_FONT],
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.size": 4,
    "ytick.major.size": 4,
    "xtick.minor.size": 2,
    "ytick.minor.size": 2,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.3,
    "patch.linewidth": 1.3,
    "pdf.fonttype": 42,  # TrueType, which publishers ask for
    "svg.hashsalt": "simbench",
}


def colour(model: Model) -> str:
    """The colour of a model, the same in every figure of a scene."""
    return FLOOR if model.floor else _COLOURS[model.index % len(_COLOURS)]


def line(model: Model) -> Any:
    """The line style of a model."""
    return (0, (3, 1, 1, 1, 1, 1)) if model.floor else _LINES[model.index % len(_LINES)]


def marker(model: Model) -> str:
    """The marker of a model."""
    return "*" if model.floor else _MARKERS[model.index % len(_MARKERS)]


def figure(height: float) -> Figure:
    """An empty figure of the common width and ``height`` inches."""
    return Figure(figsize=(WIDTH, height), facecolor="white")


def plain(text: str, longest: int = _LONGEST) -> str:
    """``text`` as a figure shows it literally, cut in its middle to ``longest`` characters.

    Formulas are not set (a name may hold a dollar sign), a leading underscore does not hide it from the
    legend, and a character that the font does not have becomes a box.
    """
    if len(text) > longest:
        tail = longest // 2
        text = f"{text[: longest - tail - 1]}…{text[-tail:]}"
    text = "".join(letter if ord(letter) in _glyphs() else "□" for letter in text)
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def room(labels: Sequence[str]) -> float:
    """The share of a figure's width that the longest of ``labels`` takes, in the size of tick labels."""
    return (0.2 + 0.062 * max(map(len, labels), default=0)) / WIDTH


def bare(axes: Axes) -> None:
    """Take everything off ``axes`` but what is drawn into it."""
    axes.set_axis_off()


def styled(draw: Callable[[], Figure]) -> Figure:
    """The figure, drawn in this look."""
    with mpl.rc_context(_STYLE):
        return draw()


def to_png(figure: Figure, dpi: int) -> bytes:
    """The figure as PNG; the same bytes for the same figure and matplotlib."""
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        FigureCanvasAgg(figure).figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """The figure as PDF, without a date: the same bytes for the same figure and matplotlib."""
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        canvas = FigureCanvasPdf(figure)
        canvas.figure.savefig(
            buffer, format="pdf", dpi=300, metadata={"CreationDate": None, "Creator": None, "Producer": None}
        )
    return buffer.getvalue()


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())
