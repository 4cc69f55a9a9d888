"""``simbench plan``, ``run --dry-run``, ``run --part`` and ``merge``, from the command line."""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(call, toy_file, tmp_path):
    """``simbench plan`` of the toys with more options."""
    head = ("plan", "--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "2")
    return lambda *more: call(*head, "--metrics", "ws", "--out", tmp_path / "out", *more)


def planned(text):
    """There, to generate and tasks, by model."""
    rows = [line.split() for line in text.splitlines()]
    return {row[0]: row[1:4] for row in rows if row[:1] in (["flat"], ["bright"])}


def test_a_dry_run_says_what_plan_says(plan, run, tmp_path):
    status, out, err = run("--dry-run", "--metrics", "ws")
    assert (status, err) == (0, "")
    assert planned(out) == {"flat": ["0", "80", "2"], "bright": ["0", "80", "2"]}
    assert ["ws", "4"] in [line.split()[:2] for line in out.splitlines()]
    assert "memory: about " in out
    assert not (tmp_path / "out").exists()
    assert planned(plan("--models", "flat,bright")[1]) == planned(out)
    assert run("--metrics", "ws")[0] == 0
    assert planned(plan("--models", "flat")[1]) == {"flat": ["80", "0", "0"]}


def test_parts_merge_to_the_run(call, run, tmp_path):
    assert run("--metrics", "ws", out="whole")[0] == 0
    for number in (1, 2):
        status, out, _ = run("--metrics", "ws", "--part", f"{number}/2", out=f"part{number}")
        assert (status, out) == (0, f"part {number}/2: 2 units of 2 models\n")
    status, out, err = call("merge", tmp_path / "part1", tmp_path / "part2", "--out", tmp_path / "merged")
    assert status == 0, err
    assert "flat" in out
    assert (tmp_path / "merged/scores.csv").read_bytes() == (tmp_path / "whole/scores.csv").read_bytes()
    assert (tmp_path / "merged/report.html").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--part", "3/2"), "--part should be K/N with K from 1 to N, such as 3/20, found '3/2'"),
        (("--part", "1/2", "--timing"), "--timing is of whole runs, not of a --part"),
    ],
)
def test_wrong_parts_are_one_line(run, options, line):
    status, out, err = run(*options)
    assert (status, out) == (2, "")
    assert line in err


def test_plan_writes_submit_files(plan, tmp_path):
    status, out, _ = plan("--models", "flat", "--write", "slurm", "--parts", "2")
    assert status == 0
    assert out.splitlines()[-3:] == [
        str(tmp_path / "out-parts" / name) for name in ("submit.sh", "part.sbatch", "merge.sbatch")
    ]
    assert "--write should be slurm or htcondor, found 'pbs'" in plan("--write", "pbs")[2]
    assert "--parts should be at least 1, and is for --write" in plan("--parts", "2")[2]
