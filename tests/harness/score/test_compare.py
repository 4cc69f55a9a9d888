"""Comparisons of two runs: what is called a regression, and what never is."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from scipy.stats import ttest_ind

from simbench.harness.errors import UserError
from simbench.harness.metrics.tools.replicates import mean_replicates
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.folder import REFERENCE, RunFolder, load_unit, save_unit, unit_path
from simbench.harness.record.slim import slim
from simbench.harness.score.compare import BETTER, NO_CHANGE, NOT_COMPARABLE, REGRESSION, compare
from simbench.harness.score.speed import speed

pytestmark = pytest.mark.slow

KNOWN = {"ws": WASSERSTEIN, "empty": EMPTY}


class Weighted:
    """A toy model with weights, the brightness of each pixel; a share of its responses may be dark."""

    def __init__(self, toy, noise=0.0, dark=0.0):
        self.weights = np.exp(np.random.default_rng(9).normal(0, noise, (6, 4)))
        self.toy, self.dark = toy, dark

    def generate(self, conditions, *, seed):
        responses = self.toy.flat(conditions, seed, self.weights)
        responses[:, 0, 0] += 1
        responses[np.random.default_rng(seed).random(len(responses)) < self.dark] = 0
        return responses


@pytest.fixture(scope="module")
def data(toy, tmp_path_factory):
    """Of 300 particles, 60 are for the test, with 5 responses each."""
    return toy.write(tmp_path_factory.mktemp("compare") / "toy.h5", toy.responses(300, 5))


@pytest.fixture(scope="module")
def run(toy, data, tmp_path_factory):
    """``run(seed, noise)``: a run of the toy model with this much noise on its weights, and of ``flat``."""

    def make(seed=0, noise=0.0, dark=0.0, metrics=(WASSERSTEIN, EMPTY), **asked):
        offers = toy.offer("weighted", factory=lambda _: Weighted(toy, noise, dark)), toy.offer("flat")
        out = tmp_path_factory.mktemp("run")
        toy.run(toy.registry(*offers, metrics=metrics), data, out, seed=seed, **asked)
        return RunFolder(out)

    return make


@pytest.fixture(scope="module")
def base(run):
    return run()


@pytest.fixture
def copied(base, tmp_path):
    """A copy of the base run, with its result changed by a function."""

    def copy(change=lambda result: None, name="copy"):
        shutil.copytree(base.path, tmp_path / name)
        result = json.loads((tmp_path / name / "result.json").read_text())
        change(result)
        (tmp_path / name / "result.json").write_text(json.dumps(result))
        return RunFolder(tmp_path / name)

    return copy


def verdicts(found):
    return {(change.model, change.metric): change.verdict for change in found.changes}


def test_a_run_is_no_different_from_itself(base):
    found = compare(base, base, KNOWN)
    assert set(verdicts(found).values()) == {NO_CHANGE}
    assert found.status == 0
    assert all(change.difference.change == 0 and change.adjusted == 1 for change in found.changes)


def test_noise_on_the_weights_trips_the_gate(base, run):
    found = compare(base, run(seed=1, noise=0.3), KNOWN)
    assert verdicts(found)["weighted", "ws"] == REGRESSION
    assert found.status == 3
    assert [change.model for change in found.having(REGRESSION)] == ["weighted"]


def test_the_other_way_round_it_is_better(base, run):
    found = compare(run(seed=1, noise=0.3), base, KNOWN)
    assert verdicts(found)["weighted", "ws"] == BETTER
    assert found.status == 0


def test_an_unchanged_model_with_the_same_seed_has_not_changed_at_all(base, run):
    same, other = (compare(base, run(seed=seed), KNOWN).changes[0] for seed in (0, 1))
    assert same.difference.change == 0
    assert other.difference.change != 0


def test_a_slim_folder_compares_as_the_whole_one(base, run, copied):
    new, small = run(seed=1, noise=0.3), copied()
    slim(small.path)
    sizes = [sum(f.stat().st_size for f in (path / "units").iterdir()) for path in (base.path, small.path)]
    assert sizes[1] < sizes[0]
    for first, second in ((base, new), (new, base)):
        whole = compare(first, second, KNOWN)
        pair = [small if one is base else one for one in (first, second)]
        changes = compare(*pair, KNOWN).changes
        assert [one.difference for one in changes] == [one.difference for one in whole.changes]


def test_reruns_with_another_seed_raise_at_most_1_alarm_in_50(base, run):
    found = [compare(base, run(seed=seed), KNOWN) for seed in range(1, 51)]
    assert sum(one.status == 3 for one in found) <= 1
    assert sum(bool(one.having(BETTER)) for one in found) <= 1
    assert len({one.changes[0].difference.change for one in found}) > 40  # re-runs, not copies


def test_the_standard_error_is_no_smaller_than_the_true_one(base, run):
    """... of a change between seeds, and not so large that nothing would ever be seen."""
    means = [run(seed=seed).result["models"][0]["ws"]["mean"] for seed in range(100, 130)]
    true = np.sqrt(2) * np.std(means, ddof=1)
    errors = [compare(base, run(seed=seed), KNOWN).changes[0].difference.error for seed in range(1, 5)]
    assert 0.9 * true < np.mean(errors) < 2.5 * true


def test_a_tolerance_of_its_own_for_each_metric(base, run):
    new = run(seed=1, noise=0.3)
    percent = next(c.percent for c in compare(base, new, KNOWN).changes if c.model == "weighted")
    assert percent > 0
    for tolerance, verdict in ((percent * 0.99, REGRESSION), (percent * 1.01, NO_CHANGE)):
        found = compare(base, new, KNOWN, {"ws": tolerance})
        assert verdicts(found)["weighted", "ws"] == verdict
    assert verdicts(compare(base, new, KNOWN, {"empty": 1e9}))["weighted", "ws"] == REGRESSION


def test_the_level_is_shared_by_all_that_is_tested(base, run):
    found = compare(base, run(seed=1), KNOWN)
    raw = sorted(change.difference.p for change in found.changes)
    assert min(change.adjusted for change in found.changes) == pytest.approx(min(1, 4 * raw[0]))


def test_a_base_of_zero_has_no_percentage_and_any_worsening_counts(base, run):
    found = compare(base, run(seed=1, dark=0.1), KNOWN, {"empty": 50})
    (change,) = [c for c in found.changes if (c.model, c.metric) == ("weighted", "empty")]
    assert change.base.mean == 0
    assert change.new.mean == pytest.approx(0.1, abs=0.03)
    assert change.percent is None
    assert change.verdict == REGRESSION


def test_models_that_are_missing_or_failed_are_told(base, copied):
    def fail(result):
        result["models"][0] |= {"status": "failed", "error": "ValueError: no"}

    def lose(result):
        del result["models"][0]

    for change, reason in ((fail, "failed in the new run: ValueError: no"), (lose, "not in the new run")):
        found = compare(base, copied(change, change.__name__), KNOWN)
        first = next(c for c in found.changes if c.model == "weighted")
        assert (first.verdict, first.reason) == (NOT_COMPARABLE, reason)
        assert verdicts(found)["flat", "ws"] == NO_CHANGE
        assert (found.lost, found.status) == (("weighted",), 1)


def test_a_model_that_only_the_new_run_has_is_no_fault(base, copied):
    older = copied(lambda result: result["models"].pop())
    found = compare(older, base, KNOWN)
    assert verdicts(found)["flat", "ws"] == NOT_COMPARABLE
    assert (found.lost, found.status) == ((), 0)


def test_a_regression_outranks_a_lost_model(base, run):
    new = run(seed=1, noise=0.3)
    new.result["models"] = [model for model in new.result["models"] if model["name"] != "flat"]
    found = compare(base, new, KNOWN)
    assert found.lost == ("flat",)
    assert found.status == 3


def test_lost_units_are_not_passed_over(base, copied):
    new = copied()
    unit_path(new.path / "units", "flat", "run1").unlink()
    found = compare(base, new, KNOWN)
    (ws, _) = [change for change in found.changes if change.model == "flat"]
    assert ws.reason.startswith("in the new run: ValueError: the responses of run 1 are not in ")
    assert found.status == 1


@pytest.mark.parametrize("asked", [{"limit": 200}, {"channels": "halves"}, {"split_seed": 1}])
def test_runs_of_another_protocol_are_refused_by_the_fields_name(base, run, asked):
    with pytest.raises(UserError, match=f"differ in '{next(iter(asked))}'"):
        compare(base, run(**asked), KNOWN)


def test_runs_may_differ_in_number_and_seed(base, run):
    assert compare(base, run(seed=3, runs=1), KNOWN).status == 0
    assert compare(run(runs=1), run(seed=3, runs=1), KNOWN).status == 0


def without_particles(folder):
    path = folder.path / "units" / REFERENCE
    save_unit(path, dataclasses.replace(load_unit(path), particle=None), {})
    return folder


def test_folders_of_before_the_particles_were_kept(base, copied, toy, data):
    old, older = without_particles(copied(name="a")), without_particles(copied(name="b"))
    assert compare(base, old, KNOWN).status == 0  # one of the two is enough
    with pytest.raises(UserError, match="older version wrote it") as error:
        compare(old, older, KNOWN)
    assert "\n" not in str(error.value)


def test_other_reference_responses_are_refused(base, copied):
    new = copied()
    path = new.path / "units" / REFERENCE
    unit = load_unit(path)
    save_unit(path, dataclasses.replace(unit, sums=unit.sums + 1), {})
    with pytest.raises(UserError, match="reference responses of the runs differ"):
        compare(base, new, KNOWN)


def test_a_folder_without_units_is_refused(base, copied):
    new = copied()
    shutil.rmtree(new.path / "units")
    with pytest.raises(UserError, match="the whole folder of a run is needed"):
        compare(base, new, KNOWN)


@pytest.mark.parametrize(
    ("tolerances", "confidence", "words"),
    [
        ({"wz": 1}, 0.99, "unknown metric 'wz'; the runs have ws, empty, speed"),
        ({"ws": -1}, 0.99, "a percentage of 0 or more, found -1"),
        ({"ws": float("nan")}, 0.99, "a percentage of 0 or more, found nan"),
        ({}, 1.0, "above 0.5 and below 1, found 1"),
        ({}, 0.01, "above 0.5 and below 1, found 0.01"),
    ],
)
def test_numbers_out_of_range(base, tolerances, confidence, words):
    with pytest.raises(UserError, match=words):
        compare(base, base, KNOWN, tolerances, confidence)


def test_a_metric_that_is_unknown_here_or_of_another_version(base):
    with pytest.raises(UserError, match="metric 'empty' is not offered by any plugin here"):
        compare(base, base, {"ws": WASSERSTEIN})
    newer = dataclasses.replace(EMPTY, version=2)
    with pytest.raises(UserError, match="metric 'empty': version 2 here, 1 in the runs"):
        compare(base, base, {"ws": WASSERSTEIN, "empty": newer})


# A plugin's metric


def photons(scored):
    yield Value("all", "mean", float(scored.generated_photons.mean()))


SLOW = Metric("photons", "Mean photons", "photons", 1, photons, better="higher")


def test_any_metric_is_resampled_and_more_may_be_better(run):
    """The jackknife of a plugin's function tells what the bootstrap of its short cut does."""
    dim, bright = (run(seed=seed, metrics=(SLOW,)) for seed in (0, 1))
    found = compare(dim, bright, {"photons": SLOW})
    fast = dataclasses.replace(
        SLOW, resampled=lambda scored, drawn: mean_replicates(scored.generated_photons, drawn)
    )
    short = compare(dim, bright, {"photons": fast})
    for one, other in zip(found.changes, short.changes, strict=True):
        assert one.difference.error == pytest.approx(other.difference.error, rel=0.5)
    bright.result["models"][0]["photons"]["runs"] = [1.0, 1.0]
    assert verdicts(compare(dim, bright, {"photons": SLOW}))["weighted", "photons"] == REGRESSION


