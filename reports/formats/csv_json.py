"""Tables for programs: CSV with one value a row, and JSON; both at full precision."""

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from ..tables.table import Row, Table

CSV_COLUMNS = (
    "table", "detector", "result", "model", "status", "metric", "subset", "channel", "source",
    "mean", "std", "unit", "marks", "error", "settings",
)  # fmt: skip


def render_csv(tables: list[Table]) -> str:
    """One row for each model and column, published figures too (``source``); an absent value is empty.

    What tells the rows of one model apart stands last, as in ``expert=2`` or ``router=learned; recipe=ours``.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            settings = "; ".join(
                f"{name}={setting if isinstance(setting, str) else repr(setting)}"
                for name, setting in zip(table.settings, row.settings, strict=True)
                if setting != ""
            )
            for column, cell in zip(table.columns, row.cells, strict=True):
                model = (table.name, table.detector, row.result, row.model, row.status)
                value = (column.metric, column.subset, column.channel, column.source, cell.mean, cell.std)
                writer.writerow((*model, *value, column.unit, "; ".join(row.marks), row.error, settings))
    return stream.getvalue()


def render_json(tables: list[Table]) -> str:
    """A list of tables; what is no number (an empty bin, a failed model) is null."""
    content = [
        {
            "table": table.name,
            "title": table.title,
            "detector": table.detector,
            "columns": [vars(column) for column in table.columns],
            "rows": [_row(table, row) for row in table.rows],
            "remarks": list(table.remarks),
            "caption": table.caption,
            "footnotes": list(table.footnotes),
            **table.details,
        }
        for table in tables
    ]
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _row(table: Table, row: Row) -> dict[str, Any]:
    return {
        "model": row.model,
        "result": row.result,
        "settings": dict(zip(table.settings, row.settings, strict=True)),
        "status": row.status,
        "error": row.error or None,
        "marks": list(row.marks),
        "values": [
            {
                "mean": cell.mean,
                "std": cell.std,
                "rank": cell.rank or None,
                **({} if cell.ratio is None else {"times_floor": cell.ratio}),
            }
            for cell in row.cells
        ],
    }


def _finite(value: Any) -> Any:
    """``value`` with every NaN and infinity replaced by None, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
