"""What plugins offer, and what their functions give: named and skipped, and all else goes on."""

from dataclasses import fields, replace

import numpy as np
import pytest
from fuzzing import ODD, TIMES, called, tried, tries
from hypothesis import given
from hypothesis import strategies as st
from toy_runs import entry

from simbench.harness.hooks import (
    ChannelMap,
    DatasetReader,
    Feature,
    Metric,
    Observable,
    ReportFormat,
    Sweep,
    TrainedOn,
    Value,
)
from simbench.harness.plugin.registry import Source

LISTS = ("models", "detectors", "datasets", "readers", "metrics", "observables", "sweeps", "formats")


def one(scored):
    return [Value("all", "mean", 1.0)]


@pytest.fixture(scope="module")
def good(toy):
    """A record of each kind, by its hook."""
    return {
        "simulators": toy.offer("mine"),
        "detectors": replace(toy.detector, name="mine"),
        "datasets": replace(toy.maker(), name="mine"),
        "readers": DatasetReader("mine", "Mine", "FILE", lambda request: iter(()), "mine"),
        "metrics": Metric("mine", "Mine", "", 1, one),
        "sweeps": Sweep("mine", "Mine", ("size",), list),
        "reports": ReportFormat("mine", "report.mine", lambda tables: "mine\n"),
    }


@tries(15)
@given(data=st.data())
def test_odd_records(toy, toy_file, good, tmp_path_factory, data):
    kind = data.draw(st.sampled_from(sorted(good)))
    record = good[kind]
    for _ in range(data.draw(st.integers(1, 2))):
        field = data.draw(st.sampled_from([each.name for each in fields(record)]))
        record = replace(record, **{field: data.draw(ODD)})
    if kind == "detectors" and data.draw(st.booleans()):
        masks = data.draw(st.sampled_from([np.ones((1, 4, 6), bool), np.ones((1, 6, 4)), np.ones(3, bool)]))
        record = replace(record, channels={"a": ChannelMap(("a",), masks)}, default_channels="a")
    made = toy.registry(toy.offer("flat"))
    made.add(toy.plugin(**{kind: [record, good[kind]]}), Source("theirs", "1"))
    assert all("\n" not in problem and "theirs 1" in problem for problem in made.problems)
    assert "mine" in getattr(made, kind).records
    for what in LISTS:
        called(made, "list", what)
    if kind in ("metrics", "simulators"):
        result = toy.run(made, toy_file, tmp_path_factory.mktemp("out"), metrics=["all"], runs=1)
        assert entry(result, "flat")["status"] == "ok"


RESPONSES = st.sampled_from(
    [
        lambda good: good.astype(np.float64) * 1.5,
        lambda good: good.astype(np.float16),
        lambda good: good.astype(np.uint64),
        lambda good: good.astype(">i4"),
        lambda good: np.asfortranarray(good),
        lambda good: np.broadcast_to(good[:1], good.shape),
        lambda good: good[::-1][::-1],
        lambda good: good.view(type("Mine", (np.ndarray,), {})),
        lambda good: np.ma.masked_equal(good, 0),
        lambda good: good.astype(object),
        lambda good: good.astype(bool),
        lambda good: good.astype(complex),
        lambda good: good.astype(str),
        lambda good: -good,
        lambda good: good * np.nan,
        lambda good: good * np.inf,
        lambda good: good.swapaxes(1, 2),
        lambda good: good[:-1],
        lambda good: good[:, None],
        lambda good: good.tolist(),
        lambda good: good.astype(np.float64) * 1e300,
        lambda good: None,
        lambda good: iter(good),
    ]
)
ATTRIBUTES = ("notes", "execution", "training_record", "trained_on", "fingerprint", "route")
SAID = st.one_of(
    ODD,
    st.sampled_from(
        [
            {"history": [1]},
            {"history": "text"},
            {"history": [{"losses": 5}]},
            {"history": [{"experts": [1]}]},
            {"steps": "many"},
            {"engine": 5, "batch": "x"},
            {"seed": 7, "model": "other", "weights": None},
            TrainedOn("x", "particle", 0, 0.2, np.ma.array([1, 2], mask=[0, 1])),
            TrainedOn(None, None, None, None),
            lambda conditions: np.ma.zeros(len(conditions), int),
            lambda conditions: np.zeros(len(conditions)) - 1,
            lambda conditions: np.zeros((len(conditions), 1), int),
            lambda conditions: "text",
        ]
    ),
)


@tries(20)
@given(data=st.data())
def test_odd_simulators(toy, toy_file, tmp_path_factory, data):
    """Whatever a simulator answers and says of itself: it is scored, or failed with a line; others go on."""
    turned = data.draw(st.one_of(st.just(lambda good: good), RESPONSES))
    said = data.draw(st.dictionaries(st.sampled_from(ATTRIBUTES), SAID, max_size=2))
    odd = toy.offer(
        "odd", factory=lambda context: toy.Generates(lambda c, seed: turned(toy.flat(c, seed)), **said)
    )
    made = toy.registry(odd, toy.offer("flat"))
    out = tmp_path_factory.mktemp("out")
    result = toy.run(made, toy_file, out, runs=1)
    assert entry(result, "flat")["status"] == "ok"
    formats = ("--format", "json") if not TIMES else ("--format", "html", "--out", out / "page")
    status, _ = called(made, "report", out, *formats)
    assert status == 0


NUMBERS = st.one_of(
    ODD, st.sampled_from([np.float32(1), np.int8(1), np.bool_(1), 1 + 0j, "1", np.array([1.0])])
)


@tries(10)
@given(data=st.data())
def test_odd_metrics(toy, toy_file, tmp_path_factory, data):
    """What a metric gives costs its own column at most."""
    places = st.one_of(st.sampled_from(["all", "mean", "q1", "runs", "channels", "mine"]), ODD)
    values = data.draw(st.lists(st.builds(Value, places, places, NUMBERS, NUMBERS), max_size=3))
    values = [Value("all", "mean", data.draw(NUMBERS)), *values, *data.draw(st.lists(ODD, max_size=1))]
    metric = Metric("odd", "Odd", "", 1, lambda scored: values)
    made = toy.registry(toy.offer("flat"), metrics=[Metric("good", "Good", "", 1, one), metric])
    out = tmp_path_factory.mktemp("out")
    result = toy.run(made, toy_file, out, runs=1)
    assert entry(result, "flat")["good"]["mean"] == 1
    for command in (("leaderboard", out, "--by", "good"), ("compare", out, out)):
        called(made, *command)


@tries(15)
@given(data=st.data())
def test_odd_observables_and_features(toy, data):
    """An observable or feature that is not sound costs itself, or the detector, and nothing else."""
    function = data.draw(st.one_of(ODD, st.just(lambda responses: data.draw(ODD))))
    odd = Observable(data.draw(ODD), data.draw(ODD), "x", function)
    feature = Feature(data.draw(ODD), data.draw(ODD))
    detectors = [
        replace(toy.detector, name="observed", observables=(odd, *toy.detector.observables)),
        replace(toy.detector, name="featured", features=(feature,)),
    ]
    made = toy.registry(toy.offer("flat"))
    made.add(toy.plugin(detectors=detectors), Source("theirs", "1"))
    assert "toy" in made.detectors.records
    assert "observed" in made.detectors.records
    tried["observables and features"] += 1
    called(made, "list", "observables")