def test_what_scores_the_first_run_only_is_compared_where_a_tolerance_names_it(run):
    first = dataclasses.replace(SLOW, name="first", runs=1)
    base, new = (run(seed=seed, metrics=(WASSERSTEIN, first)) for seed in (0, 1))
    known = {"ws": WASSERSTEIN, "first": first}
    assert {change.metric for change in compare(base, new, known).changes} == {"ws"}
    found = compare(base, new, known, {"first": 5})
    (change, _) = [change for change in found.changes if change.metric == "first"]
    assert change.verdict == NO_CHANGE
    assert len(change.base.runs) == 1
    assert change.difference.error > 0
    assert change.visible > 2 * change.difference.error


def test_a_metric_that_has_no_value_on_a_part_goes_by_the_spread_of_the_runs(run):
    def whole(scored):
        if len(scored.particle) < 300:
            raise ValueError("too few")
        yield from photons(scored)

    metric = dataclasses.replace(SLOW, function=whole)
    base, new = (run(seed=seed, metrics=(metric,), runs=3) for seed in (0, 1))
    change = compare(base, new, {"photons": metric}).changes[0]
    assert change.base.replicates is None
    runs = [each.result["models"][0]["photons"]["runs"] for each in (base, new)]
    assert change.difference.p == pytest.approx(ttest_ind(*runs).pvalue)
    once = run(seed=2, metrics=(dataclasses.replace(metric, runs=1),))
    known = {"photons": dataclasses.replace(metric, runs=1)}
    change = compare(once, once, known, {"photons": 1}).changes[0]
    assert (change.verdict, "no known noise" in change.reason) == (NOT_COMPARABLE, True)


