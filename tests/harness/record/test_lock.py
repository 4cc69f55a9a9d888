"""One process at a time writes to a folder of results."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simbench.harness.errors import UserError
from simbench.harness.record import lock

HOLD = """
import sys, time
from pathlib import Path
from simbench.harness.record.lock import held
with held(Path(sys.argv[1]), "simbench run --out there"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds a folder, and the folder."""
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process, tmp_path / "out"
        process.kill()


def take(folder):
    with lock.held(folder, "simbench run"):
        assert (folder / lock.LOCK).exists()


def test_a_second_one_is_told_who_holds_it(holder):
    process, out = holder
    with pytest.raises(UserError) as refused:
        take(out)
    said = str(refused.value)
    for part in (
        str(out),
        f"process {process.pid} on ",
        "simbench run --out there",
        f"delete {out / '.lock'}",
    ):
        assert part in said


def test_a_killed_one_holds_nothing_and_its_half_files_go(holder):
    process, out = holder
    (out / "units").mkdir()
    (out / "units" / ".a.npz.0123.part").touch()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (out / lock.LOCK).exists()
    take(out)
    assert sorted(each.name for each in out.rglob("*")) == ["units"]


@pytest.mark.parametrize("alive", [True, False])
def test_what_another_machine_left_counts_as_long_as_it_is_written_to(tmp_path, monkeypatch, alive):
    monkeypatch.setattr(lock, "DEAD", 0.5)
    path = tmp_path / lock.LOCK
    about = {"boot": "another", "host": "far", "process": 1, "beat": 0}
    path.write_text(json.dumps(about))

    def sleep(_):
        if alive:
            path.write_text(json.dumps({**about, "beat": 1}))
        else:
            wait(0.1)

    wait = time.sleep
    monkeypatch.setattr(time, "sleep", sleep)
    if alive:
        with pytest.raises(UserError, match="process 1 on far"):
            take(tmp_path)
    else:
        take(tmp_path)


def test_without_locks_of_the_system_the_file_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "BEAT", 0.02)
    monkeypatch.setattr(lock, "DEAD", 1.0)
    with lock.held(tmp_path, "simbench run"), pytest.raises(UserError, match=f"process {os.getpid()}"):
        take(tmp_path)
    take(tmp_path)
    assert list(Path(tmp_path).iterdir()) == []
