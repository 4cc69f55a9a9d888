"""Times of a run's simulators in the units of the published ones, and among them."""

import json

import pytest

from simbench.harness.challenge.times import shower_times
from simbench.harness.errors import UserError
from simbench.reports import render_published

CALLS = {"1": {"p50_ms": 2.0, "p99_ms": 3.0}, "100": {"p50_ms": 60.0}, "10000": {"p50_ms": None}}


def a_result(latency):
    timing = {"timing": {"cpu": {"latency": latency}}} if latency else {}
    return {"models": [{"name": "mine", **timing}, {"name": "failed"}]}


def test_milliseconds_a_shower_of_the_faster_engine_on_the_fewest_threads():
    slower = {"1": {"p50_ms": 2.5}, "100": {"p50_ms": 50.0}, "10000": {"p50_ms": 4000.0}}
    latency = {
        "torch": {"threads": {"2": {"1": {"p50_ms": 0.1}}, "1": CALLS}},
        "onnx": {"threads": {"1": slower}},
    }
    assert shower_times(a_result(latency)) == {
        "mine": {
            "cpu_ms_batch1": (2.0, "torch, 1 thread"),
            "cpu_ms_batch100": (0.5, "onnx, 1 thread"),
            "cpu_ms_batch10000": (0.4, "onnx, 1 thread"),
        }
    }


@pytest.mark.parametrize("latency", [None, {"torch": {"threads": {"1": {"1": None}}}}, {"torch": {}}])
def test_a_run_without_times_by_batch_is_refused(latency):
    with pytest.raises(UserError, match="run it with --timing"):
        shower_times(a_result(latency))


def test_they_stand_among_the_published_ones_marked():
    times = [("runs/mine", shower_times(a_result({"python": {"threads": {"2": CALLS}}})))]
    board = render_published("calochallenge-electrons", "cpu_ms_batch100", [], "json", times)
    told = json.loads(board)
    (mine,) = (place for place in told["places"] if place["model"] == "mine")
    assert mine["value"] == 0.6
    assert mine["origin"] == "measured here, other hardware: python, 2 threads"
    values = [place["value"] for place in told["places"]]
    assert values == sorted(values)
    board = render_published("calochallenge-electrons", "auc_high", [], "table", times)
    assert "Not ranked: runs/mine is a run of simulators, and has no auc_high." in board