def test_a_metric_that_breaks_is_named(base):
    def breaks(scored, resampling):
        raise RuntimeError("no such thing")

    broken = dataclasses.replace(EMPTY, resampled=breaks)
    found = compare(base, base, {"ws": WASSERSTEIN, "empty": broken})
    assert verdicts(found)["flat", "ws"] == NO_CHANGE
    (change, _) = found.having(NOT_COMPARABLE)
    assert change.reason == "in the base run: RuntimeError: no such thing"
    assert found.status == 1


# Speed


@pytest.fixture
def timed(base):
    """The base run as if timed: seconds of the model, and of the workload, in each repeat."""

    def make(seconds, workload=(1.0, 1.1, 0.9, 1.0, 1.05), **settings):
        folder = RunFolder(base.path)
        folder.result["settings"] |= settings
        record = {"repeats": list(np.multiply(seconds, workload)), "workload": list(workload)}
        for model in folder.result["models"]:
            model["timing"] = {"cpu": record}
        return folder

    return make


STEADY = np.array([2.0, 2.02, 1.98, 2.01, 1.99])


def test_speed_is_compared_only_if_asked_for(timed):
    slower = timed(3 * STEADY)
    assert compare(timed(STEADY), slower, KNOWN).status == 0
    found = compare(timed(STEADY), slower, KNOWN, {"speed": 30})
    assert found.status == 3
    assert {change.metric for change in found.having(REGRESSION)} == {"speed"}
    assert found.having(REGRESSION)[0].percent == pytest.approx(200)
    assert compare(timed(STEADY), slower, KNOWN, {"speed": 300}).status == 0


