"""Submit files, read by a small parser of each form, and run by a stand-in for the batch system."""

import os
import re
import shlex
import subprocess

import pytest

from simbench.harness.batch.submit import Job, run_options, write_submit_files
from simbench.harness.errors import UserError
from simbench.harness.run.placement import Placement
from simbench.harness.run.request import Request

SLURM = {  # directive: form of its value, as sbatch(1) has it
    "job-name": r"[\w-]+",
    "chdir": r"/\S*",
    "ntasks": r"[1-9]\d*",
    "cpus-per-task": r"[1-9]\d*",
    "mem": r"[1-9]\d*[KMGT]?",
    "time": r"\d+:[0-5]\d:[0-5]\d",
    "array": r"\d+-\d+",
    "output": r"/\S*",
}
CONDOR = {  # command: form of its value, as condor_submit(1) has it
    "universe": "vanilla",
    "executable": r"/\S+",
    "arguments": r"[^\"']+",
    "initialdir": r"/\S*",
    "request_cpus": r"[1-9]\d*",
    "request_memory": r"[1-9]\d* MB",
    "+MaxRuntime": r"[1-9]\d*",
    "getenv": "True",
    "should_transfer_files": "NO",
    "output": r"/\S+",
    "error": r"/\S+",
    "log": r"/\S+",
}


def read_slurm(text):
    """The directives of a batch script, and its commands."""
    first, *lines = text.splitlines()
    assert first == "#!/bin/bash"
    directives = [line for line in lines if line.startswith("#SBATCH ")]
    assert lines[: len(directives)] == directives  # sbatch stops reading at the first command
    found = {}
    for line in directives:
        name, value = re.fullmatch(r"#SBATCH --([a-z-]+)=(\S+)", line).groups()
        assert re.fullmatch(SLURM[name], value), line
        assert name not in found
        found[name] = value
    return found, lines[len(directives) :]


def read_condor(text):
    """The settings of a submit description, and how many jobs it queues."""
    *lines, last = text.splitlines()
    found = {}
    for line in lines:
        name, value = re.fullmatch(r"(\+?\w+) = (.+)", line).groups()
        assert re.fullmatch(CONDOR[name], value), line
        assert name not in found
        found[name] = value
    return found, int(re.fullmatch(r"queue ?(\d*)", last)[1] or 1)


def read_dag(text):
    """The jobs of a DAGMan file, and (parent, child) of each pair."""
    jobs, pairs = {}, []
    for line in text.splitlines():
        word, *rest = line.split()
        if word == "JOB":
            jobs[rest[0]] = rest[1]
        else:
            assert word == "PARENT"
            pairs.append((rest[0], rest[2]))
            assert rest[1] == "CHILD"
    assert all(name in jobs for pair in pairs for name in pair)
    return jobs, pairs


@pytest.fixture
def job(tmp_path):
    request = Request(models=("flat", "it's; rm -rf $HOME"), detector="toy", runs=2)
    return Job(request, parts=3, out=tmp_path / "run", seconds=4000, merging=60, memory_mb=700)


def words(command):
    return shlex.split(command)


def test_slurm(job):
    first, *others = write_submit_files(job, "slurm")
    part, merging = (path.read_text() for path in others)
    found, commands = read_slurm(part)
    assert found["array"] == "1-3"
    assert found["time"] == "2:14:00"  # twice the time
    assert found["mem"] == "1280M"  # half as much again, in steps of 256
    assert commands[0] == "set -eu"
    asked = words(commands[1])
    assert asked[asked.index("--part") + 1] == "${SLURM_ARRAY_TASK_ID}/3"
    assert "it's; rm -rf $HOME" in asked
    found, commands = read_slurm(merging)
    assert found["time"] == "0:15:00"
    assert words(commands[1])[-2:] == ["--out", str(job.out)]
    assert words(commands[1]).count(str(job.folder / "part-3")) == 1
    for path in (first, *others):
        assert subprocess.run(["bash", "-n", path], check=True)
    assert "--dependency=afterok:" in first.read_text()


def test_htcondor(job):
    files = {path.name: path for path in write_submit_files(job, "htcondor")}
    jobs, pairs = read_dag(files["run.dag"].read_text())
    assert jobs == {"parts": str(files["part.sub"]), "merge": str(files["merge.sub"])}
    assert pairs == [("parts", "merge")]
    found, queued = read_condor(files["part.sub"].read_text())
    assert queued == 3
    assert found["arguments"] == f"{files['part.sh']} $(Process)"
    assert found["+MaxRuntime"] == str(2 * 67 * 60)
    found, queued = read_condor(files["merge.sub"].read_text())
    assert queued == 1
    assert found["arguments"] == str(files["merge.sh"])


@pytest.mark.parametrize("system", ["slurm", "htcondor"])
def test_each_job_asks_for_its_part(job, system, tmp_path, monkeypatch):
    """The scripts, run as the batch system would, by an interpreter that writes down what it was asked."""
    spy = tmp_path / "spy"
    spy.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path}/asked\n')
    spy.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(spy))
    files = {path.name: path for path in write_submit_files(job, system)}
    if system == "slurm":
        command, given = ["bash", files["part.sbatch"]], {"SLURM_ARRAY_TASK_ID": "2"}
    else:
        command, given = ["bash", files["part.sh"], "1"], {}
    subprocess.run(command, env={**os.environ, **given}, check=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["-m", "simbench.harness.cli", "run"]
    assert asked[-4:] == ["--part", "2/3", "--out", str(job.folder / "part-2")]
    assert "it's; rm -rf $HOME" in asked


def test_the_options_are_those_of_the_request(monkeypatch):
    from simbench.harness.cli import app
    from simbench.harness.cli.common import asked

    request = Request(
        models=("a", "b"),
        limit=7,
        metrics=("ws", "auc"),
        min_photons=2,
        allow_leak=True,
        keep=("responses",),
        timing="brief",  # which goes without saying
        placement=Placement(timeout=5.0),
    )
    seen = []
    command = asked.takes_request(lambda request: seen.append(request))
    parsed = app.typer.Typer(add_completion=False)
    parsed.command()(command)
    parsed(run_options(request), standalone_mode=False)
    (found,) = seen
    as_lists = {name: list(getattr(request, name)) for name in ("models", "metrics", "keep")}
    assert found == Request(**{**vars(request), **as_lists})


def test_bad_names_are_refused(job, tmp_path):
    with pytest.raises(UserError, match="slurm or htcondor, found 'pbs'"):
        write_submit_files(job, "pbs")
    spaced = Job(job.request, 3, tmp_path / "a b" / "run", 1, 1, None)
    with pytest.raises(UserError, match="slurm cannot name the folder"):
        write_submit_files(spaced, "slurm")
