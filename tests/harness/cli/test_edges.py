"""The edges of a command: what the system refuses is one line, and what was computed is kept."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from simbench.harness.cli import main; main()"]


def environment(**changes):
    path = os.pathsep.join(sys.path)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **changes}


def simbench(*arguments, stdout=subprocess.PIPE, **changes):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(**changes),
        check=False,
        timeout=120,
    )


def one_line(done, status):
    said = done.stderr.decode()
    assert done.returncode == status, said
    assert said.count("\n") == 1
    assert said.startswith("simbench: error: ")
    return said


def test_a_reader_who_stops():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert "nobody reads the output" in one_line(simbench("list", "models", stdout=writing), 4)
    finally:
        os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_standard_output():
    with Path("/dev/full").open("wb") as full:
        assert "No space left" in one_line(simbench("list", "models", stdout=full), 4)


def test_standard_output_in_ascii_and_closed():
    done = simbench("list", "metrics", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    closed = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$0" -c "from simbench.harness.cli import main; main()" list models >&-',
            sys.executable,
        ],
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_names_too_long_for_the_system(tmp_path):
    said = one_line(simbench("run", "--models", "mc", "--data", "x" * 300), 4)
    assert "File name too long" in said
    one_line(simbench("run", "--models", "mc", "--out", tmp_path / ("é" * 200)), 2)


def test_no_home(tmp_path):
    """An arbitrary user of a container has no entry, and no HOME."""
    (tmp_path / "sitecustomize.py").write_text(
        "import pwd\ndef none(*_): raise KeyError\npwd.getpwuid = none\n"
    )
    changes = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    without = {
        name: value
        for name, value in environment(**changes).items()
        if name not in ("HOME", "XDG_CACHE_HOME", "SIMBENCH_CACHE")
    }
    done = subprocess.run(
        [*COMMAND, "data", "info", "embedded"], stderr=subprocess.PIPE, env=without, cwd=tmp_path, check=False
    )
    assert "SIMBENCH_CACHE" in one_line(done, 2)
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["sitecustomize.py"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_as_an_interrupt_does(tmp_path, number):
    model = tmp_path / "m.py"
    model.write_text(
        "import time\n"
        "class M:\n"
        "    def generate(self, conditions, *, seed):\n"
        f"        open({str(tmp_path / 'began')!r}, 'w').close(); time.sleep(60)\n"
    )
    data = tmp_path / "p.h5"
    assert simbench("data", "make", "--particles", 40, "--out", data).returncode == 0
    arguments = ("run", "--models", f"{model}:M", "--data", data, "--out", tmp_path / "out", "--quiet")
    before = signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP, and so do its children
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE, env=environment()
    ) as process:
        signal.signal(number, before)
        while not (tmp_path / "began").exists():
            time.sleep(0.1)
        process.send_signal(number)
        said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 128 + number
    assert said == "simbench: stopped; start it again to resume\n"
    left = {path.name for path in (tmp_path / "out").rglob("*")}
    assert left == {"units", "protocol.json", "reference.npz"}


@pytest.mark.slow
def test_a_path_that_is_no_text(tmp_path):
    """Old clusters have names in Latin-1: everything is written all the same."""
    folder = tmp_path / os.fsdecode(b"mod\xe8le")
    folder.mkdir()
    model = folder / os.fsdecode(b"\xe9t\xe9.py")
    model.write_text(
        "import numpy as np\n"
        "class M:\n"
        "    def generate(self, conditions, *, seed):\n"
        "        return np.random.default_rng(seed).poisson(.05, (len(conditions), 56, 30))\n"
    )
    data = folder / "p.h5"
    assert simbench("data", "make", "--particles", 40, "--out", data).returncode == 0
    done = simbench(
        *("run", "--models", f"{model}:M", "--data", data, "--runs", 1, "--out", folder / "out", "--quiet"),
        *("--metrics", "ws", "--no-timing"),
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "out").iterdir()} == {
        "units",
        "result.json",
        "scores.csv",
        "report.html",
    }
    again = simbench("report", folder / "out", "--format", "json", "--format", "latex")
    assert (again.returncode, again.stderr) == (0, b"")
