"""The command line, called as the shell would: exit status, one line of error, nothing half-written."""

import json
import os
import re
from importlib.metadata import version

import h5py
import numpy as np
import pytest

from simbench.harness.cli.common.picture import picture
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.split import particle_hashes, selected
from simbench.harness.hooks import Progress, Responses
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.folder import read_result

pytestmark = pytest.mark.slow


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def files_in(folder):
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def fails(answer, *words, status=2):
    found, out, err = answer
    assert found == status, err
    assert out == ""
    assert err.startswith("simbench: error: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err
    return err


@pytest.fixture
def call(toy, cli_with):
    return cli_with(toy.offer("flat"), toy.offer("bright", toy.bright))


@pytest.fixture
def run(call, toy_file, tmp_path):
    """``simbench run`` on the toy data with more options."""

    def run_with(*options, out="out", models="flat,bright"):
        head = ("run", "--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "2")
        return call(*head, "--models", models, "--out", tmp_path / out, *options)

    return run_with


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--no-such-option"], ["--no-such-option"]),
        (["no-such-command"], ["no-such-command"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["run", "surplus"], ["surplus"]),
        (["run", "--runs", "many"], ["--runs", "valid integer"]),
        (["run", "--runs"], ["--runs"]),
        (["list"], ["kind", "models"]),
        (["list", "toys"], ["toys", "models"]),
        (["report"], ["RUN"]),
        (["train"], ["model"]),
        (["train", "flat"], ["--out"]),
        (["sweep"], ["name"]),
        (["sweep", "experts"], ["--out"]),
        (["data", "make"], ["--out"]),
        (["data", "import"], ["kind"]),
        (["data", "import", "wojnar", "a.npz"], ["--out"]),
        (["data", "info"], ["file"]),
        (["data", "no-such-command"], ["no-such-command"]),
        (["data", "make", "--particles", "1.5", "--out", "x.h5"], ["--particles"]),
    ],
)
def test_usage_errors(call, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    fails(call(*arguments), *words)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--models", "absent"], ["unknown model 'absent'", "flat", "mc"]),
        (["--models", "mc"], ["'mc'", "'toy'"]),
        (["--models", ""], ["unknown model ''"]),
        (["--detector", "absent"], ["unknown detector 'absent'", "proton", "toy"]),
        (["--detector", "proton"], ["'flat' does not serve detector 'proton'; it serves toy"]),
        (["--metrics", "ws,absent"], ["unknown metric 'absent'", "ws"]),
        (["--format", "absent"], ["unknown format 'absent'", "markdown"]),
        (["--channels", "absent"], ["'absent'", "thirds, halves"]),
        (["--split", "absent"], ["unknown split 'absent'", "particle, event"]),
        (["--device", "absent"], ["unknown device 'absent'"]),
        (["--data", "absent.h5"], ["absent.h5", "no such file"]),
        (["--runs", "0"], ["--runs should be at least 1, found 0"]),
        (["--limit", "0"], ["--limit should be at least 1, found 0"]),
        (["--min-photons", "0"], ["--min-photons 0 is below"]),
    ],
)
def test_run_used_wrongly(run, tmp_path, options, words):
    fails(run(*options), *words)
    assert files_in(tmp_path) == []


def test_data_of_another_detector(call, toy_file, tmp_path):
    options = ("--detector", "proton", "--data", toy_file, "--models", "mc", "--device", "cpu")
    fails(call("run", *options, "--out", tmp_path), "detector should be proton, found toy")
    assert files_in(tmp_path) == []


def test_a_later_option_names_more_models(run, tmp_path):
    status, _, err = run("--models", "bright", "--quiet", models="flat")
    assert status == 0, err
    assert [model["name"] for model in read_result(tmp_path / "out")["models"]] == ["flat", "bright"]


