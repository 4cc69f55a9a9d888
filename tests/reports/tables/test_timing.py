"""The table of timings, on hand-made results."""

import pytest

from simbench import reports
from simbench.reports import crowded, latency_tables, timing_table


@pytest.fixture
def timed(model):
    def make(name, seconds, noisy=False):
        cpu = {"seconds_per_10k": seconds, "spread": 0.1, "threads": 2, "noisy": noisy}
        cpu |= {"engine": None, "batch": None} if name == "mc" else {"engine": "torch", "batch": 256}
        return model(name, timing={"cpu": cpu})

    return make


def test_no_table_where_nothing_was_timed(model, result):
    assert timing_table([("run", result(model("gan")))]) == []


def test_median_with_half_range_and_the_published_column_beside(result, timed):
    (table,) = timing_table([("run", result(timed("gan", 2.0), timed("mc", 1.0)))])
    assert [column.heading for column in table.columns] == ["CPU seconds", "published CPU seconds"]
    gan, mc = table.rows
    assert (gan.cells[0].mean, gan.cells[0].std) == (2.0, 0.2)
    assert str(gan.cells[1]) == "273"
    assert str(mc.cells[1]) == "11172"
    assert "CPU, threads 2, engine torch, 256 responses a batch: gan." in table.caption
    assert "CPU, threads 2: mc." in table.caption
    assert "says nothing about replacing Geant" in table.caption
    assert "time them again" not in table.caption


def test_a_model_that_was_not_timed_has_a_gap_and_a_noisy_one_is_named(model, result, timed):
    (table,) = timing_table([("run", result(timed("gan", 2.0, noisy=True), model("sdi-gan")))])
    assert table.rows[1].cells[0].mean is None
    assert "of gan differ by more than 20 %" in table.caption


def test_every_format_has_the_timings(result, timed):
    results = [("run", result(timed("gan", 2.0)))]
    for name in reports.FORMATS:
        if name not in ("html", "figures", "parquet"):
            assert "273" in reports.render(results, name)


def latency(scale=1.0):
    def calls(factor):
        return {size: {"p50_ms": factor * ms, "p99_ms": 2 * factor * ms} for size, ms in SIZES.items()}

    return {
        "load_seconds": 0.5,
        "memory_mb": 20.0,
        "file_mb": 1.5,
        "parameters": 600_000,
        "threads": {"1": calls(scale), "2": calls(scale / 2)},
    }


SIZES = {"1": 1.0, "100": 8.0, "10000": 600.0}


def test_latencies_are_a_table_for_each_engine(model, result, timed):
    gan, mc = timed("gan", 2.0), timed("mc", 1.0)
    gan["timing"]["cpu"]["latency"] = {"torch": latency(), "onnx": latency(0.8)}
    mc["timing"]["cpu"]["latency"] = {
        "python": {**latency(), "parameters": None, "threads": {"1": {"1": None}}}
    }
    onnx, python, torch = latency_tables([("run", result(gan, mc))])
    assert [table.name for table in (onnx, python, torch)] == [
        "latency-onnx", "latency-python", "latency-torch"
    ]  # fmt: skip
    headings = [column.heading for column in torch.columns]
    assert headings == [
        "1 on 1 (ms)", "1 on 1, 99 % (ms)", "100 on 1 (ms)", "10,000 on 1 (ms)",
        "1 on 2 (ms)", "100 on 2 (ms)", "10,000 on 2 (ms)", "load (s)",
        "memory (MB)", "file (MB)", "parameters",
    ]  # fmt: skip
    cells = next(row.cells for row in torch.rows if row.model == "gan")
    assert [cell.mean for cell in cells] == [1, 2, 8, 600, 0.5, 4, 300, 0.5, 20, 1.5, 600_000]
    assert [row.model for row in torch.rows] == ["gan"]  # those that have the engine
    assert [str(cell) for cell in python.rows[0].cells[:2]] == ["-", "-"]
    assert next(row.cells[0].mean for row in onnx.rows if row.model == "gan") == 0.8
    assert latency_tables([("run", result(timed("gan", 2.0)))]) == []


def test_a_busy_machine_is_named_with_what_was_free(result, timed):
    gan, mc = timed("gan", 2.0), timed("mc", 1.0)
    gan["timing"]["cpu"] |= {"cores": 2, "cores_free": 0.31}
    mc["timing"]["cpu"] |= {"cores": 2, "cores_free": 1.9}
    (table,) = timing_table([("run", result(gan, mc))])
    assert "cores that were free: gan 0.31 of 2; time them again" in table.caption
    assert crowded([("run", result(mc))]) == ""
