"""A table before it takes a format: what the builders make and every renderer reads."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..text.published import Figure
from ..text.rounding import Rounded, finite, rounded

MISSING = "-"
"""Stands for a value that is not there: a failed model, an empty bin, a figure never published."""

Setting: TypeAlias = str | int | float
"""What sets apart the rows of one model: the number of an expert, a parameter of a training."""


@dataclass(frozen=True)
class Cell:
    """A mean and its standard deviation over runs (None: unknown), at full precision.

    ``rank`` is 1 for the best model of a column, 2 for the second best, else 0. ``printed`` is set for what
    is shown as it is and not rounded by its uncertainty: a published figure, a count, a share. ``ratio`` is
    the value as a multiple of the floor, where that is shown too.
    """

    mean: float | None = None
    std: float | None = None
    rank: int = 0
    printed: Figure | None = None
    ratio: float | None = None

    @classmethod
    def measured(cls, value: Mapping[str, Any] | None, ratio: float | None = None) -> "Cell":
        """From ``{"mean": ..., "std": ...}`` of a result, or from None."""
        value = value or {}
        return cls(finite(value.get("mean")), finite(value.get("std")), ratio=ratio)

    @classmethod
    def published(cls, figure: Figure | None) -> "Cell":
        """From a published figure, or from None."""
        if figure is None:
            return cls()
        return cls(float(figure.value), None if figure.std is None else float(figure.std), 0, figure)

    @classmethod
    def count(cls, number: int) -> "Cell":
        """A whole number, shown as such."""
        return cls(float(number), printed=Figure(str(number)))

    def rounded(self) -> Rounded | None:
        """What is shown: rounded by the PDG rule, or as printed; None for a missing value."""
        if self.printed is not None:
            return Rounded(self.printed.value, self.printed.std)
        return rounded(self.mean, self.std)

    def __str__(self) -> str:
        return f"{self.rounded() or MISSING}{self.times}"

    @property
    def times(self) -> str:
        """The multiple of the floor, `` (2.6 x)``, where it is shown."""
        return "" if self.ratio is None else f" ({self.ratio:.3g} x)"


@dataclass(frozen=True)
class Column:
    """A column of values. ``metric``, ``subset`` and ``channel`` name them as ``scores.csv`` does."""

    heading: str
    metric: str
    unit: str = ""
    better: str = ""  # "lower", "higher" or "": not ranked
    subset: str = "all"  # all, q1 .. q4
    channel: str = "mean"  # mean, or a channel's name
    source: str = "measured"  # measured or published


@dataclass(frozen=True)
class Row:
    """One model of one result; ``cells`` run parallel to the table's columns, ``notes`` count from 1.

    ``settings`` run parallel to the table's: they tell the rows of one model apart. The ``floor`` and an
    ``anchor`` are no candidates: they take no rank, and stand below those that are.
    """

    model: str
    result: str
    status: str
    error: str
    marks: tuple[str, ...]
    floor: bool
    cells: tuple[Cell, ...]
    notes: tuple[int, ...] = ()
    settings: tuple[Setting, ...] = ()
    anchor: bool = False

    @property
    def candidate(self) -> bool:
        """Whether it can be the best of its table."""
        return not (self.floor or self.anchor)

    @property
    def state(self) -> str:
        """The status with its footnotes: ``ok``, ``failed (2)``."""
        return f"{self.status} ({', '.join(map(str, self.notes))})" if self.notes else self.status


@dataclass(frozen=True)
class Table:
    """A table for one detector; ``caption`` is one line, ``details`` is what only JSON carries.

    ``settings`` are the headings of what each row was set to, shown between its name and its values; most
    tables have a row a model and none.
    """

    name: str
    title: str
    detector: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str
    footnotes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # the caption less what was held fixed

    def with_remarks(self, remarks: tuple[str, ...]) -> "Table":
        """The table with lines of its own above the caption."""
        return dataclasses.replace(self, remarks=remarks)

    @property
    def alike(self) -> tuple[int, ...]:
        """The columns that show the same value in all of several rows that have one."""
        found = []
        for index in range(len(self.columns)):
            texts = {str(row.cells[index]) for row in self.rows if row.status == "ok"}
            if len(texts) == 1 and sum(row.status == "ok" for row in self.rows) > 1:
                found.append(index)
        return tuple(found)

    @property
    def results(self) -> tuple[str, ...]:
        """The labels of the results that the rows come from, in order."""
        return tuple(dict.fromkeys(row.result for row in self.rows))

    @property
    def aligns(self) -> str:
        """An ``l`` or ``r`` for each of ``settings``: numbers to the right."""
        columns = ([row.settings[index] for row in self.rows] for index in range(len(self.settings)))
        return "".join("r" if _numeric(values) else "l" for values in columns)

    @property
    def below(self) -> tuple[str, ...]:
        """The lines below the table: remarks, the caption and the numbered footnotes."""
        return (
            *self.remarks,
            self.caption,
            *self.numbered,
        )

    @property
    def numbered(self) -> tuple[str, ...]:
        """The footnotes with their numbers."""
        return tuple(f"({number}) {note}" for number, note in enumerate(self.footnotes, 1))


@dataclass(frozen=True)
class Layout:
    """A table as text in a format's own spelling; ``aligns`` has an ``l`` or ``r`` for each column."""

    headings: list[str]
    rows: list[list[str]]
    aligns: str