def test_truncated_data(run, call, toy_file, tmp_path):
    content = toy_file.read_bytes()
    path = tmp_path / "half.h5"
    path.write_bytes(content[: len(content) // 2])
    fails(run("--data", path), "half.h5", "truncated")
    fails(call("data", "info", path), "half.h5", "truncated")
    fails(call("data", "check", path), "half.h5", "truncated")
    assert files_in(tmp_path) == ["half.h5"]


def test_output_below_a_regular_file(run, call, tmp_path):
    (tmp_path / "file").touch()
    fails(run(out="file/below"), "cannot write to the folder", "file/below")
    fails(run(out="file"), "cannot write to the folder")
    fails(
        call("data", "make", "--detector", "toy", "--simulator", "toys", "--out", tmp_path / "file" / "x.h5"),
        "cannot write",
    )
    run()
    fails(call("report", tmp_path / "out", "--out", tmp_path / "file" / "below"), "cannot write")
    assert (tmp_path / "file").read_bytes() == b""


def test_a_folder_of_another_protocol(run, tmp_path):
    assert run()[0] == 0
    before = (tmp_path / "out" / "result.json").read_bytes()
    fails(run("--split-seed", "1"), "split_seed", str(tmp_path / "out"))
    assert (tmp_path / "out" / "result.json").read_bytes() == before
    assert run("--split-seed", "1", "--no-resume")[0] == 0
    assert read_result(tmp_path / "out")["protocol"]["split_seed"] == 1


# Running


def test_run_prints_tables_and_writes(run, tmp_path):
    status, out, err = run("--format", "markdown", "--format", "csv")
    assert status == 0
    assert "| flat" in out
    assert "| bright" in out
    assert "made for a test" in out
    assert "result.json" in err
    names = set(names_in(tmp_path / "out"))
    assert names == {"result.json", "scores.csv", "units", "report.md", "report.csv", "report.html"}
    result = read_result(tmp_path / "out")
    assert f"{result['models'][0]['ws']['mean']:.2f}"[:3] in out


@pytest.mark.parametrize("quiet", [True, False])
def test_without_a_terminal_there_is_no_progress_but_the_table(run, quiet):
    status, out, err = run(*["--quiet"] * quiet)
    assert status == 0
    assert "flat" in out
    assert "bright" in out
    assert err.count("\n") == 1
    assert "\x1b" not in out + err


def test_the_same_command_twice(run, tmp_path):
    _, first, _ = run()
    scores = (tmp_path / "out" / "scores.csv").read_bytes()
    _, second, _ = run()
    assert first == second
    assert (tmp_path / "out" / "scores.csv").read_bytes() == scores


def test_the_default_folder_is_of_the_detector(call, toy_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--detector", "toy", "--data", toy_file, "--models", "flat", "--device", "cpu")
    assert call("run", *options)[0] == 0
    result = read_result(tmp_path / "runs" / "toy")
    assert result["settings"]["runs"] == 5
    assert result["settings"]["seed"] == 0
    assert len(result["models"][0]["ws"]["runs"]) == 5


def test_a_failed_model_is_status_1_and_the_others_are_kept(toy, cli_with, toy_file, tmp_path):
    def fail(conditions, seed):
        raise RuntimeError("does not work")

    call = cli_with(toy.offer("flat"), toy.offer("fails", fail))
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--out", tmp_path)
    status, out, err = call("run", *options, "--models", "fails,flat")
    assert status == 1
    assert "fails" in out
    assert "Traceback" not in out + err
    assert "RuntimeError: does not work" in err
    models = read_result(tmp_path)["models"]
    assert [(model["name"], model["status"]) for model in models] == [("fails", "failed"), ("flat", "ok")]


def test_a_metric_that_fails_is_status_1_and_one_line(toy, cli_with, toy_file, tmp_path):
    broken = Metric("broken", "Broken", "", 1, lambda scored: 1 / 0)
    call = cli_with(toy.offer("flat"), toy.offer("bright", toy.bright), metrics=[broken])
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "1", "--out", tmp_path)
    status, _, err = call("run", *options, "--models", "flat,bright", "--metrics", "ws,broken", "--quiet")
    assert status == 1
    (line,) = [line for line in err.splitlines() if "broken" in line]
    assert line.startswith("simbench: metric broken of flat, bright: ZeroDivisionError")
    for model in read_result(tmp_path)["models"]:
        assert model["status"] == "ok"
        assert model["ws"]["mean"] > 0


def test_a_metric_of_what_was_not_kept_is_no_failure(toy, cli_with, toy_file, tmp_path):
    whole = Metric("whole", "Whole", "", 1, lambda scored: [Value("all", "mean", 0.0)], needs=("responses",))
    call = cli_with(toy.offer("flat"), metrics=[whole])
    options = ("--detector", "toy", "--data", toy_file, "--device", "cpu", "--runs", "1", "--out", tmp_path)
    status, _, err = call("run", *options, "--models", "flat", "--metrics", "ws,whole", "--quiet")
    assert status == 0
    assert "metric whole" not in err
    (model,) = read_result(tmp_path)["models"]
    assert model["whole"]["problem"].startswith("not measured: ")


def test_a_killed_run_is_resumed(toy, cli_with, toy_file, tmp_path):
    calls = []

    def killed(conditions, seed):
        calls.append(seed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return toy.flat(conditions, seed)

    options = ("run", "--detector", "toy", "--data", toy_file, "--models", "flat", "--device", "cpu")
    call = cli_with(toy.offer("flat", killed))
    status, out, err = call(*options, "--out", tmp_path / "out")
    assert status == 130
    assert out == ""
    assert err.count("\n") == 1
    assert "result.json" not in files_in(tmp_path)
    assert call(*options, "--out", tmp_path / "out")[0] == 0
    assert len(calls) == 1 + 1 + 4
    assert cli_with(toy.offer("flat"))(*options, "--out", tmp_path / "whole")[0] == 0
    scores = [(tmp_path / name / "scores.csv").read_bytes() for name in ("out", "whole")]
    assert scores[0] == scores[1]


def test_a_broken_plugin_is_named_on_standard_error(toy, cli_with):
    call = cli_with(toy.offer("flat"), problems=["plugin theirs 1.0: ImportError: no"])
    status, out, err = call("list", "models")
    assert status == 0
    assert "simbench: skipped: plugin theirs 1.0: ImportError: no\n" in err
    assert "flat" in out


# Listing


def test_list_shows_everything(toy, cli_with):
    long_name = "a-simulator-with-a-name-that-is-longer-than-a-terminal-is-wide-" * 2
    metric = Metric("mine", "My metric", "cm", 4, lambda scored: [Value("all", "mean", 0.0)])
    call = cli_with(toy.offer("flat", trainer=print), toy.offer(long_name), metrics=[metric])
    expected = {
        "observables": ["core_share", "pixels", "every"],
        "models": ["flat", long_name, "mc", "toys 1.2", "The flat", "simbench.plugins.mc"],
        "detectors": ["toy", "proton", "neutron", "56 x 30", "44 x 44", "thirds*", "halves", "angle [rad]"],
        "datasets": [
            "toys",
            "mc",
            "toy 60",
            "proton 100000",
            "neutron 100000",
            "made for a test",
            "not Geant",
        ],
        "metrics": ["ws", "empty", "mine", "My metric", "Wasserstein score", "the detector's"],
    }
    for kind, words in expected.items():
        status, out, err = call("list", kind)
        assert (status, err) == (0, "")
        for word in words:
            assert word in out, (kind, word)
        assert "…" not in out
    rows = {line.split()[0]: line for line in call("list", "models")[1].splitlines()}
    assert " yes " in rows["flat"]
    assert " no " in rows["mc"]


# Data


def test_make_data(call, tmp_path):
    path = tmp_path / "new" / "toy.h5"
    options = (
        "--detector",
        "toy",
        "--simulator",
        "toys",
        "--particles",
        "7",
        "--repeats",
        "3",
        "--seed",
        "5",
    )
    status, out, _ = call("data", "make", *options, "--out", path)
    assert status == 0
    with Dataset(path) as data:
        assert len(data) == 21
        assert data.fingerprint in out
        assert data.provenance == "made for a test"
        assert data.check() == []
    assert "21 responses" in out
    assert files_in(tmp_path) == ["toy.h5"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--particles", "0"], ["particles should be at least 1, found 0"]),
        (["--repeats", "-1"], ["repeats should be at least 1, found -1"]),
        (["--simulator", "absent"], ["unknown dataset maker 'absent'", "mc", "toys"]),
        (["--simulator", "mc"], ["'mc' does not serve 'toy'", "proton, neutron"]),
        (["--detector", "absent"], ["unknown detector 'absent'"]),
        (["--detectors", "toy,absent"], ["unknown detector 'absent'"]),
        (["--detectors", "toy"], ["'toys' draws a particle in one detector only"]),
        (["--detectors", "toy", "--like", "x.h5"], ["--detectors", "no --like"]),
    ],
)
def test_make_data_wrongly(call, tmp_path, options, words):
    head = ("data", "make", "--detector", "toy", "--simulator", "toys", "--out", tmp_path / "toy.h5")
    fails(call(*head, *options), *words)
    assert files_in(tmp_path) == []


def test_the_same_particles_in_both_calorimeters(call, tmp_path):
    path = tmp_path / "pair.h5"
    options = ("--detectors", "proton,neutron", "--particles", "60", "--repeats", "2", "--seed", "3")
    status, out, _ = call("data", "make", *options, "--out", path)
    assert status == 0
    assert files_in(tmp_path) == ["pair-neutron.h5", "pair-proton.h5"]
    streams, rows = [], 0
    for name in ("proton", "neutron"):
        with Dataset(tmp_path / f"pair-{name}.h5") as data:
            assert data.detector == name
            assert data.check() == []
            streams.append(data.stream())
            assert len(data) == streams[-1].hit.sum()
            rows += len(data)
    np.testing.assert_array_equal(streams[0].conditions, streams[1].conditions)
    assert 0.3 < rows / 240 < 1
    assert out.count("held no light and were left out") == 2
    status, out, _ = call("data", "info", tmp_path / "pair-proton.h5", "--pictures", "0")
    assert status == 0
    assert "raw particles     60 of 2 responses, 60 of them in the dataset" in out
    assert "not empty" in out


@pytest.fixture
def four(toy, tmp_path):
    """Photon sums 1, 3, 5 and 11 in six pixels; three responses of particle 4 and one of 9."""
    showers = np.zeros((4, 6, 4), np.uint16)
    showers[0, 0, 0] = 1
    showers[1, 1, 1] = 3
    showers[2, 2, 2], showers[2, 3, 3] = 2, 3
    showers[3, 5, 3], showers[3, 5, 2] = 7, 4
    conditions = np.array([[1, 2]] * 3 + [[3, 4]], np.float32)
    made = Responses(showers, conditions, np.array([4, 4, 4, 9]), np.full(4, 22, np.int32))
    return toy.write(tmp_path / "four.h5", made)


def test_data_info(call, four):
    status, out, err = call("data", "info", four, "--pictures", "2")
    assert (status, err) == (0, "")
    lines = {line[:17].strip(): line[18:].strip() for line in out.splitlines()}
    assert lines["file"] == str(four)
    assert lines["detector"] == "toy, responses of 6 x 4"
    assert lines["provenance"] == "made for a test"
    assert lines["responses"] == "4"
    assert lines["particles"] == "2"
    assert lines["repeats"] == "1 to 3 responses of a particle"
    assert lines["photon threshold"] == "1"
    assert lines["photon sum"] == "min / Q1 / Q2 / Q3 / max: 1 / 2.5 / 4 / 6.5 / 11"
    assert "mean 5.00, standard deviation 3.74" in out  # the root of (16 + 4 + 0 + 36) / 4
    assert lines["zero pixels"] == "93.75 %"  # 90 of 96
    assert lines["largest pixel"] == "7"
    with Dataset(four) as data:
        assert lines["fingerprint"] == data.fingerprint
    # Pictures: the second and the third of four by brightness.
    assert "row 1, 3 photons" in out
    assert "row 2, 5 photons" in out
    assert "+--" in out
    assert out.count("@") == 3  # one pixel of three photons in each picture, and the legend
    assert "+--" not in call("data", "info", four, "--pictures", "0")[1]
    assert "row 2, 5 photons" in call("data", "info", four, "--pictures", "1")[1]


def test_picture_worked_by_hand():
    # x to the right, y upwards: (0, 2) holds 9, (1, 0) holds 1: log 2 / log 10 of 9 shades is 2.7, the third.
    drawn = picture([np.array([[0, 0, 9], [1, 0, 0]])], ["t"]).plain.splitlines()
    assert drawn[:6] == [" t  ", "+--+", "|@ |", "|  |", "| -|", "+--+"]
    assert "up to 9 in a pixel" in drawn[6]


def test_pictures_of_unequal_size_and_of_nothing():
    drawn = picture([np.zeros((2, 3)), np.zeros((4, 1), np.uint16)], ["a", "b"]).plain.splitlines()
    assert [line.rstrip() for line in drawn[:6]] == [
        " a     b",
        "+--+  +----+",
        "|  |  |    |",
        "|  |  +----+",
        "|  |",
        "+--+",
    ]


def test_data_info_of_nothing(toy, call, tmp_path):
    made = toy.responses()
    nothing = Responses(made.showers[:0], made.conditions[:0], made.particle[:0], made.pdg[:0])
    path = toy.write(tmp_path / "none.h5", nothing)
    status, out, err = call("data", "info", path)
    assert (status, err) == (0, "")
    assert re.search(r"responses +0\n", out)


def test_data_check(call, toy_file, four, tmp_path):
    status, out, err = call("data", "check", toy_file)
    assert (status, err) == (0, "")
    assert "200 responses" in out
    assert "all well" in out
    with h5py.File(four, "r+") as file:
        file["showers"][3] = 0
        file["conditions"][1, 0] = 5
    status, out, err = call("data", "check", four)
    assert (status, out) == (1, "")
    problems = err.splitlines()
    assert len(problems) == 3
    assert all(problem.startswith(str(four)) for problem in problems)
    for word in ("row 3: a photon sum below the threshold 1", "fingerprint", "particle 4 has conditions"):
        assert word in err


def test_embedded_data_of_a_detector(call):
    status, out, _ = call("data", "check", "embedded", "--detector", "toy")
    assert status == 0
    assert "60 responses" in out
    fails(call("data", "check", "embedded", "--detector", "absent"), "unknown detector 'absent'")
    status, out, _ = call("data", "check", "embedded:toys", "--detector", "toy")
    assert (status, "60 responses" in out) == (0, True)
    fails(call("data", "check", "embedded:absent", "--detector", "toy"), "unknown dataset maker 'absent'")
    fails(call("data", "check", "embedded:mc", "--detector", "toy"), "'mc' does not serve 'toy'")


# Training


@pytest.fixture
def train(toy, cli_with, toy_file, tmp_path):
    """``simbench train`` with a trainer that does what it is told; gives the answer and the request."""

    def train_with(*options, then=lambda request: request.out / "weights", model="learns"):
        requests = []

        def trainer(request):
            requests.append(request)
            return then(request)

        call = cli_with(toy.offer("flat"), toy.offer("learns", trainer=trainer))
        head = ("train", model, "--detector", "toy", "--data", toy_file, "--device", "cpu")
        answer = call(*head, "--out", tmp_path / "out", *options)
        return answer, requests

    return train_with


def test_training_sees_no_test_particle(toy, train, tmp_path):
    (status, out, err), (request,) = train("--seed", "4", "--set", "epochs=3", "--set", "rate = 1e-3")
    assert (status, err) == (0, "")
    assert str(tmp_path / "out" / "weights") in out
    assert f"simbench run --models learns@{tmp_path / 'out'} --detector toy" in out
    made = toy.responses()
    test = selected(made.particle, "particle", 0, 0.2)
    forbidden = particle_hashes(made.conditions[test])
    for conditions in (request.conditions, request.validation_conditions):
        assert not set(particle_hashes(conditions)) & set(forbidden)
    assert not set(request.trained_on.particles) & set(forbidden)
    assert set(request.trained_on.particles) == set(particle_hashes(made.conditions[~test]))
    assert not set(particle_hashes(request.conditions)) & set(particle_hashes(request.validation_conditions))
    # 32 particles of 5 responses: 3 for validation, 29 to learn from.
    assert request.conditions.shape == (145, 2)
    assert request.showers.shape == (145, 6, 4)
    assert request.particle.shape == (145,)
    assert request.validation_conditions.shape == (15, 2)
    for particle in np.unique(request.particle):
        mine = made.particle == particle
        np.testing.assert_array_equal(request.showers[request.particle == particle], made.showers[mine])
        np.testing.assert_array_equal(request.conditions[request.particle == particle], made.conditions[mine])
    assert (request.seed, request.device, request.preset, request.min_photons) == (4, "cpu", "compact", 1)
    assert dict(request.overrides) == {"epochs": "3", "rate": "1e-3"}
    assert request.detector.name == "toy"
    assert (request.trained_on.split, request.trained_on.split_seed) == ("particle", 0)
    assert request.trained_on.test_fraction == 0.2


def test_what_was_trained_is_no_leak_on_its_own_split(toy, train, toy_file, tmp_path):
    _, (request,) = train("--split-seed", "3")
    offer = toy.offer(
        "learns", factory=lambda context: toy.Generates(toy.flat, trained_on=request.trained_on)
    )
    own = toy.run(toy.registry(offer), toy_file, tmp_path / "a", split_seed=3)
    other = toy.run(toy.registry(offer), toy_file, tmp_path / "b", split_seed=0)
    assert own["models"][0]["status"] == "ok"
    assert own["models"][0]["marks"] == []
    assert "leak" in other["models"][0]["error"]


def test_the_validation_score(toy, train):
    _, (request,) = train()
    made = toy.responses()
    hashes = particle_hashes(request.validation_conditions)
    rows = np.array([particle_hashes(row[None])[0] in hashes for row in made.conditions])
    showers = made.showers[rows]
    np.testing.assert_array_equal(made.conditions[rows], request.validation_conditions)
    assert request.score(request.validation_conditions, showers) == 0
    # Doubled responses: every sorted channel sum moves by itself, and there are three channels.
    twice = showers.astype(np.float32) * 2
    doubled = request.scores(request.validation_conditions, twice)
    assert doubled["ws"] == pytest.approx(showers.sum() / 15 / 3, rel=1e-12)
    assert doubled["validation"] == request.score(request.validation_conditions, twice) > 0
    with pytest.raises(ValueError, match="all 15 validation conditions"):
        request.score(request.validation_conditions[:3], showers[:3])


def test_min_photons_of_a_training(train):
    _, (request,) = train("--min-photons", "15")
    assert request.min_photons == 15
    assert request.showers.sum(axis=(1, 2)).min() >= 15


def test_a_trainer_that_refuses(train, tmp_path):
    def refuse(request):
        raise ValueError("setting 'epochs' should be\na number")

    answer, _ = train(then=refuse)
    fails(answer, "cannot train learns: setting 'epochs' should be a number")
    assert files_in(tmp_path) == []


def test_a_trainer_may_tell_of_its_progress(train):
    def tell(request):
        request.progress(Progress(1, 2, {"g": 0.5}))
        request.progress(Progress(2, 2, {"g": 0.4}, 1.25))
        return request.out

    assert train(then=tell)[0][0] == 0


def test_a_mixture_and_what_is_amiss_are_told_at_the_end(train):
    experts = {"share": [0.25, 0.75], "intensity": [12.4, None], "entropy": 0.5623, "elsewhere": 0.4059}

    def tell(request):
        request.progress(Progress(1, 2, {}, 2.0, ("of before",), {**experts, "elsewhere": None}))
        request.progress(Progress(2, 2, {}, 1.25, ("all experts are alike",), experts))
        return request.out

    status, _, errors = train(then=tell)[0]
    assert status == 0
    assert "experts 25% (12) 75% (-) entropy 0.56, 41% of draws elsewhere\n" in errors
    assert "warning: all experts are alike\n" in errors
    assert "of before" not in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "epochs"], ["--set should be NAME=VALUE, found 'epochs'"]),
        (["--device", "absent"], ["unknown device 'absent'"]),
        (["--split", "absent"], ["unknown split 'absent'"]),
        (["--data", "absent.h5"], ["absent.h5", "no such file"]),
        (["--detector", "proton"], ["detector should be proton, found toy"]),
    ],
)
def test_training_used_wrongly(train, tmp_path, options, words):
    answer, requests = train(*options)
    fails(answer, *words)
    assert requests == []
    assert files_in(tmp_path) == []


