"""``--part`` and ``merge``: the units are dealt out, and together they are one run, bit for bit."""

import json

import numpy as np
import pytest
from toy_runs import names_in

from simbench.harness.batch.merge import merge
from simbench.harness.errors import UserError
from simbench.harness.record.folder import RunFolder, read_result
from simbench.harness.record.part import Part


def in_parts(toy, toys, toy_file, folder, of, **asked):
    for number in range(1, of + 1):
        toy.run(toys, toy_file, folder / f"{number}", part=Part(number, of), **asked)
    return [folder / f"{number}" for number in range(of, 0, -1)]  # in any order


def without_command(folder):
    """All of a result but how it came about."""
    result = read_result(folder)
    return {key: value for key, value in result.items() if key not in ("command", "merged")}


@pytest.mark.parametrize("of", [1, 4, 9])
def test_merged_parts_are_the_run(toy, toys, toy_file, tmp_path, of):
    toy.run(toys, toy_file, tmp_path / "whole", keep=("responses",))
    parts = in_parts(toy, toys, toy_file, tmp_path, of, keep=("responses",))
    merge(toys, parts, tmp_path / "merged")
    assert (tmp_path / "merged/scores.csv").read_bytes() == (tmp_path / "whole/scores.csv").read_bytes()
    assert without_command(tmp_path / "merged") == without_command(tmp_path / "whole")
    units = tmp_path / "whole" / "units"
    assert names_in(tmp_path / "merged" / "units") == names_in(units)
    for path in units.glob("**/*.npz"):
        other = tmp_path / "merged" / "units" / path.relative_to(units)
        with np.load(path) as ours, np.load(other) as theirs:
            assert list(ours) == list(theirs)
            assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours), path
    RunFolder(tmp_path / "merged")


def test_every_unit_is_in_one_part():
    labels = ["a", "b", "c"]
    dealt = [Part(number, 4).runs(labels, 5) for number in range(1, 5)]
    for label in labels:
        assert sorted(run for mine in dealt for run in mine[label]) == [0, 1, 2, 3, 4]
    assert max(sum(map(len, mine.values())) for mine in dealt) == 4  # 15 units on four


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/2/3", "-1/2", "a/b", ""])
def test_no_such_part(text):
    with pytest.raises(UserError, match="--part should be K/N"):
        Part.parse(text)


def test_a_model_that_fails_in_a_part_is_failed(toy, toy_file, tmp_path):
    def fails(conditions, seed):
        raise ValueError("no")

    made = toy.registry(toy.offer("fails", fails), toy.offer("flat"))
    merge(made, in_parts(toy, made, toy_file, tmp_path, 2), tmp_path / "merged")
    toy.run(made, toy_file, tmp_path / "whole")
    assert without_command(tmp_path / "merged") == without_command(tmp_path / "whole")


@pytest.fixture
def parts(toy, toys, toy_file, tmp_path):
    return sorted(in_parts(toy, toys, toy_file, tmp_path, 2))


def test_a_missing_part_is_named(toys, parts, tmp_path):
    with pytest.raises(UserError, match="1 of 2 parts are not given: 2/2"):
        merge(toys, parts[:1], tmp_path / "merged")
    with pytest.raises(UserError, match="part 1/2 is given twice"):
        merge(toys, [parts[0], parts[0]], tmp_path / "merged")
    (parts[1] / "part.json").unlink()
    with pytest.raises(UserError, match=r"holds no part\.json: the part has not finished"):
        merge(toys, parts, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_parts_of_other_runs_are_refused(toy, toys, toy_file, parts, tmp_path):
    toy.run(toys, toy_file, tmp_path / "seed", part=Part(2, 2), seed=1)
    with pytest.raises(UserError, match="not of one run: seed is 0 against 1"):
        merge(toys, [parts[0], tmp_path / "seed"], tmp_path / "merged")
    toy.run(toys, toy_file, tmp_path / "limit", part=Part(2, 2), limit=8)
    with pytest.raises(UserError, match="differ in 'limit'"):
        merge(toys, [parts[0], tmp_path / "limit"], tmp_path / "merged")
    told = json.loads((parts[1] / "part.json").read_text())
    told["models"][0]["identity"]["weights"] = "others"
    (parts[1] / "part.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"model flat: .* differ in weights"):
        merge(toys, parts, tmp_path / "merged")


def test_a_damaged_unit_is_named(toys, parts, tmp_path):
    unit = parts[1] / "units" / "flat-run1.npz"
    unit.write_bytes(unit.read_bytes()[:100])
    with pytest.raises(UserError, match=r"flat-run1\.npz is missing, damaged or of another run"):
        merge(toys, parts, tmp_path / "merged")


def test_nothing_is_merged_over_a_run(toys, parts):
    with pytest.raises(UserError, match="holds a run or a part already"):
        merge(toys, parts, parts[0])


def test_a_killed_part_goes_on(toy, toys, toy_file, tmp_path):
    """A part started again makes only what is missing."""
    toy.run(toys, toy_file, tmp_path, part=Part(1, 2))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "units").glob("*-run*.npz")}
    (tmp_path / "part.json").unlink()
    gone = next(iter(before))
    gone.unlink()
    toy.run(toys, toy_file, tmp_path, part=Part(1, 2))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "units").glob("*-run*.npz")}
    assert [path for path in before if after[path] != before[path]] == [gone]
