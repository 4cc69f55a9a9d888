"""Sweeps: planned by a plugin, computed point by point, resumed, and never mixed up."""

import fcntl
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from simbench.harness.errors import UserError
from simbench.harness.hooks import Sweep, SweepPoint
from simbench.harness.plugin import registry
from simbench.harness.plugin.registry import Registry, Source
from simbench.harness.run.request import Request
from simbench.harness.run.watch import Watch
from simbench.harness.training.plan import SweepOptions
from simbench.harness.training.sweep import failures, is_sweep, read_sweep, sweep

pytestmark = pytest.mark.slow

NAMES = [f"scale-{scale}-seed-0" for scale in (1, 2, 3)]
STATE = ("orders", "waiting", "lock")


@pytest.fixture(scope="session")
def installed(tmp_path_factory, announce):
    """The toy plugin as an installed package, which every process with this folder on its path finds."""
    folder = tmp_path_factory.mktemp("installed")
    here = Path(__file__).parent
    for path in (here / "toy_sweep.py", here.parent / "toy_data.py"):
        shutil.copy(path, folder)
    announce(folder, "toy_sweep", "1.0")
    return folder


@pytest.fixture
def plugin(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)
    for name in STATE:
        (installed / name).unlink(missing_ok=True)
    return importlib.import_module("toy_sweep")


