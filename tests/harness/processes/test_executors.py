"""Runs in this process, in others, and on a Dask cluster: the same scores, whatever happens to a worker."""

import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from simbench.harness.cli import app as cli
from simbench.harness.data.sums import Projection
from simbench.harness.errors import UserError
from simbench.harness.plugin import registry
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature
from simbench.harness.processes import cluster, workers
from simbench.harness.record.folder import RunFolder
from simbench.harness.run import benchmark, runner
from simbench.harness.run.placement import Placement

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
STATE = ("orders", "waiting", "log")
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is not installed: simbench-hep[dask]"
)
PROCESSES = Placement("processes", workers=2)


@pytest.fixture(scope="module")
def installed(tmp_path_factory, announce):
    """The toy plugin as an installed package, and a broken one beside it."""
    folder = tmp_path_factory.mktemp("installed")
    for path in (HERE / "toy_grid.py", HERE.parent / "toy_data.py"):
        shutil.copy(path, folder)
    (folder / "toy_broken.py").write_text('"""Broken."""\n\nimport no_such_package_at_all\n')
    for name in ("toy_grid", "toy_broken"):
        announce(folder, name, "1.5")
    return folder


@pytest.fixture
def plugin(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)
    for name in STATE:
        (installed / name).unlink(missing_ok=True)
    return importlib.import_module("toy_grid")


@pytest.fixture(scope="module")
def grid_file(installed, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installed)
        return importlib.import_module("toy_grid").write(tmp_path_factory.mktemp("data") / "grid.h5")


@pytest.fixture
def orders(plugin):
    return lambda **told: (plugin.HERE / "orders").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def dask(installed):
    """A scheduler's address; its workers find the toy plugin."""
    paths = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            HERE / "toy_cluster.py",
        ],  # -P: the plugin that is installed, not the one there
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    yield Placement("dask", scheduler=process.stdout.readline().strip())
    process.communicate("")


@pytest.fixture
def placement(request):
    """One of a test's parameters, as ``Placement`` or as the cluster."""
    return request.getfixturevalue("dask") if request.param == "dask" else request.param


everywhere = pytest.mark.parametrize(
    "placement",
    [PROCESSES, pytest.param("dask", marks=needs_dask)],
    indirect=True,
    ids=["processes", "dask"],
)


@pytest.fixture
def run(plugin, grid_file, monkeypatch):
    """A run of two generation seeds of three chunks each; gives the result."""
    monkeypatch.setattr(runner, "CHUNK", 16)  # of 40 responses
    made = registry.load()

    def call(out, placement=Placement(), watch=None, **asked):
        asked = {"models": plugin.NAMES, "runs": 2, "device": "cpu", **asked}
        request = benchmark.Request(detector="grid", data=str(grid_file), placement=placement, **asked)
        return benchmark.run(made, request, out, watch)

    return call


@pytest.fixture
def reference(run, tmp_path):
    """What every executor is to give."""
    run(tmp_path / "local")
    return tmp_path / "local"


def logged(plugin, word):
    lines = [line.split() for line in (plugin.HERE / "log").read_text().splitlines()]
    return [line[1:] for line in lines if line[0] == word]


def statuses(result):
    return {model["name"]: model["error"] for model in result["models"]}


def await_file(path):
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)


# The same everywhere


@everywhere
def test_every_executor_gives_the_same(plugin, run, reference, placement, tmp_path):
    asked = sorted(seed for *_, seed in logged(plugin, "asked"))
    (plugin.HERE / "log").unlink()
    told = []
    watch = benchmark.Watch(advance=lambda model, count: told.append((model, count)))
    result = run(tmp_path / "out", placement, watch)
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (reference / "scores.csv").read_bytes()
    first = json.loads((reference / "result.json").read_text())
    assert result["models"] == first["models"]
    assert result["protocol"] == first["protocol"]
    assert result["settings"]["executor"] == placement.executor
    for label in plugin.NAMES:
        assert sum(count for name, count in told if name == label) == 80
        for number in range(2):
            here, there = (RunFolder(folder).unit(label, number) for folder in (reference, tmp_path / "out"))
            for name in ("sums", "examples", "example_rows", "experts"):
                np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    # in other processes, each model once in each; a cluster may come back to one that it began with
    assert asked == sorted(seed for *_, seed in logged(plugin, "asked"))
    makers = [(name, process) for name, process, _ in logged(plugin, "made")]
    assert len(makers) <= (1 if placement is PROCESSES else 2) * len(set(makers))
    assert {threads for *_, threads in logged(plugin, "made")} == {"1"}
    pids = {process for _, process in makers}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= 2


@everywhere
def test_a_run_is_resumed_by_another_executor(plugin, run, reference, placement):
    before = (reference / "scores.csv").read_bytes()
    (reference / "units" / "real-run1.npz").unlink()
    (plugin.HERE / "log").unlink()
    run(reference, placement)
    assert [name for name, *_ in logged(plugin, "asked")] == ["real"] * 3
    assert (reference / "scores.csv").read_bytes() == before
    (plugin.HERE / "log").unlink()
    run(reference)
    assert logged(plugin, "asked") == []


