"""The table of timings, on hand-made results."""

import pytest

from simbench import reports
from simbench.reports import timing_table


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
        if name not in ("html", "figures"):
            assert "273" in reports.render(results, name)
