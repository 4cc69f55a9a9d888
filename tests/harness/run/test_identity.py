"""What a resumed run goes by covers all that a unit depends on, and what reads units checks it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.plugin.registry import Source, _code
from simbench.harness.record.folder import REFERENCE, RunFolder, stored_identity, unit_path
from simbench.harness.record.responses import blocks
from simbench.harness.record.slim import slim
from simbench.harness.run import benchmark
from simbench.harness.run.tasks import weights_digest


@pytest.fixture
def weights(tmp_path):
    """A folder of weights with folders and links in it."""
    for path, text in (("w/a", "1"), ("w/variables/v", "2"), ("far/b", "3"), ("far/sub/c", "4")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "w" / "linked").symlink_to("../far/b")
    (tmp_path / "w" / "folder").symlink_to("../far/sub")
    (tmp_path / "w" / "variables" / "round").symlink_to("..")  # and so on for ever
    return tmp_path / "w"


def test_nothing_that_a_model_says_replaces_what_identifies_its_units(toy, toy_file, tmp_path):
    says = {"execution": {"seed": 7, "weights": "none", "model": "other", "engine": "mine"}}
    made = toy.registry(toy.offer("says", factory=lambda context: toy.Generates(toy.flat, **says)))
    toy.run(made, toy_file, tmp_path, seed=1)
    told = stored_identity(unit_path(tmp_path / "units", "says", "run0"))
    assert (told["seed"], told["model"], told["engine"]) == (1, "says", "mine")
    assert told["weights"] == [None, None]


@pytest.mark.parametrize("place", ["a", "variables/v", "linked", "folder/c"])
def test_weights_are_all_files_of_a_folder(weights, place):
    before = weights_digest(weights)
    assert before == weights_digest(weights)
    (weights / place).write_text("new")
    assert weights_digest(weights) != before


def test_weights_are_names_too_and_no_run_within(weights):
    before = weights_digest(weights)
    for path in ("run/units/protocol.json", "run/result.json", "__pycache__/a.pyc", ".git/index", ".lock"):
        (weights / path).parent.mkdir(parents=True, exist_ok=True)
        (weights / path).write_text("any")
    assert weights_digest(weights) == before
    (weights / "dangling").symlink_to("nowhere")
    assert weights_digest(weights) != before
    (weights / "dangling").unlink()
    (weights / "variables" / "v").rename(weights / "variables" / "u")
    assert weights_digest(weights) != before
    assert weights_digest(None) is None


@pytest.mark.parametrize("package", [False, True])
def test_a_plugin_is_its_files_and_not_its_version(tmp_path, package):
    module = tmp_path / "mine" / "__init__.py" if package else tmp_path / "mine.py"
    module.parent.mkdir(exist_ok=True)
    module.write_text("a = 1")
    changed = tmp_path / "mine" / "deep" / "model.py" if package else module
    changed.parent.mkdir(exist_ok=True)
    source = Source("mine", "1", module)
    before = source.code()
    changed.write_text("a = 2")
    _code.cache_clear()
    assert source.code() != before
    assert source == Source("mine", "1")  # a worker may have it elsewhere
    assert Source("mine", "1").code() is None


def test_a_plugin_that_changes_is_scored_again(toy, toy_file, tmp_path):
    def run(text, calls):
        def generate(conditions, seed):
            calls.append(seed)
            return toy.flat(conditions, seed)

        made = toy.registry(toy.offer("flat", generate))
        (tmp_path / "plugin.py").write_text(text)
        _code.cache_clear()
        made.simulators.sources["flat"] = Source("toys", "1.2", tmp_path / "plugin.py")
        toy.run(made, toy_file, tmp_path / "out")
        return len(calls)

    assert [run("a = 1", []), run("a = 1", []), run("a = 2", [])] == [2, 0, 2]


def test_a_detector_that_changes_is_scored_again(toy, toy_file, tmp_path):
    def run(masks, calls):
        def generate(conditions, seed):
            calls.append(seed)
            return toy.flat(conditions, seed)

        made = toy.registry(toy.offer("flat", generate))

        channels = {**toy.detector.channels}
        channels["halves"] = replace(channels["halves"], masks=masks)
        made.detectors.records["toy"] = replace(toy.detector, channels=channels)
        toy.run(made, toy_file, tmp_path / "out")
        return len(calls)

    masks = toy.detector.channels["halves"].masks
    assert [run(masks, []), run(masks, []), run(masks[::-1], [])] == [2, 0, 2]


def test_kept_responses_are_never_of_other_weights(toy, toy_file, tmp_path):
    """Kept once, scored with other weights without keeping, and kept again: they are those of the last."""

    def run(scale, **asked):
        def factory(_context):
            return toy.Generates(lambda c, seed: toy.flat(c, seed, scale), fingerprint=str(scale))

        made = toy.registry(toy.offer("flat", factory=factory))
        return toy.run(made, toy_file, tmp_path / "out", runs=1, **asked)

    run(1.0, keep=("responses",))
    run(9.0)
    result = run(9.0, keep=("responses",))
    path = unit_path(tmp_path / "out" / "units", "flat", "run0")
    kept = np.concatenate(list(blocks(path, (6, 4))))
    assert kept.sum() == RunFolder(tmp_path / "out").unit("flat", 0).photons.sum()
    assert result["models"][0]["identity"]["weights"] == ["9.0", None]


@pytest.fixture
def two_runs(toy, toy_file, tmp_path):
    """Folders of the seeds 0 and 1."""
    made = toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright))
    for seed in (0, 1):
        toy.run(made, toy_file, tmp_path / str(seed), seed=seed)
    return tmp_path / "0", tmp_path / "1"


@pytest.mark.parametrize("swap", ["seed", "run", "model", "reference"])
def test_units_of_another_run_are_refused(two_runs, swap):
    first, second = (folder / "units" for folder in two_runs)
    target = unit_path(first, "flat", "run0")
    source = {
        "seed": unit_path(second, "flat", "run0"),
        "run": unit_path(first, "flat", "run1"),
        "model": unit_path(first, "bright", "run0"),
        "reference": first / REFERENCE,  # which has neither seed nor run
    }[swap]
    RunFolder(two_runs[0])
    shutil.copy(source, target)
    with pytest.raises(
        UserError, match=r"flat-run0.npz belongs to another run than .*: its (seed|run|model) is"
    ):
        RunFolder(two_runs[0])
    text = (two_runs[0] / "result.json").read_text()
    older = json.loads(text)
    for model in older["models"]:
        del model["identity"]  # a result of before knows the seed
    (two_runs[0] / "result.json").write_text(json.dumps(older))
    if swap in ("seed", "run"):
        with pytest.raises(UserError, match=f"its {swap} is"):
            RunFolder(two_runs[0])


def test_units_made_small_still_tell_what_they_are(two_runs):
    path = unit_path(two_runs[0] / "units", "flat", "run0")
    before = stored_identity(path)
    slim(two_runs[0])
    assert stored_identity(path) == before
    path.write_bytes(b"damaged")
    with pytest.raises(UserError, match="damaged: start the run again"):
        slim(two_runs[0])


def test_scores_are_written_before_the_timing_fails(toy, toy_file, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(benchmark, "time_models", full)
    with pytest.raises(OSError, match="No space left"):
        toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path / "out", timing="full")
    assert RunFolder(tmp_path / "out").result["models"][0]["ws"]["mean"] > 0
    assert (tmp_path / "out" / "scores.csv").exists()
