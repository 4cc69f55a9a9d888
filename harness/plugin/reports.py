"""A format of tables as text, as a plugin offers it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ReportFormat:
    """A format of tables as text that a plugin offers, for ``--format`` of ``run`` and ``report``.

    Attributes:
        name: what ``--format`` calls it.
        file: what it is written to, ``report.`` and a suffix.
        render: the text of a list of ``simbench.reports.Table``; it ends with a newline.
    """

    name: str
    file: str
    render: Callable[[list[Any]], str]