def test_numbers_of_workers_do_not_matter(run, reference, tmp_path):
    for number in (1, 3):
        run(tmp_path / str(number), Placement("processes", number), models=("real,matrix",))
    scores = [(tmp_path / str(number) / "scores.csv").read_bytes() for number in (1, 3)]
    assert scores[0] == scores[1]
    assert scores[0].split(b"\n", 1)[1] in (reference / "scores.csv").read_bytes()


def test_a_models_file_is_found_by_processes(run, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n\n\nclass Mine:\n    def generate(self, conditions, *, seed):\n"
        "        return np.random.default_rng(seed).poisson(2, (len(conditions), 6, 4))\n"
    )
    results = [
        run(tmp_path / f"{number}", place, models=(f"{file}:Mine",))
        for number, place in enumerate((Placement(), PROCESSES))
    ]
    assert results[0]["models"] == results[1]["models"]
    assert statuses(results[1]) == {"mine.py:Mine": None}


def test_timings_are_taken_here_and_alone(plugin, run, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    result = run(tmp_path / "out", PROCESSES, models=("whole",), timing="full")
    (generated, timed, *again) = logged(plugin, "made")  # again for each number of threads of a latency card
    assert generated[1:] != timed[1:]
    assert timed[1:] == [str(os.getpid()), "2"]
    assert {process for _, process, _ in again} == {str(os.getpid())}
    (model,) = result["models"]
    assert model["timing"]["cpu"]["threads"] == 2
    processes = [process for _, process, _ in logged(plugin, "asked")]
    assert processes == sorted(processes, key=lambda process: process == str(os.getpid()))


def test_one_thread_is_given_back(monkeypatch):
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads()
    with workers.one_thread():
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (1, "1")
    assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (before, "3")


def test_a_worker_keeps_its_memory_whatever_dask_wants(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("SOME_OTHER", "kept")
    worker = workers.Worker(partial(partial, os.getenv))
    try:
        assert worker.receive() is None
        told = {}
        for name in ("MALLOC_TRIM_THRESHOLD_", "SOME_OTHER", "OMP_NUM_THREADS"):
            worker.ask(name)
            told[name] = worker.receive()
    finally:
        worker.stop()
    assert told == {"MALLOC_TRIM_THRESHOLD_": None, "SOME_OTHER": "kept", "OMP_NUM_THREADS": "1"}


def test_sums_do_not_depend_on_threads():
    """A product of this size does, with NumPy's OpenBLAS."""
    masks = np.stack([np.indices((56, 30))[0] < 28, np.indices((56, 30))[0] >= 28])
    detector = Detector("d", "", (56, 30), "", (Feature("e", ""),), {"c": ChannelMap(("a", "b"), masks)}, "c")
    responses = np.random.default_rng(0).uniform(0, 5, (600, 56, 30)).astype(np.float32)
    get, put = workers._openblas()
    before, sums = get(), []
    try:
        for threads in (1, 2, 4):
            put(threads)
            sums.append(Projection(detector)(responses).sums)
    finally:
        put(before)
    np.testing.assert_array_equal(sums[0], sums[1])
    np.testing.assert_array_equal(sums[0], sums[2])
    np.testing.assert_allclose(sums[0][:, 2], responses.sum(axis=(1, 2), dtype=np.float64), rtol=1e-12)


# Workers that are lost


@everywhere
def test_killing_a_worker_in_the_middle_loses_nothing(plugin, run, reference, placement, orders, tmp_path):
    orders(real="wait once")

    def kill():
        await_file(plugin.HERE / "waiting")
        worker, parent = map(int, (plugin.HERE / "waiting").read_text().split())
        os.kill(worker if placement is PROCESSES else parent, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    result = run(tmp_path / "out", placement)
    killer.join()
    assert set(statuses(result).values()) == {None}
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (reference / "scores.csv").read_bytes()


@everywhere
def test_a_model_that_ends_its_process_twice_fails_alone(run, placement, orders, reference, tmp_path):
    orders(real="die")
    result = run(tmp_path / "out", placement)
    line = "its process ended early, with exit status 7, for the second time"
    assert statuses(result) == {"whole": None, "real": line, "matrix": None, "routed": None}
    kept = [row for row in (reference / "scores.csv").read_text().splitlines() if not row.startswith("real,")]
    assert (tmp_path / "out" / "scores.csv").read_text().splitlines() == kept


def test_workers_that_cannot_start_are_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "sys", type("", (), {"executable": "/bin/false", "path": []}))
    with pytest.raises(UserError, match="cannot start a worker: its process ended early, with exit status 1"):
        run(tmp_path / "out", PROCESSES)


# Models that fail


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("raise", "RuntimeError: out of luck"),
        ("shape", "shape (16, 6, 4), found (16, 5, 4)"),
        ("nan", "found a NaN or infinite one at (3, 2, 1)"),
        ("negative", "found a negative one at (3, 2, 1)"),
        ("factory", "ValueError: no such weights"),
        ("record", "TypeError: Object of type set is not JSON serializable"),
    ],
)
def test_a_model_that_fails_names_its_plugin_and_line(plugin, run, orders, tmp_path, order, words):
    run(tmp_path / "good", models=("whole", "routed"))
    orders(real=order)
    result = run(tmp_path / "out", models=("whole", "real", "routed"))
    errors = statuses(result)
    assert (errors.pop("whole"), errors.pop("routed")) == (None, None)
    error = errors["real"]
    assert words in error
    assert "\n" not in error
    assert error.endswith(", plugin toy-grid 1.5")
    if order != "record":  # nothing of the plugin is at fault but what it says
        source = Path(plugin.__file__).read_text().splitlines()
        line = int(error.partition("(toy_grid.py:")[2].partition(")")[0])
        at_fault = {"raise": "raise RuntimeError(", "factory": "raise ValueError("}
        assert at_fault.get(order, "def generate(") in source[line - 1]
    good, out = ((tmp_path / name / "scores.csv").read_bytes() for name in ("good", "out"))
    assert out == good


