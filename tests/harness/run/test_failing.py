"""What fails in a run costs itself alone; models that have seen the test part are refused."""

import math

import numpy as np
import pytest
from toy_runs import Calls, entry, rows_of

from simbench.harness.data.dataset import Dataset
from simbench.harness.data.split import particle_hashes, selected
from simbench.harness.hooks import TrainedOn
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value

# Failures


def broken_models(toy):
    def raises(conditions, seed):
        raise RuntimeError("first line\nsecond line")

    def changed(change):
        return lambda conditions, seed: change(toy.flat(conditions, seed))

    def with_value(value):
        def put(responses):
            responses = responses.astype(np.float32)
            responses[3, 2, 1] = value
            return responses

        return changed(put)

    def no_factory(context):
        raise ValueError("no such weights")

    def no_module(context):
        import no_such_package_at_all

        return no_such_package_at_all

    return [
        (toy.offer("raises", raises), "RuntimeError: first line second line"),
        (toy.offer("shape", changed(lambda r: r[:, :5])), r"shape \(40, 6, 4\), found \(40, 5, 4\)"),
        (toy.offer("rows", changed(lambda r: r[:-1])), r"shape \(40, 6, 4\), found \(39, 6, 4\)"),
        (toy.offer("flat-rows", changed(lambda r: r.reshape(-1, 24))), r"found \(40, 24\)"),
        (toy.offer("nan", with_value(np.nan)), r"NaN or infinite one at \(3, 2, 1\)"),
        (toy.offer("inf", with_value(np.inf)), r"NaN or infinite one at \(3, 2, 1\)"),
        (toy.offer("negative", with_value(-1)), r"negative one at \(3, 2, 1\)"),
        (toy.offer("complex", changed(lambda r: r * 1j)), "found complex128"),
        (toy.offer("boolean", changed(lambda r: r > 0)), "found bool"),
        (toy.offer("objects", changed(lambda r: r.astype(object))), "found object"),
        (toy.offer("list", changed(lambda r: r.tolist())), "TypeError: .*NumPy array, found list"),
        (toy.offer("none", lambda c, seed: None), "TypeError: .*found NoneType"),
        (toy.offer("factory", factory=no_factory), "ValueError: no such weights"),
        (toy.offer("import", factory=no_module), "ModuleNotFoundError: .*no_such_package_at_all"),
        (toy.offer("nothing", factory=lambda context: None), "AttributeError"),
        (toy.offer("memory", lambda c, seed: (_ for _ in ()).throw(MemoryError())), "MemoryError"),
    ]


def test_failing_models_fail_alone_and_in_one_line(toy, toy_file, tmp_path):
    broken = broken_models(toy)
    offers = [toy.offer("good"), *(offer for offer, _ in broken), toy.offer("late", toy.bright)]
    result = toy.run(toy.registry(*offers), toy_file, tmp_path / "out")
    assert [model["name"] for model in result["models"]] == [offer.name for offer in offers]
    for offer, message in broken:
        model = entry(result, offer.name)
        assert model["status"] == "failed", offer.name
        assert "\n" not in model["error"]
        with pytest.raises(ValueError, match=message):
            raise ValueError(model["error"])
        assert not {"ws", "empty", "quartiles"} & model.keys()
    toy.run(toy.registry(offers[0], offers[-1]), toy_file, tmp_path / "alone")
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "alone")


def test_a_model_that_fails_in_its_second_run_has_no_score(toy, toy_file, tmp_path):
    calls = Calls(toy.flat)

    def late(conditions, seed):
        if len(calls.seen) == 1:
            raise RuntimeError("late")
        return calls(conditions, seed)

    result = toy.run(toy.registry(toy.offer("late", late)), toy_file, tmp_path)
    assert entry(result, "late")["status"] == "failed"
    assert rows_of(tmp_path) == []
    after = toy.run(toy.registry(toy.offer("late", calls)), toy_file, tmp_path)
    assert entry(after, "late")["status"] == "ok"
    assert len(calls.seen) == 2


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda scored: 1 / 0, "ZeroDivisionError"),
        (lambda scored: [Value("all", "mean", math.nan)], "'broken' should give finite values"),
        (lambda scored: [Value("all", "mean", math.inf)], "'broken' should give finite values"),
        (lambda scored: [Value("q1", "mean", 1.0)], "'broken' gives no value of subset 'all'"),
        (lambda scored: [], "'broken' gives no value"),
        (lambda scored: None, "TypeError"),
        (lambda scored: ["text"], "should give Value records, found str"),
        (lambda scored: [Value("all", "mean", "high")], "TypeError"),
        (lambda scored: [Value("all", "mean", 1 + 0j)], "'broken' should give real numbers"),
        (lambda scored: [Value("all", "mean", np.ones(1))], "'broken' should give real numbers"),
        (lambda scored: [Value("all", "mean", True)], "'broken' should give real numbers"),
        (lambda scored: [Value("all", "mean", 1.0)] * 2, "gives two values of subset and channel"),
        (lambda scored: [Value("all", None, 1.0)], "should name subset and channel by texts"),
        (lambda scored: [Value("all", "mean", 1.0), Value("floor", "x", 1.0)], "gives a subset 'floor'"),
    ],
)
def test_a_failing_metric_is_named_in_one_line_and_the_others_stay(
    toy, toy_file, tmp_path, function, message
):
    broken = Metric("broken", "Broken", "", 1, function)
    made = toy.registry(toy.offer("a"), toy.offer("b"), metrics=(WASSERSTEIN, EMPTY, broken))
    result = toy.run(made, toy_file, tmp_path)
    for model in result["models"]:
        assert model["status"] == "ok"
        assert model["broken"]["mean"] is None
        assert message in model["broken"]["problem"]
        assert "\n" not in model["broken"]["problem"]
        assert model["ws"]["mean"] > 0
    assert {row["metric"] for row in rows_of(tmp_path)} == {"ws", "empty"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"notes": "one text"}, "notes should be a tuple of texts, found 'one text'"),
        ({"training_record": {"history": [1]}}, "training_record.history[0] should be an object, found 1"),
        ({"training_record": {"steps": "many"}}, "training_record.steps should be a finite number"),
        ({"execution": {"batch": "x"}}, "execution.batch should be a whole number of 0 or more, found 'x'"),
        ({"trained_on": TrainedOn("x", "particle", 0, 0.2, np.ma.array([1]))}, "gives a masked array"),
    ],
)
def test_what_a_simulator_says_of_itself_fails_it_and_not_the_run(toy, toy_file, tmp_path, said, message):
    odd = toy.offer("odd", factory=lambda context: toy.Generates(toy.flat, **said))
    result = toy.run(toy.registry(odd, toy.offer("flat")), toy_file, tmp_path)
    assert message in entry(result, "odd")["error"]
    assert entry(result, "flat")["status"] == "ok"


