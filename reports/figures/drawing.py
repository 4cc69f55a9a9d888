"""One figure of a report: what it is called, what is said below it, and how it becomes a picture."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from .numbers import numbers
from .style import styled, to_pdf, to_png

PRINT_DPI = 220
SCREEN_DPI = 110


@dataclass(frozen=True)
class Drawing:
    """A figure: ``name`` is its file's, ``alt`` says what it shows to who cannot see it."""

    name: str
    title: str
    caption: str
    alt: str
    draw: Callable[[], Figure] = field(repr=False)
    part: str = "more"  # of the page: tradeoff, card, distributions, response, training, or more
    model: str = ""  # whose card it is

    def figure(self) -> Figure:
        """Matplotlib's figure, drawn anew."""
        return styled(self.draw)

    def png(self, dpi: int = PRINT_DPI) -> bytes:
        """The figure as PNG."""
        return to_png(self.figure(), dpi)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        return self.png(SCREEN_DPI)

    def pdf(self) -> bytes:
        """The figure as PDF."""
        return to_pdf(self.figure())

    def csv(self) -> str:
        """The numbers behind the figure."""
        return numbers(self.figure())

    def shown(self, dpi: int) -> tuple[bytes, str]:
        """PNG and numbers, without pixels, of one and the same drawing."""
        figure = self.figure()
        return to_png(figure, dpi), numbers(figure, pixels=False)


def slug(text: str) -> str:
    """``text`` as a part of a file's name."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "model"