@pytest.fixture(scope="session")
def tiny_file(installed, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(installed)
        return importlib.import_module("toy_sweep").write(tmp_path_factory.mktemp("data") / "tiny.h5")


@pytest.fixture
def orders(plugin):
    """Tells the trainer how some points are to go wrong."""

    def give(**by_scale):
        told = {f"scale-{scale[1:]}-seed-0": order for scale, order in by_scale.items()}
        (plugin.HERE / "orders").write_text(json.dumps(told))

    return give


@pytest.fixture
def made(plugin):
    """Our own metrics beside the toy plugin."""
    made = registry.load()
    assert made.problems == []
    return made


@pytest.fixture
def options(tiny_file):
    return SweepOptions("scales", Request(detector="tiny", data=str(tiny_file), runs=2, device="cpu"))


@pytest.fixture
def call(plugin, tiny_file, tmp_path, typed):
    """``simbench sweep`` with more options; gives (status, output, errors)."""

    def call_with(*more, sweep="scales", out="out"):
        head = ("sweep", sweep, "--detector", "tiny", "--data", tiny_file, "--device", "cpu", "--runs", "2")
        return typed(*head, "--out", tmp_path / out, *more)

    call_with.command = typed
    return call_with


def fails(answer, *words):
    status, out, err = answer
    assert (status, out) == (2, ""), err
    assert err.startswith("simbench: error: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


def changed(folder):
    """When each file of the trainings and scores was written."""
    files = (path for path in folder.glob("points/**/*") if path.is_file() and path.name != ".lock")
    return {path: path.stat().st_mtime_ns for path in files}


def stored(folder):
    """``sweep.json``, less what may differ between calls."""
    content = json.loads((folder / "sweep.json").read_text())
    del content["command"]
    return content


# What a sweep leaves behind


def test_a_sweep_from_end_to_end(call, tmp_path):
    status, out, err = call("--seeds", "0,4", "--budget", "0.5", "--set", "rate=0.1", "--limit", "30")
    folder = tmp_path / "out"
    assert (status, err) == (0, f"written: {folder / 'sweep.json'}\n")
    assert "tiny" in out
    content = read_sweep(folder)
    assert content["finished"]
    assert content["command"].startswith("simbench sweep scales --detector tiny")
    told = {key: content[key] for key in ("sweep", "title", "caption", "reference", "detector", "preset")}
    assert told == {
        "sweep": "scales",
        "title": "Scales",
        "caption": "Brightness alone.",
        "reference": "a test",
        "detector": "tiny",
        "preset": "compact",
    }
    assert (content["budget"], content["parameters"], content["floor"]) == (0.5, ["scale"], None)
    assert content["settings"]["seeds"] == [0, 4]
    assert (content["settings"]["runs"], content["settings"]["limit"]) == (2, 30)
    assert content["settings"]["overrides"] == {"rate": "0.1"}
    assert content["dataset"]["test_responses"] == 30
    assert content["metrics"]["ws"]["better"] == "lower"
    points = content["points"]
    assert [p["name"] for p in points] == [f"scale-{s}-seed-{seed}" for s in (1, 2, 3) for seed in (0, 4)]
    for point in points:
        scale = point["parameters"]["scale"]
        assert (point["model"], point["status"], point["error"], point["marks"]) == ("tiny", "ok", None, [])
        assert point["overrides"] == {"rate": "0.1", "scale": str(scale), "steps": "50"}
        assert point["training"] == {"steps": 50, "best_step": 1, "validation": 2.5, "seconds": 90.0}
        assert sum(expert["share"] for expert in point["experts"]) == pytest.approx(1)
        result = json.loads((folder / "points" / point["name"] / "run" / "result.json").read_text())
        assert content["protocol"] == result["protocol"]
        assert content["dataset"] == result["dataset"]
        assert content["metrics"] == result["metrics"]
        (entry,) = result["models"]
        assert {name: point[name] for name in content["metrics"]} == {n: entry[n] for n in content["metrics"]}
        weights = json.loads((folder / "points" / point["name"] / "training" / "weights.json").read_text())
        assert weights["settings"] == point["overrides"]
        assert (weights["seed"], weights["threads"]) == (point["seed"], "1")
    means = {point["name"]: point["ws"]["mean"] for point in points}
    assert means["scale-1-seed-0"] < means["scale-2-seed-0"] < means["scale-3-seed-0"]
    assert means["scale-1-seed-0"] != means["scale-1-seed-4"]


def test_news_of_the_trainings(made, options, tmp_path):
    seen = []
    watch = Watch(news=lambda name, told: seen.append((name, told.validation)))
    sweep(made, options, tmp_path / "out", watch)
    assert seen == [(name, 2.0) for name in NAMES]


def test_the_single_thread_does_not_outlive_a_sweep(made, options, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    sweep(made, options, tmp_path / "out")
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_two_workers_give_the_same_as_one(call, tmp_path):
    assert call(out="one")[0] == 0
    assert call("--workers", "2", out="two")[0] == 0
    assert stored(tmp_path / "one") == stored(tmp_path / "two")
    # and it is no other sweep for having other workers
    before = changed(tmp_path / "two")
    assert call(out="two")[0] == 0
    assert changed(tmp_path / "two") == before


def test_the_floor_is_scored_where_the_reference_serves(plugin, made, options, toy, tmp_path):
    served = toy.offer("mc", lambda conditions, seed: toy.flat(conditions.repeat(2, axis=1), seed))
    ours = Registry()
    ours.add(plugin, Source("toy-sweep", "1.0"))
    mc = replace(served, detectors=("tiny",), family="reference")
    ours.add(toy.plugin(simulators=[mc], metrics=list(made.metrics)), Source("mine", "1"))
    assert ours.problems == []
    seen = []
    watch = Watch(
        begin=lambda *told: seen.append(told),
        advance=lambda *told: seen.append(told),
        end=lambda told: seen.append(told),
    )
    content = sweep(ours, options, tmp_path / "out", watch)
    ended = [[(name, 1), {"name": name, "error": None}] for name in ("mc", *NAMES)]
    assert seen == [(["mc", *NAMES], 1), *(told for pair in ended for told in pair)]
    (entry,) = json.loads((tmp_path / "out" / "floor" / "result.json").read_text())["models"]
    assert content["floor"] == entry
    seen.clear()
    assert sweep(ours, options, tmp_path / "out", watch) == content
    assert seen == [(["mc", *NAMES], 1), *((name, 1) for name in ("mc", *NAMES))]

    def breaks(conditions, seed):
        raise RuntimeError("no such file")

    broken = Registry()
    broken.add(plugin, Source("toy-sweep", "1.0"))
    offer = replace(mc, factory=lambda context: toy.Generates(breaks))
    broken.add(toy.plugin(simulators=[offer], metrics=list(made.metrics)), Source("mine", "1"))
    content = sweep(broken, options, tmp_path / "broken")
    assert content["floor"]["status"] == "failed"
    assert "no such file" in content["floor"]["error"]
    assert failures(content) == 1
    assert content["finished"]


# Started again


def test_what_is_finished_is_left_alone(call, tmp_path):
    call()
    before, content = changed(tmp_path / "out"), stored(tmp_path / "out")
    assert len(before) > 3 * 3
    assert call()[0] == 0
    assert changed(tmp_path / "out") == before
    assert stored(tmp_path / "out") == content


def test_more_seeds_are_added_and_the_others_stay(call, tmp_path):
    call("--seeds", "1")
    before = changed(tmp_path / "out")
    assert call("--seeds", "0")[0] == 0
    content = stored(tmp_path / "out")
    assert content["settings"]["seeds"] == [0, 1]
    assert content["finished"]
    assert [point["seed"] for point in content["points"]] == [0, 1] * 3
    assert before.items() <= changed(tmp_path / "out").items()
    call("--seeds", "0,1", out="both")
    assert stored(tmp_path / "both") == content


def test_a_point_that_was_trained_but_not_scored(call, tmp_path):
    call()
    content, before = stored(tmp_path / "out"), changed(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "points" / NAMES[1] / "run")
    assert call()[0] == 0
    assert stored(tmp_path / "out") == content
    after = changed(tmp_path / "out")
    assert after.keys() == before.keys()
    touched = {path for path in after if after[path] != before[path]}
    assert {path.relative_to(tmp_path / "out").parts[1:3] for path in touched} == {(NAMES[1], "run")}


def test_more_runs_score_again_and_train_nothing(call, tmp_path):
    call()
    before = changed(tmp_path / "out")
    assert call("--runs", "3")[0] == 0
    assert [len(point["ws"]["runs"]) for point in stored(tmp_path / "out")["points"]] == [3, 3, 3]
    after = changed(tmp_path / "out")
    assert all(after[path] == time for path, time in before.items() if "training" in path.parts)


def test_ctrl_c_keeps_what_is_finished(call, orders, plugin, tmp_path):
    orders(_2="interrupt")
    status, out, err = call()
    assert (status, out) == (130, "")
    assert "start it again to resume" in err
    content = stored(tmp_path / "out")
    assert not content["finished"]
    assert [point["name"] for point in content["points"]] == NAMES[:1]
    before = changed(tmp_path / "out")
    (plugin.HERE / "orders").unlink()
    assert call()[0] == 0
    assert stored(tmp_path / "out")["finished"]
    assert len(stored(tmp_path / "out")["points"]) == 3
    assert before.items() <= changed(tmp_path / "out").items()


def test_a_killed_sweep_leaves_no_process_behind(orders, plugin, tiny_file, tmp_path, call):
    orders(_2="wait")
    out = tmp_path / "out"
    arguments = ["sweep", "scales", "--detector", "tiny", "--data", tiny_file, "--device", "cpu"]
    arguments += ["--runs", "2", "--workers", "2", "--quiet", "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "simbench.harness.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(plugin.HERE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def await_that(done):
        deadline = time.monotonic() + 120
        while not done():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def both_others_are_done():
        return (plugin.HERE / "waiting").exists() and is_sweep(out) and len(stored(out)["points"]) == 2

    await_that(both_others_are_done)
    process.kill()
    process.wait()
    with (plugin.HERE / "lock").open() as file:  # the trainer held it, for as long as it lived

        def free():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        await_that(free)
    assert not stored(out)["finished"]
    before = changed(out)
    (plugin.HERE / "orders").unlink()
    assert call()[0] == 0
    assert stored(out)["finished"]
    assert before.items() <= changed(out).items()


# Failures


def failed(number, error):
    return {
        "name": NAMES[number - 1],
        "model": "tiny",
        "seed": 0,
        "parameters": {"scale": number},
        "overrides": {"scale": str(number), "steps": "100"},
        "status": "failed",
        "error": error,
    }


def test_a_point_that_fails_is_named_and_tried_again(call, orders, plugin, tmp_path):
    orders(_2="raise")
    status, out, err = call()
    assert status == 1
    assert f"simbench: {NAMES[1]} failed: RuntimeError: out of luck\n" in err
    assert "RuntimeError: out of luck" in out
    content = stored(tmp_path / "out")
    assert content["finished"]
    assert [point["status"] for point in content["points"]] == ["ok", "failed", "ok"]
    assert content["points"][1] == failed(2, "RuntimeError: out of luck")
    (plugin.HERE / "orders").unlink()
    before = changed(tmp_path / "out")
    assert call()[0] == 0
    assert [point["status"] for point in stored(tmp_path / "out")["points"]] == ["ok"] * 3
    assert before.items() <= changed(tmp_path / "out").items()


def test_processes_that_fail_or_die_leave_the_others_alone(call, orders, tmp_path):
    orders(_1="raise", _2="exit")
    assert call("--workers", "2")[0] == 1
    points = stored(tmp_path / "out")["points"]
    assert points[0] == failed(1, "RuntimeError: out of luck")
    assert points[1] == failed(2, "its process ended early, with exit status 7")
    assert points[2]["status"] == "ok"


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "0"], ["--budget", "found 0"]),
        (["--budget", "2"], ["--budget", "at most 1", "found 2"]),
        (["--budget", "nan"], ["--budget", "found nan"]),
        (["--seeds", ""], ["--seeds", "''"]),
        (["--seeds", "1,x"], ["--seeds", "'1,x'"]),
        (["--seeds", "1,1"], ["--seeds", "once", "1, 1"]),
        (["--seeds=-1"], ["--seeds", "at least 0", "-1"]),
        (["--seeds", str(2**63)], ["--seeds", "2**63"]),
        (["--runs", "0"], ["--runs", "at least 1"]),
        (["--limit", "0"], ["--limit", "at least 1"]),
        (["--workers", "0"], ["--workers", "at least 1"]),
        (["--set", "rate"], ["--set should be NAME=VALUE", "'rate'"]),
        (["--preset", "paper"], ["sweep 'scales': tiny has no preset 'paper'"]),
        (["--format", "absent"], ["unknown format 'absent'"]),
        (["--device", "absent"], ["unknown device 'absent'"]),
        (["--split", "absent"], ["unknown split 'absent'"]),
        (["--data", "absent.h5"], ["absent.h5", "no such file"]),
        (["--detector", "absent"], ["unknown detector 'absent'"]),
        (["--detector", "proton"], ["detector should be proton, found tiny"]),
    ],
)
def test_wrong_use_leaves_nothing_behind(call, tmp_path, arguments, words):
    fails(call(*arguments), *words)
    assert list(tmp_path.iterdir()) == []


def test_unknown_sweeps_and_folders_that_cannot_be(call, tmp_path):
    fails(call(sweep="absent"), "unknown sweep 'absent'", "scales")
    fails(call(out="a,b"), "comma")
    (tmp_path / "file").touch()
    fails(call(out="file"), "file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "0.5"], ["another budget", "1.0", "0.5"]),
        (["--set", "rate=1"], ["another overrides", "rate"]),
        (["--limit", "7"], ["'limit'", "None", "7"]),
        (["--split", "event"], ["'split'", "particle", "event"]),
        (["--split-seed", "1"], ["'split_seed'"]),
        (["--min-photons", "9"], ["'min_photons'"]),
    ],
)
def test_a_folder_is_one_sweeps(call, tmp_path, arguments, words):
    call()
    before, content = changed(tmp_path / "out"), stored(tmp_path / "out")
    fails(call(*arguments), str(tmp_path / "out"), *words)
    assert (changed(tmp_path / "out"), stored(tmp_path / "out")) == (before, content)