def test_failures_are_the_same_in_processes(run, orders, tmp_path):
    orders(whole="raise", real="shape", matrix="factory", routed="nan")
    results = [run(tmp_path / "a"), run(tmp_path / "b", PROCESSES)]
    assert results[0]["models"] == results[1]["models"]
    assert None not in statuses(results[0]).values()


def test_a_plugin_that_cannot_be_imported_is_named_with_its_line(plugin):
    (problem,) = registry.load().problems
    assert problem.startswith("plugin toy-broken 1.5: ModuleNotFoundError: ")
    assert problem.endswith("(toy_broken.py:3)")


# Models that take too long


@pytest.mark.parametrize(
    "placement",
    [Placement(), PROCESSES, pytest.param("dask", marks=needs_dask)],
    indirect=True,
    ids=["local", "processes", "dask"],
)
def test_a_model_that_takes_too_long_fails_alone(run, placement, orders, reference, tmp_path):
    orders(real="endless", matrix="endless factory")
    place = Placement(placement.executor, placement.workers, placement.scheduler, timeout=3)
    result = run(tmp_path / "out", place)
    line = "took longer than 3 s"
    assert statuses(result) == {"whole": None, "real": line, "matrix": line, "routed": None}
    rows = (reference / "scores.csv").read_text().splitlines()
    kept = [row for row in rows if not row.startswith(("real,", "matrix,"))]
    assert (tmp_path / "out" / "scores.csv").read_text().splitlines() == kept


def test_the_tasks_of_a_model_are_counted_together(run, orders, tmp_path):
    orders(real="slow")
    result = run(tmp_path / "out", Placement(timeout=1), models=("real", "whole"))
    assert statuses(result) == {"real": "took longer than 1 s", "whole": None}


def test_a_timing_that_takes_too_long(run, orders, tmp_path):
    orders(real="endless")
    place = Placement(timeout=1)
    result = run(tmp_path / "out", place, models=("real",), timing="full", scoring=False)
    assert statuses(result) == {"real": "took longer than 1 s to be timed"}


# Wrong use


@pytest.fixture
def fails(plugin, grid_file, tmp_path, monkeypatch, capsys):
    def call(*arguments):
        head = [
            "run",
            "--detector",
            "grid",
            "--data",
            grid_file,
            "--device",
            "cpu",
            "--out",
            tmp_path / "out",
        ]
        monkeypatch.setattr(sys, "argv", ["simbench", *map(str, (*head, *arguments))])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if "toy-broken" not in line]
        assert (stop.value.code, captured.out, len(errors)) == (2, "", 1), captured.err
        assert errors[0].startswith("simbench: error: ")
        assert not (tmp_path / "out").exists()
        return errors[0]

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--executor", "absent"], "unknown executor 'absent'; known: local, processes, dask"),
        (["--workers", "2"], "--workers is for --executor processes, found --executor local"),
        (["--executor", "processes", "--workers", "0"], "--workers should be at least 1, found 0"),
        (["--scheduler", "tcp://x:1"], "--scheduler is for --executor dask, found --executor local"),
        (["--executor", "dask"], "--executor dask needs --scheduler ADDRESS"),
        (["--timeout", "0"], "--timeout should be a number of seconds above 0, found 0"),
        (["--timeout", "nan"], "--timeout should be a number of seconds above 0, found nan"),
    ],
)
def test_options_that_do_not_go_together(fails, arguments, words):
    assert words in fails(*arguments)


@needs_dask
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://127.0.0.1", "x://y:3"])
def test_a_scheduler_that_does_not_answer(fails, address, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    told = fails("--executor", "dask", "--scheduler", address)
    assert f"--scheduler {address}: no Dask scheduler answers there" in told


def test_dask_that_is_not_installed(fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = fails("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert "pip install 'simbench-hep[dask]'" in told
