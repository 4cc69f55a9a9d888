"""Parquet holds what CSV does; without pyarrow it is one line."""

import csv
import io

import pytest

from simbench import reports
from simbench.reports.formats import parquet
from simbench.reports.formats.csv_json import render_csv


def test_it_holds_the_rows_of_the_csv(full, tmp_path):
    pytest.importorskip("pyarrow")
    import pandas as pd

    runs = [("run", full)]
    (path,) = reports.write(runs, ["parquet"], tmp_path)
    found = pd.read_parquet(path)
    rows = list(csv.DictReader(io.StringIO(render_csv(reports.tables_of(runs)))))
    assert list(found.columns) == list(rows[0])
    assert len(found) == len(rows) > 10
    for name in found.columns:
        told = [row[name] for row in rows]
        if name in ("mean", "std"):
            expected = [float(text) if text else None for text in told]
            assert [None if pd.isna(value) else value for value in found[name]] == expected
        else:
            assert found[name].tolist() == told


def test_without_pyarrow_it_is_refused_before_anything_is_written(full, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    with pytest.raises(
        ValueError, match=r"--format parquet needs pyarrow: pip install 'simbench-hep\[parquet\]'"
    ):
        reports.write([("run", full)], ["csv", "parquet"], tmp_path)
    assert list(tmp_path.iterdir()) == []
