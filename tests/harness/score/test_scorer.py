"""Scoring as tasks: floors, metrics that are late or lack something, and the responses themselves."""

import time

import numpy as np
import pytest

from simbench.harness.data.split import selected
from simbench.harness.errors import TooFewError
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN, wasserstein
from simbench.harness.plugin.metric import Metric, Scored, Value
from simbench.harness.processes.executors import Local
from simbench.harness.processes.workers import LATE, Reply
from simbench.harness.record.folder import RunFolder
from simbench.harness.score.rescore import rescored
from simbench.harness.score.scorer import score_all


def entry(result, name):
    return next(model for model in result["models"] if model["name"] == name)


def same(scored):
    """Whether the blocks are the responses that the sums are of."""
    blocks = list(scored.blocks())
    for place, photons in ((0, scored.reference_photons), (1, scored.generated_photons)):
        sums = np.concatenate([pair[place].sum(axis=(1, 2)) for pair in blocks])
        np.testing.assert_array_equal(sums, photons)
    yield Value("all", "mean", float(len(blocks)))


WHOLE = Metric("whole", "Whole", "", 1, same, needs=("responses",))


def test_responses_are_kept_only_where_asked_for_and_read_back_exactly(toy, toy_file, tmp_path):
    made = toy.registry(toy.offer("flat"), metrics=(WHOLE,))
    without = entry(toy.run(made, toy_file, tmp_path / "a"), "flat")["whole"]
    assert (without["mean"], without["problem"]) == (None, "not measured: run with --keep responses")
    kept = entry(toy.run(made, toy_file, tmp_path / "a", keep=("responses",)), "flat")["whole"]  # resumed
    assert (kept["mean"], kept["runs"]) == (1, [1, 1])
    assert rescored(RunFolder(tmp_path / "a"), [WHOLE]).result["models"][0]["whole"]["runs"] == [1, 1]


def test_the_floor_is_the_reference_simulation(toy, toy_file, tmp_path):
    truth = toy.offer("truth", lambda conditions, seed: toy.flat(conditions, seed, 1.1), family="reference")
    result = toy.run(toy.registry(toy.offer("flat"), truth), toy_file, tmp_path)
    floor = entry(result, "truth")["ws"]["mean"]
    assert [entry(result, name)["ws"]["floor"] for name in ("flat", "truth")] == [floor, floor]


def test_without_one_it_is_one_half_of_the_repeats_beside_the_other(toy, toy_file, tmp_path):
    result = toy.run(toy.registry(toy.offer("flat"), metrics=(WASSERSTEIN, EMPTY)), toy_file, tmp_path)
    data = toy.responses()
    test = selected(data.particle, "particle", 0, 0.2)
    showers = data.showers[test].reshape(-1, 5, 6, 4)[
        :, :4
    ]  # five repeats of each particle: the last is left out
    halves = (showers[:, part::2].reshape(-1, 6, 4) for part in (0, 1))
    first, second = ([half[:, 2 * k : 2 * k + 2].sum(axis=(1, 2)) for k in range(3)] for half in halves)
    expected = np.mean([wasserstein(*pair) for pair in zip(first, second, strict=True)])
    assert entry(result, "flat")["ws"]["floor"] == pytest.approx(expected, rel=1e-12)


def test_too_few_responses_are_no_failure(toy, toy_file, tmp_path):
    def few(scored):
        raise TooFewError("it needs 1000 particles")

    made = toy.registry(toy.offer("flat"), metrics=(Metric("few", "", "", 1, few), WASSERSTEIN))
    model = entry(toy.run(made, toy_file, tmp_path), "flat")
    assert model["few"]["problem"] == "not measured: it needs 1000 particles"
    assert model["ws"]["mean"] > 0


class Late(Local):
    """Says of every task of a metric that it took too long."""

    def __init__(self):
        super().__init__(lambda task: self.reply(task))
        self.asked = []

    def put(self, group, task, left=lambda: None):
        self.asked.append((task.metric, left()))
        super().put(group, task, left)

    def reply(self, task):
        if task.metric == "late":
            return Reply(reason=LATE)
        return Reply([Value("all", "mean", 1.0)], time.monotonic())


def test_a_metric_that_is_late_costs_its_own_column(tmp_path):
    metrics = [Metric(name, "", "", 1, print) for name in ("late", "ws")]
    executor = Late()
    found = score_all({"flat": 2}, metrics, tmp_path, {}, executor, timeout=7)
    assert found["flat"]["late"] == ([], "took longer than 7 s")
    assert [values[0].value for values in found["flat"]["ws"][0]] == [1.0, 1.0]
    assert set(executor.asked) == {("late", 7), ("ws", 7)}


def made_up(particle):
    rows = np.arange(len(particle), dtype=np.float64)
    return Scored(
        reference=rows[:, None],
        generated=-rows[:, None],
        reference_photons=rows,
        generated_photons=-rows,
        channels=("c",),
        min_photons=1,
        particle=np.array(particle),
    )


def test_halves_pair_the_repeats_of_a_particle():
    halves = made_up([7, 3, 7, 3, 7, 3, 9]).halves()  # the third of each, and the only one of 9, are left out
    assert halves.particle.tolist() == [3, 7]
    assert halves.reference_photons.tolist() == [1, 0]
    assert halves.generated_photons.tolist() == [3, 2]
    with pytest.raises(ValueError, match="no particle has two"):
        made_up([1, 2, 3]).halves()


def test_taking_rows_keeps_both_sides_together():
    taken = made_up([1, 1, 2, 2]).take(np.array([3, 0]))
    assert (taken.reference[:, 0].tolist(), taken.generated[:, 0].tolist()) == ([3, 0], [-3, 0])
    assert taken.particle.tolist() == [2, 1]


def test_what_a_metric_tells_besides_is_in_the_result(toy, toy_file, tmp_path):
    def leans(scored):
        yield from (Value("all", "mean", 0.9), Value("importance", "width_x", 0.2), Value("q1", "mean", 1.0))

    made = toy.registry(toy.offer("flat"), metrics=(Metric("auc", "AUC", "", 1, leans),))
    model = entry(toy.run(made, toy_file, tmp_path), "flat")
    assert model["auc"]["importance"] == {"width_x": {"mean": 0.2, "std": 0.0}}
    assert "q1" not in model["auc"]