def laid_out(table: Table, cell: Callable[[Cell], str], text: Callable[[str], str]) -> Layout:
    """The table with ``cell`` applied to its values and ``text`` to everything else.

    The model's name comes first. A column ``result`` follows only where several results are shown, then the
    settings; a last column ``status`` stands only where some model is not ok or carries a mark.
    """
    several = len(table.results) > 1
    stated = any(row.state != "ok" for row in table.rows)
    headings = [
        "model",
        *["result"] * several,
        *table.settings,
        *(column.heading for column in table.columns),
        *["status"] * stated,
    ]
    rows = [
        [
            text(row.model),
            *[text(row.result)] * several,
            *(text(spelled(setting)) for setting in row.settings),
            *(cell(value) for value in row.cells),
            *[text(row.state)] * stated,
        ]
        for row in table.rows
    ]
    aligns = "l" + "l" * several + table.aligns + "r" * len(table.columns) + "l" * stated
    return Layout([text(heading) for heading in headings], rows, aligns)


def spelled(setting: Setting) -> str:
    """A setting as every format shows it: ``learned``, ``0.0001``, ``-`` where it does not apply."""
    return (setting if isinstance(setting, str) else f"{setting:.12g}") or MISSING


def _numeric(settings: list[Setting]) -> bool:
    """Whether all are numbers, but for those that do not apply."""
    applying = [setting for setting in settings if setting != ""]
    return bool(applying) and not any(isinstance(setting, str) for setting in applying)


def ranked(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    """The rows with the best and second-best value of each measured column marked.

    The floor of a table (the Monte Carlo reference) and anchors take no part, and where all values are
    equal, or there is only one, nothing is best.
    """
    for index, column in enumerate(columns):
        if column.source != "measured" or column.better not in ("lower", "higher"):
            continue
        means = {row.cells[index].mean for row in rows if row.candidate} - {None}
        order = sorted((mean for mean in means if mean is not None), reverse=column.better == "higher")
        if len(order) > 1:
            places = {order[0]: 1, order[1]: 2}
            rows = [_with_rank(row, index, places) if row.candidate else row for row in rows]
    return rows


def _with_rank(row: Row, index: int, places: Mapping[float, int]) -> Row:
    cell = row.cells[index]
    if cell.mean is None:
        return row
    cells = list(row.cells)
    cells[index] = dataclasses.replace(cell, rank=places.get(cell.mean, 0))
    return dataclasses.replace(row, cells=tuple(cells))


def in_order(table: Table, place: Mapping[tuple[str, str], float]) -> Table:
    """The table with its rows by the place of (result, model): the lowest first, anchors and floor last."""

    def key(row: Row) -> tuple[bool, bool, float]:
        return row.floor, row.anchor, place.get((row.result, row.model), math.inf)

    return dataclasses.replace(table, rows=tuple(sorted(table.rows, key=key)))


def ordered(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    """The rows by the first column that is ranked: best first, then what has no value, anchors, the floor."""
    first = next((index for index, column in enumerate(columns) if column.better), None)
    if first is None:
        return rows
    sign = 1 if columns[first].better == "lower" else -1

    def place(row: Row) -> tuple[bool, bool, bool, float]:
        mean = row.cells[first].mean
        return row.floor, row.anchor, mean is None, 0.0 if mean is None else sign * mean

    return sorted(rows, key=place)