def test_another_sweep_preset_or_plan_is_refused(made, options, tmp_path):
    out = tmp_path / "out"
    sweep(made, options, out)
    scales = made.sweeps["scales"]

    def longer(request):
        return [replace(p, overrides={**p.overrides, "steps": "7"}) for p in scales.plan(request)]

    made.sweeps.records["others"] = replace(scales, name="others")
    with pytest.raises(UserError, match="another sweep: scales, asked for others"):
        sweep(made, replace(options, sweep="others"), out)
    made.sweeps.records["scales"] = replace(scales, plan=lambda request: [])
    with pytest.raises(UserError, match="another preset: compact, asked for paper"):
        sweep(made, replace(options, preset="paper"), out)
    made.sweeps.records["scales"] = replace(scales, plan=longer)
    with pytest.raises(UserError, match="the overrides of the point scale-1-seed-0 was"):
        sweep(made, options, out)


def test_a_folder_of_something_else_is_refused(call, toy, tmp_path):
    call()
    shutil.copytree(tmp_path / "out" / "points" / NAMES[0] / "run", tmp_path / "run")
    fails(call(out="run"), "holds result.json but no sweep.json")
    (tmp_path / "out" / "sweep.json").unlink()
    fails(call(), "holds points but no sweep.json")
    (tmp_path / "out" / "sweep.json").write_text('{"schema": 9}')
    fails(call(), "no sweep of this version: schema should be 1, found 9")
    (tmp_path / "out" / "sweep.json").write_text('{"schema": 1}')
    fails(call(), "no complete sweep", "protocol")