def test_training_what_does_not_learn(train):
    fails(train(model="flat")[0], "'flat'", "learns")
    fails(train(model="absent")[0], "unknown model 'absent'")


# Reports


def test_report_of_two_runs(run, call, tmp_path):
    run(out="one", models="flat")
    run("--seed", "1", out="two", models="bright")
    status, out, err = call("report", tmp_path / "one", tmp_path / "two", "--format", "markdown")
    assert (status, err) == (0, "")
    assert "flat" in out
    assert "bright" in out
    tables = tmp_path / "tables"
    status, out, _ = call(
        "report", tmp_path / "one", tmp_path / "two", "--format", "csv", "--format", "latex", "--out", tables
    )
    assert status == 0
    assert sorted(out.split()) == [str(tables / "report.csv"), str(tables / "report.tex")]
    assert sorted(names_in(tables)) == ["report.csv", "report.tex"]


def test_report_refuses_what_cannot_be_compared(run, call, tmp_path):
    run(out="one")
    run("--split-seed", "1", out="two")
    fails(call("report", tmp_path / "one", tmp_path / "two"), "split_seed", "one", "two")
    fails(call("report", tmp_path / "absent"), "absent")
    fails(call("report", tmp_path / "one", "--format", "absent"), "unknown format 'absent'")
    fails(call("report", tmp_path / "one", "--format", "html"), "html", "--out")
    (tmp_path / "empty").mkdir()
    fails(call("report", tmp_path / "empty"), "holds no result.json")


