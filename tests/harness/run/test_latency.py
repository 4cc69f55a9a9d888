"""What a model costs whoever deploys it, and how much of the machine was free while that was measured."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from simbench.harness.models.onnx.read import open_session
from simbench.harness.run import contention, latency
from simbench.harness.run.contention import Contention, look


@pytest.fixture
def clock(monkeypatch):
    """A clock that only generation moves: a millisecond a call and a microsecond a particle."""
    now, sizes = [0.0], []
    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])

    def generate(conditions, seed):
        now[0] += 1e-3 + 1e-6 * len(conditions)
        sizes.append(len(conditions))
        return np.ones((len(conditions), 6, 4), np.int32)

    return generate, sizes


def conditions(rows=30):
    return np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)


def test_calls_of_each_size_after_one_off_the_clock(toy, clock):
    generate, sizes = clock
    found = latency.calls(toy.Generates(generate), conditions())
    assert sizes == [size for size, count in latency.CALLS.items() for _ in range(count + 1)]
    assert [found[size]["p50_ms"] for size in ("1", "100", "10000")] == pytest.approx([1.001, 1.1, 11])
    assert found["1"]["p99_ms"] == pytest.approx(1.001)


def test_the_99th_percentile_is_of_single_calls():
    found = latency.milliseconds([0.001] * 98 + [0.1, 0.1])
    assert found["p50_ms"] == pytest.approx(1)
    assert found["p99_ms"] == pytest.approx(100)


def test_what_would_take_too_long_is_not_tried(toy, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])

    def generate(conditions, seed):
        now[0] += 0.1 * len(conditions)
        return np.ones((len(conditions), 6, 4), np.int32)

    found = latency.calls(toy.Generates(generate), conditions())
    assert found["1"]["p50_ms"] == pytest.approx(100)
    assert found["100"]["p50_ms"] == pytest.approx(10_000)
    assert found["10000"] is None  # 1000 s


def test_a_card_for_each_engine_that_a_model_has(toy, clock):
    generate, _ = clock
    asked = []

    def make(engine, choice=True):
        asked.append(engine)
        made = toy.Generates(generate, execution={"engine": engine if choice else "numpy"})
        made.footprint = {"bytes": 2_000_000, "parameters": 7}
        return made

    found = latency.card(make, conditions(), (1, 2))
    assert list(found) == ["torch", "onnx"]
    for entry in found.values():
        assert (entry["file_mb"], entry["parameters"]) == (2.0, 7)
        assert list(entry["threads"]) == ["1", "2"]
        assert entry["load_seconds"] >= 0
    only = latency.card(lambda engine: make(engine, choice=False), conditions(), (1,))
    assert list(only) == ["numpy"]


@pytest.mark.skipif(not latency._STATM.exists(), reason="the system does not tell")
def test_memory_is_what_a_process_grows_by():
    with latency.peak_memory() as grown:
        held = np.ones(8_000_000)  # 64 MB, touched
        time.sleep(0.02)
        del held
    assert grown[0] / 1e6 == pytest.approx(64, abs=16)


def test_threads_that_share_a_core_are_seen(monkeypatch):
    """What each thread got is added up; nobody knows what else runs here, so the clocks are made."""
    monkeypatch.setattr(contention, "_SECONDS", 0.0)
    clocks = threading.local()

    def ticking(rate):
        def read():
            count = getattr(clocks, f"at{rate}", 0)
            setattr(clocks, f"at{rate}", count + 1)
            return rate * float(count)

        return read

    monkeypatch.setattr(contention.time, "monotonic", ticking(1.0))  # read three times: 0, 1, 2
    monkeypatch.setattr(contention.time, "thread_time", ticking(1.2))  # read twice: 0, 1.2
    assert look(3) == Contention(3, pytest.approx(3 * 0.6))


def test_a_machine_is_looked_at():
    found = look(2)
    assert 0 < found.free <= 2.2


@pytest.mark.parametrize(
    ("cores", "free", "said", "threads"),
    [(2, 1.98, "", 2), (2, 1.33, "", 1), (2, 0.3, "", 1), (8, 5.8, "", 6), (2, 0.3, "2", 2)],
)
def test_threads_are_those_with_a_core_of_their_own_unless_told(monkeypatch, cores, free, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert Contention(cores, free).threads == threads


@pytest.mark.parametrize(("said", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_passively_unless_told_before_the_libraries_are_loaded(said, found):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": said} if said else {}
    text = (
        "import sys, simbench.harness.errors, os\n"
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    python = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{text}"]
    told = subprocess.run(python, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [found, "False"]


def test_sessions_of_onnx_runtime_do_not_spin():
    onnx = pytest.importorskip("onnx")
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) { y = Abs (x) }'
    )
    options = open_session(model.SerializeToString(), "cpu").get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
