"""``compare``, ``leaderboard`` and ``report --metrics`` from the command line."""

import json

import pytest

from simbench.harness.plugin.metric import Metric, Value

pytestmark = pytest.mark.slow


def photons(scored):
    yield Value("all", "mean", float(scored.generated_photons.mean()))


@pytest.fixture
def folders(toy, tmp_path):
    """Two run folders of the same models: in the second ``flat`` is three times as bright."""
    data = toy.write(tmp_path / "toy.h5", toy.responses(100, 5))
    for name, generate in (("base", toy.flat), ("new", toy.bright)):
        toy.run(toy.registry(toy.offer("flat", generate), toy.offer("other")), data, tmp_path / name)
    return tmp_path / "base", tmp_path / "new"


@pytest.fixture
def call(cli_with):
    return cli_with(metrics=[Metric("photons", "Mean photons", "photons", 1, photons)])


def test_a_regression_is_status_3_and_says_which(call, folders):
    status, out, err = call("compare", *folders)
    assert (status, err) == (3, "")
    assert out.startswith("1 regression, 3 no change\n")
    assert call("compare", folders[0], folders[0])[0] == 0
    assert call("compare", *folders, "--tolerance", "ws=10000%")[0] == 0


def test_a_lost_model_is_status_1(call, folders):
    path = folders[0] / "result.json"
    result = json.loads(path.read_text())
    result["models"] = result["models"][1:]
    (folders[1] / "result.json").write_text(json.dumps(result))
    status, out, _ = call("compare", *folders)
    assert status == 1
    assert "not comparable: not in the new run" in out


def test_comparisons_are_written_in_every_format(call, folders, tmp_path):
    formats = ("--format", "table", "--format", "markdown", "--format", "json")
    status, out, _ = call("compare", *folders, *formats, "--out", tmp_path / "deep" / "out")
    assert status == 3
    names = ["comparison.txt", "comparison.md", "comparison.json"]
    assert out.splitlines() == [str(tmp_path / "deep" / "out" / name) for name in names]
    content = json.loads((tmp_path / "deep" / "out" / "comparison.json").read_text())
    assert content["status"] == 3


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--tolerance", "ws"], "METRIC=PERCENT"),
        (["--tolerance", "ws=much"], "'ws=much'"),
        (["--tolerance", "ws=1", "--tolerance", "ws=2"], "twice"),
        (["--tolerance", "wz=1"], "unknown metric 'wz'"),
        (["--tolerance", "ws=-1%"], "0 or more"),
        (["--confidence", "1"], "--confidence"),
        (["--format", "latex"], "unknown format 'latex'"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(call, folders, options, word):
    status, out, err = call("compare", *folders, *options)
    assert (status, out) == (2, "")
    assert word in err
    assert err.count("\n") == 1


def test_another_protocol_is_status_2_by_the_fields_name(call, toy, folders, tmp_path):
    toy.run(toy.registry(toy.offer("flat")), tmp_path / "toy.h5", tmp_path / "few", limit=50)
    for command in ("compare", "leaderboard"):
        status, out, err = call(command, folders[0], tmp_path / "few")
        assert (status, out) == (2, "")
        assert "'limit'" in err


def test_a_folder_of_no_run_is_status_2(call, folders, tmp_path):
    status, _, err = call("compare", folders[0], tmp_path)
    assert status == 2
    assert "result.json" in err


def test_out_that_cannot_be_written_is_status_2(call, folders, tmp_path):
    (tmp_path / "file").touch()
    status, _, err = call("compare", *folders, "--out", tmp_path / "file" / "below")
    assert status == 2
    assert "cannot write to" in err


def test_leaderboard_prints_and_writes(call, folders, tmp_path):
    status, out, _ = call("leaderboard", *folders, "--format", "table", "--format", "json")
    assert status == 0
    assert out.startswith("Leaderboard: toy\n")
    content = json.loads(out[out.index("\n{") :])
    assert len(content["places"]) == 4
    assert content["places"][-1]["model"] == "flat"
    assert not content["places"][-1]["as_good_as_the_best"]
    status, out, _ = call("leaderboard", folders[0], "--format", "markdown", "--out", tmp_path / "board")
    assert out.strip() == str(tmp_path / "board" / "leaderboard.md")


def test_report_scores_again_and_says_so(call, folders):
    status, out, _ = call("report", folders[0], "--metrics", "photons", "--channels", "halves")
    assert status == 0
    assert "Mean photons" in out
    assert "WS" not in out
    assert "Scored again from the kept responses, nothing was generated: metrics photons" in out
    assert "channels halves" in out
    assert "Scored again" not in call("report", folders[0])[1]


def test_report_keeps_the_runs_metrics_with_other_channels(call, folders):
    _, out, _ = call("report", folders[0], "--channels", "halves", "--format", "csv")
    assert {row.split(",")[5] for row in out.splitlines()[1:]} == {"ws", "empty"}
    assert {row.split(",")[7] for row in out.splitlines()[1:]} == {"mean", "left", "right", "error"}


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--metrics", "nope"], "unknown metric 'nope'"), (["--channels", "x"], "it has thirds")],
)
def test_report_of_what_is_not_there(call, folders, options, word):
    status, out, err = call("report", folders[0], *options)
    assert (status, out) == (2, "")
    assert word in err