@pytest.mark.parametrize(
    "content", ["{}", "[]", "no JSON", '{"schema": 99}', '{"schema": 1}', '{"schema": 1, "protocol": 5}']
)
def test_report_of_a_damaged_result(call, tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    fails(call("report", tmp_path), "result.json")


# Help


COMMANDS = [
    ["run"],
    ["list"],
    ["train"],
    ["sweep"],
    ["report"],
    ["compare"],
    ["leaderboard"],
    ["gallery"],
    ["o2", "bundle"],
    ["o2", "check"],
    ["data", "make"],
    ["export"],
    ["data", "import"],
    ["data", "info"],
    ["data", "check"],
    ["plugin", "new"],
    ["plugin", "check"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(call, command):
    status, out, err = call(*command, "--help")
    assert (status, err) == (0, "")
    assert "Usage: " in out
    assert re.search(rf"^ +simbench {' '.join(command)} \S", out, re.MULTILINE), out


def test_help_and_version(call):
    status, out, err = call("--help")
    assert (status, err) == (0, "")
    for command in ("run", "list", "train", "sweep", "report", "data"):
        assert re.search(rf"^ +{command}\b", out, re.MULTILINE)
    assert call()[:2] == (0, out)
    assert call("--version") == (0, version("simbench-hep") + "\n", "")


def test_every_command_is_covered_here(call):
    def commands(out):
        return re.findall(r"^  ([a-z0-9-]+)  ", out.partition("Commands:")[2], re.MULTILINE)

    found = []
    for command in commands(call("--help")[1]):
        below = commands(call(command, "--help")[1])
        found += [[command, name] for name in below] or [[command]]
    assert sorted(map(tuple, found)) == sorted(map(tuple, COMMANDS))


def test_the_command_is_recorded(run, tmp_path):
    run()
    command = json.loads((tmp_path / "out" / "result.json").read_text())["command"]
    assert command.startswith("simbench run --detector toy ")
    assert str(tmp_path / "out") in command