GOOD = SweepPoint("one", "tiny", 0, {}, {"scale": 1})


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "found none"),
        ([GOOD, GOOD], "different names, found one, one"),
        ([replace(GOOD, name="../up")], "found '../up'"),
        ([replace(GOOD, name="..")], "found '..'"),
        ([replace(GOOD, model="absent")], "unknown model 'absent'"),
        ([replace(GOOD, model="fixed")], "'fixed' does not learn"),
        ([replace(GOOD, seed=3)], "the seed 3 was not asked for"),
        ([replace(GOOD, parameters={"size": 1})], "parameters should be scale, found size"),
        ([replace(GOOD, parameters={"scale": float("nan")})], "finite number, found nan"),
        ([replace(GOOD, parameters={"scale": [1]})], r"finite number, found \[1\]"),
        ([1], "AttributeError"),
    ],
)
def test_a_plan_that_breaks_its_promise(made, options, tmp_path, points, words):
    made.sweeps.records["scales"] = Sweep("scales", "Scales", ("scale",), lambda request: points)
    with pytest.raises(UserError, match=words):
        sweep(made, options, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# What is printed


def test_quiet_is_silent_but_for_the_table(call, tmp_path):
    status, out, err = call("--quiet", "--format", "markdown", "--format", "csv")
    assert status == 0
    assert "| tiny" in out
    names = [tmp_path / "out" / name for name in ("sweep.json", "report.md", "report.csv")]
    assert err == f"written: {', '.join(map(str, names))}\n"
    assert all(name.exists() for name in names)


def test_a_sweep_is_reported_again(call, tmp_path):
    _, printed, _ = call("--format", "markdown")
    call("--seeds", "1", out="more")
    report = ("report", tmp_path / "out", "--format", "markdown")
    assert call.command(*report) == (0, printed, "")
    status, out, _ = call.command("report", tmp_path / "out", tmp_path / "more", "--format", "markdown")
    assert status == 0
    assert out.startswith(printed)
    assert len(out) > len(printed)
    status, out, _ = call.command(*report, "--out", tmp_path / "tables")
    assert (status, out) == (0, f"{tmp_path / 'tables' / 'report.md'}\n")
    both = ("report", tmp_path / "out", tmp_path / "more", "--format", "csv", "--out", tmp_path / "both")
    status, out, _ = call.command(*both)
    written = [tmp_path / "both" / name / "report.csv" for name in ("out", "more")]
    assert (status, out) == (0, "".join(f"{path}\n" for path in written))
    assert all(path.exists() for path in written)
    fails(call.command("report", tmp_path / "out", tmp_path / "out", *both[3:]), "names should differ")


def test_runs_and_sweeps_are_not_mixed_in_a_report(call, tmp_path):
    call()
    run = tmp_path / "out" / "points" / NAMES[0] / "run"
    fails(call.command("report", run, tmp_path / "out"), "report runs and sweeps apart", str(run))


def test_sweeps_are_listed(call):
    status, out, _ = call.command("list", "sweeps")
    assert status == 0
    (line,) = (line for line in out.splitlines() if line.startswith("scales "))
    for word in ("Scales", "scale", "toy-sweep 1.0", "a test"):
        assert word in line
