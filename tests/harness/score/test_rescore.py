"""Scores from kept responses are those of a run that asked for them at once."""

import pytest

from simbench.harness.errors import UserError
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.folder import RunFolder, unit_path
from simbench.harness.score.rescore import rescored


def photons(scored):
    yield Value("all", "mean", float(scored.generated_photons.mean()))


def breaks(scored):
    raise RuntimeError("no such thing")


PHOTONS = Metric("photons", "Mean photons", "photons", 1, photons)


@pytest.fixture
def run(toy, toy_file, tmp_path):
    def make(name, metrics=(WASSERSTEIN, EMPTY), **asked):
        registry = toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright), metrics=metrics)
        toy.run(registry, toy_file, tmp_path / name, **asked)
        return RunFolder(tmp_path / name)

    return make


def test_another_convention_and_metric_as_if_asked_for_at_once(run):
    again = rescored(run("old"), [PHOTONS, WASSERSTEIN], "halves").result
    asked = run("new", metrics=(PHOTONS, WASSERSTEIN), channels="halves").result
    for name in ("models", "protocol", "metrics", "dataset", "settings"):
        assert again[name] == asked[name], name
    assert again["rescored"] == {"metrics": ["photons", "ws"], "channels": "halves"}
    assert set(again["models"][0]["ws"]["channels"]) == {"left", "right"}


def test_the_runs_own_scores_come_out_the_same(run):
    folder = run("old")
    assert rescored(folder, [WASSERSTEIN, EMPTY]).result["models"] == folder.result["models"]
    assert "rescored" not in folder.result  # the run itself is as before


def test_an_unknown_convention_names_those_there_are(run):
    with pytest.raises(UserError, match="no channel convention 'nope'; it has thirds, halves"):
        rescored(run("old"), [WASSERSTEIN], "nope")


def test_a_model_without_its_responses_fails_alone(run):
    folder = run("old")
    unit_path(folder.path / "units", "flat", "run1").unlink()
    flat, bright = rescored(folder, [WASSERSTEIN]).result["models"]
    assert flat["status"] == "failed"
    assert "the responses of run 1 are not in" in flat["error"]
    assert "ws" not in flat
    assert bright["status"] == "ok"


def test_a_metric_that_breaks_is_named(run):
    models = rescored(run("old"), [Metric("broken", "", "", 1, breaks)]).result["models"]
    assert [model["status"] for model in models] == ["ok"] * 2
    for model in models:
        assert model["broken"]["problem"].startswith("RuntimeError: no such thing")
