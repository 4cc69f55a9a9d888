"""Tables for programs as a Parquet file: the rows and columns of the CSV. Needs pyarrow, an extra."""

import io
from importlib.util import find_spec

import pandas as pd

from ..tables.table import Table
from .csv_json import render_csv

MISSING = "--format parquet needs pyarrow: pip install 'simbench-hep[parquet]'"


def available() -> bool:
    """Whether pyarrow is there."""
    return find_spec("pyarrow") is not None


def render(tables: list[Table]) -> bytes:
    """The file; ``mean`` and ``std`` are float64, all else text."""
    frame = pd.read_csv(io.StringIO(render_csv(tables)), dtype=str, keep_default_na=False)
    for name in ("mean", "std"):
        frame[name] = pd.to_numeric(frame[name].where(frame[name] != ""), errors="raise").astype("float64")
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()
