"""Progress in a notebook, where bars for a terminal cannot be drawn; elsewhere the command line's bars."""

import html
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress, Task

from ..cli.common.progress import bars

_PAUSE = 0.2  # seconds between two pictures


class _NotebookProgress(Progress):
    """Bars as one HTML output of a notebook's cell, redrawn in place."""

    def __init__(self) -> None:
        super().__init__(disable=True)
        from IPython.display import display

        show: Any = display  # untyped
        self._handle = show(_Shown(""), display_id=True)
        self._drawn = 0.0

    def update(self, *arguments: Any, **fields: Any) -> None:
        super().update(*arguments, **fields)
        self._draw()

    def advance(self, *arguments: Any, **fields: Any) -> None:
        super().advance(*arguments, **fields)
        self._draw()

    def close(self) -> None:
        """Leave nothing behind."""
        self._handle.update(_Shown(""))

    def _draw(self) -> None:
        if time.monotonic() - self._drawn >= _PAUSE:
            self._drawn = time.monotonic()
            self._handle.update(_Shown("".join(map(_line, self.tasks))))


class _Shown:
    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text


def _line(task: Task) -> str:
    left = f"{task.time_remaining:.0f} s left" if task.time_remaining else ""
    note = html.escape(str(task.fields.get("note", "")))
    name = html.escape(task.description)
    return (
        f'<div><progress value="{task.completed}" max="{task.total or 1}" aria-label="{name}"></progress> '
        f"{name} {left} {note}</div>"
    )


@contextmanager
def progress_bars(shown: bool) -> Iterator[Progress]:
    """Bars where somebody watches: in a notebook's cell or a terminal."""
    if not shown or not _in_notebook():
        with bars(not shown) as progress:
            yield progress
        return
    drawn = _NotebookProgress()
    try:
        yield drawn
    finally:
        drawn.close()


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