def test_a_slower_machine_is_no_slower_model(timed):
    """Both the model and the workload take three times as long."""
    slower = timed(STEADY, np.multiply(3, (1.0, 1.1, 0.9, 1.0, 1.05)))
    assert compare(timed(STEADY), slower, KNOWN, {"speed": 0}).status == 0


@pytest.mark.parametrize(("name", "first", "second"), [("threads", 1, 2), ("device", "cpu", "cuda")])
def test_speeds_of_another_device_or_number_of_threads_are_refused(timed, name, first, second):
    pair = timed(STEADY, **{name: first}), timed(STEADY, **{name: second})
    with pytest.raises(UserError, match=f"the runs differ in '{name}': {first} against {second}"):
        compare(*pair, KNOWN, {"speed": 10})


def test_what_was_not_timed_cannot_be_compared(base, timed):
    found = compare(base, timed(STEADY), KNOWN, {"speed": 10})
    assert "not timed: the run needs --timing" in found.having(NOT_COMPARABLE)[0].reason
    assert found.status == 1
    older = timed(STEADY)
    for model in older.result["models"]:
        model["timing"]["cpu"].pop("workload", None)
    assert "timed by an older version" in compare(older, older, KNOWN, {"speed": 1}).changes[-1].reason
    once = timed([2.0], [1.0])
    assert "no known noise" in compare(once, once, KNOWN, {"speed": 1}).changes[-1].reason


def test_a_run_with_timing_records_the_workload(run):
    folder = run(timing="full")
    record = folder.result["models"][0]["timing"]["cpu"]
    assert len(record["workload"]) == len(record["repeats"])
    assert min(record["workload"]) > 0
    assert speed(folder, folder.result["models"][0]).mean > 0
