"""What ``plan`` foretells is what a run then does."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from toy_runs import Calls

from simbench.harness.batch.forecast import CALIBRATED, HERE, forecast
from simbench.harness.errors import UserError
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.spent import SPENT, read_spent
from simbench.harness.run.request import Request


def slow_metric(scored):
    time.sleep(0.1)
    return [Value("all", "mean", 1.0)]


@pytest.fixture
def slow(toy):
    """A model of 2 ms a response, and a metric of 0.1 s a run."""

    def generate(conditions, seed):
        time.sleep(0.002 * len(conditions))
        return toy.flat(conditions, seed)

    calls = Calls(generate)
    made = toy.registry(toy.offer("slow", calls), metrics=[Metric("m", "M", "", 1, slow_metric)])
    return made, calls


def asked(toy_file, **more):
    return Request(models=("all",), detector="toy", data=str(toy_file), device="cpu", runs=2, **more)


def test_a_forecast_is_near_what_a_run_takes(toy, toy_file, slow, tmp_path):
    made, _ = slow
    told = forecast(made, asked(toy_file), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (model,), (metric,) = told.models, told.metrics
    assert (model.there, model.responses, model.tasks, model.source) == (0, 80, 2, HERE)
    assert (metric.tasks, metric.source) == (2, HERE)
    toy.run(made, toy_file, tmp_path / "out")
    spent = read_spent(tmp_path / "out")
    assert model.seconds == pytest.approx(spent["models"]["slow"]["seconds"], rel=0.5)
    assert metric.seconds == pytest.approx(spent["metrics"]["m"]["seconds"], rel=0.5)


def test_it_says_what_is_there_and_what_told_it(toy, toy_file, slow, tmp_path):
    made, calls = slow
    toy.run(made, toy_file, tmp_path)
    (tmp_path / "units" / "slow-run1.npz").unlink()
    calls.seen.clear()
    (model,) = forecast(made, asked(toy_file), tmp_path).models
    assert (model.there, model.responses, model.source) == (40, 40, str(tmp_path))
    spent = read_spent(tmp_path)["models"]["slow"]
    assert model.seconds == pytest.approx(spent["seconds"] / 2)
    assert calls.seen == []
    (other,) = forecast(made, asked(toy_file, seed=1), tmp_path / "other", like=tmp_path).models
    assert (other.there, other.responses, other.source) == (0, 80, str(tmp_path))


def test_a_metric_is_tried_on_responses_that_differ(toy, toy_file, tmp_path):
    """A classifier has no work with equal ones."""
    equal = []

    def looks(scored):
        equal.append(np.array_equal(scored.reference, scored.generated))
        return [Value("all", "mean", 1.0)]

    made = toy.registry(toy.offer("flat"), metrics=[Metric("m", "M", "", 1, looks)])
    forecast(made, asked(toy_file), tmp_path / "out")
    assert equal
    assert not any(equal)


def test_telling_models_apart_takes_as_long_as_what_they_are_ranked_by(toy, toys, toy_file, tmp_path):
    costs = {"responses": 40, "runs": 1, "seconds": 3.0}
    (tmp_path / SPENT).parent.mkdir()
    told = {"models": {}, "metrics": {"ws": costs}, "page": {"seconds": 5.0}}
    (tmp_path / SPENT).write_text(json.dumps(told))
    request = replace(asked(toy_file, metrics=("ws",)), models=("flat", "bright"))
    assert forecast(toys, request, tmp_path / "out", like=tmp_path).page == pytest.approx(5 + 4 * 3)
    one = forecast(toys, replace(request, models=("flat",)), tmp_path / "out", like=tmp_path)
    assert one.page == pytest.approx(5)


def test_a_trial_takes_a_few_hundred_responses(toy, slow, tmp_path):
    made, calls = slow
    large = toy.write(tmp_path / "large.h5", toy.responses(particles=800, repeats=5))
    forecast(made, asked(large), tmp_path / "out")
    assert max(len(conditions) for conditions, _ in calls.seen) == CALIBRATED


def test_a_model_that_would_fail_is_named(toy, toy_file, tmp_path):
    def fails(context):
        raise ValueError("no weights")

    made = toy.registry(toy.offer("fails", factory=fails), toy.offer("flat"))
    told = {cost.name: cost for cost in forecast(made, asked(toy_file), tmp_path / "out").models}
    assert "no weights" in told["fails"].problem
    assert told["flat"].responses == 80


def test_another_protocol_is_refused_as_a_run_would(toy, toy_file, slow, tmp_path):
    made, _ = slow
    toy.run(made, toy_file, tmp_path)
    with pytest.raises(UserError, match="differ in 'limit'"):
        forecast(made, asked(toy_file, limit=5), tmp_path)


def test_a_cost_that_makes_no_sense_is_refused(toy_file, slow, tmp_path):
    (tmp_path / SPENT).parent.mkdir()
    (tmp_path / SPENT).write_text('{"models": {"slow": {"responses": 0, "seconds": 1}}, "metrics": {}}')
    with pytest.raises(UserError, match="does not tell what a run has cost"):
        forecast(slow[0], asked(toy_file), tmp_path / "out", like=tmp_path)