def test_a_metrics_numbers_may_be_of_any_real_kind(toy, toy_file, tmp_path):
    metric = Metric("single", "Single", "", 1, lambda scored: [Value("all", "mean", np.float32(0.5))])
    result = toy.run(toy.registry(toy.offer("flat"), metrics=(metric,)), toy_file, tmp_path)
    assert entry(result, "flat")["single"]["runs"] == [0.5, 0.5]


def test_a_third_partys_metric_is_in_the_result(toy, toy_file, tmp_path):
    def photons(scored):
        yield Value("all", "mean", float(scored.generated_photons.mean()))
        yield Value("q4", "mean", 7.0)

    metric = Metric("photons", "Mean photons", "photons", 3, photons, better="higher")
    result = toy.run(toy.registry(toy.offer("flat"), metrics=(WASSERSTEIN, metric)), toy_file, tmp_path)
    assert result["protocol"]["metrics"] == {"ws": 1, "photons": 3}
    model = entry(result, "flat")
    assert set(model["photons"]) == {"mean", "std", "runs", "floor"}
    assert model["quartiles"]["photons"] == [{"mean": None, "std": None}] * 3 + [{"mean": 7.0, "std": 0.0}]


# Leaks


def trained_offer(toy, name, **trained):
    made = TrainedOn(**{"split": "particle", "split_seed": 0, "test_fraction": 0.2, **trained})
    return toy.offer(name, factory=lambda context: toy.Generates(toy.flat, trained_on=made))


def test_leaks(toy, toy_file, test_part, tmp_path):
    with Dataset(toy_file) as data:
        own = data.fingerprint
        test = selected(data.particle, "particle", 0, 0.2)
        training = particle_hashes(data.conditions[~test])
        everything = particle_hashes(data.conditions)
    made = toy.registry(
        trained_offer(toy, "own", dataset=own, particles=training),
        trained_offer(toy, "own-unknown", dataset=own),
        trained_offer(toy, "other-seed", dataset=own, split_seed=1, particles=everything),
        trained_offer(toy, "other-seed-unknown", dataset=own, split_seed=1),
        trained_offer(toy, "other-file", dataset="bbbb", particles=everything),
        trained_offer(toy, "other-data", dataset="bbbb", particles=training),
        trained_offer(toy, "other-data-unknown", dataset="bbbb"),
        toy.offer("untold", factory=lambda context: toy.Generates(toy.flat, trained_on=None)),
    )
    result = toy.run(made, toy_file, tmp_path)
    leaking = ["other-seed", "other-seed-unknown", "other-file"]
    other = "trained on other data"
    for model in result["models"]:
        assert model["status"] == ("failed" if model["name"] in leaking else "ok"), model["name"]
        if model["name"] in leaking:
            assert "leak" in model["error"]
            assert "--allow-leak" in model["error"]
            assert "\n" not in model["error"]
        else:
            assert model["marks"] == ([other] if model["name"].startswith("other-data") else [])
    assert "8 of the 8 test particles" in entry(result, "other-file")["error"]

    allowed = toy.run(made, toy_file, tmp_path, allow_leak=True)
    assert {model["status"] for model in allowed["models"]} == {"ok"}
    seen = "scored on particles that it was trained on"
    marks = {model["name"]: model["marks"] for model in allowed["models"]}
    assert marks == {
        "own": [],
        "own-unknown": [],
        "other-seed": [seen],
        "other-seed-unknown": [seen],
        "other-file": [seen, other],
        "other-data": [other],
        "other-data-unknown": [other],
        "untold": [],
    }
    assert allowed["settings"]["allow_leak"] is True
