"""The command line, called as the shell would: exit status, one line of error, nothing half-written."""

import pytest
from cli_answers import fails, files_in, names_in

from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.result import read_result

pytestmark = pytest.mark.slow


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
        (["--runs", "9999999"], ["--runs should be below 10000, found 9999999"]),
        (["--limit", "0"], ["--limit should be at least 1, found 0"]),
        (["--seed", "-1"], ["--seed should be at least 0 and below 2**63, found -1"]),
        (["--split-seed", str(2**63)], ["--split-seed should be at least 0 and below 2**63"]),
        (["--models", "flat@"], ["model 'flat@': no folder of weights is named after the @"]),
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


def test_run_prints_the_answer_and_one_table_and_others_if_asked(run):
    status, out, _ = run()
    assert status == 0
    assert out.startswith("Best of 2: ")
    assert "Seconds for 10,000 on the CPU, timed in passing" in out
    assert "How far from the floor: toy\n" in out
    assert "by channel" not in out
    assert out.count("Protocol: toy") == 1
    assert max(map(len, out.splitlines())) <= 80
    _, out, _ = run("--tables", "channels,timing")
    titles = [line for line in out.splitlines() if line.endswith(": toy")]
    assert titles == ["WS (photons) by channel: toy", "Seconds for 10,000 responses: toy"]
    _, out, _ = run("--tables", "verdict", "--format", "markdown")
    assert out.count("## ") == 1
    fails(run("--tables", "none"), "unknown table 'none'", "verdict, scores, channels")
    fails(run("--tables", "experts"), "no table 'experts' of these runs; there are verdict, scores")


def test_without_timing_there_is_none(run, tmp_path):
    _, out, _ = run("--no-timing")
    assert "Seconds" not in out
    assert all("timing" not in model for model in read_result(tmp_path / "out")["models"])


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
    options += ("--no-timing",)
    call = cli_with(toy.offer("flat", killed))
    status, out, err = call(*options, "--out", tmp_path / "out")
    assert status == 130
    assert out == ""
    assert err == (
        "simbench: stopped; 1 finished run of a model is kept in "
        f"{tmp_path / 'out'}, and the same command goes on from there\n"
    )
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
