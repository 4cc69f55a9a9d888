"""Nothing in a run depends on its neighbours, and what is there is not made again."""

import os
from dataclasses import replace

import numpy as np
import pytest
from toy_runs import Calls, entry, rows_of

from simbench.harness import rng
from simbench.harness.data.split import selected
from simbench.harness.errors import UserError
from simbench.harness.metrics.wasserstein import WASSERSTEIN
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.result import read_result

# Independence and repeatability


def test_the_same_command_gives_the_same_bytes(toy, toy_file, tmp_path):
    for out in ("one", "two"):
        toy.run(toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright)), toy_file, tmp_path / out)
    first = (tmp_path / "one" / "scores.csv").read_bytes()
    assert first == (tmp_path / "two" / "scores.csv").read_bytes()
    toy.run(toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright)), toy_file, tmp_path / "two")
    assert first == (tmp_path / "two" / "scores.csv").read_bytes()


def test_neighbours_and_order_do_not_matter(toy, toy_file, tmp_path, small_chunks):
    def spoils(conditions, seed):
        np.random.seed(5)  # noqa: NPY002 - the global generator is what a neighbour might touch
        conditions[:] = 1e9
        raise RuntimeError

    made = toy.registry(
        toy.offer("flat"), toy.offer("bright", toy.bright), toy.offer("spoils", spoils), toy.offer("last")
    )
    scores = {}
    for place, models in enumerate((["all"], ["last,flat"], ["flat"], ["bright", "spoils", "last"])):
        out = tmp_path / str(place)
        toy.run(made, toy_file, out, models=models)
        for row in rows_of(out):
            key = tuple(value for name, value in row.items() if name != "value")
            scores.setdefault((row["model"], key), set()).add(row["value"])
    assert {model for model, _ in scores} == {"flat", "bright", "last"}
    assert {len(values) for values in scores.values()} == {1}


def test_models_of_equal_code_get_seeds_of_their_own(toy, toy_file, tmp_path):
    result = toy.run(toy.registry(toy.offer("flat"), toy.offer("other")), toy_file, tmp_path)
    assert entry(result, "flat")["ws"]["runs"] != entry(result, "other")["ws"]["runs"]


def test_conditions_passed_are_copies(toy, toy_file, test_part, tmp_path):
    def writes(conditions, seed):
        responses = toy.flat(conditions, seed)
        conditions[:] = np.nan
        return responses

    calls = Calls(writes)
    result = toy.run(
        toy.registry(toy.offer("writes", calls), toy.offer("flat")),
        toy_file,
        tmp_path,
        models=["writes", "flat"],
    )
    assert [model["status"] for model in result["models"]] == ["ok", "ok"]
    for conditions, _ in calls.seen:
        np.testing.assert_array_equal(conditions, test_part[1])


def test_chunks_of_4096_with_seeds_of_their_own(toy, tmp_path):
    path = toy.write(tmp_path / "large.h5", toy.responses(particles=4200))
    calls = Calls(toy.flat)
    toy.run(toy.registry(toy.offer("flat", calls)), path, tmp_path / "out", seed=3)
    assert [len(conditions) for conditions, _ in calls.seen] == [4096, 104] * 2
    expected = [rng.derive(3, "flat", run, chunk) for run in range(2) for chunk in range(2)]
    assert [seed for _, seed in calls.seen] == expected
    assert len(set(expected)) == 4
    made = toy.responses(particles=4200)
    test = made.conditions[selected(made.particle, "particle", 0, 0.2)]
    np.testing.assert_array_equal(np.concatenate([part for part, _ in calls.seen[:2]]), test)
    assert calls.seen[0][0].dtype == np.float32


def test_small_chunks_are_counted_from_the_start(toy, toy_file, tmp_path, small_chunks):
    calls = Calls(toy.flat)
    toy.run(toy.registry(toy.offer("flat", calls)), toy_file, tmp_path, runs=1)
    assert [len(conditions) for conditions, _ in calls.seen] == [16, 16, 8]


def test_a_metric_that_writes_to_its_arrays_hurts_no_other(toy, toy_file, tmp_path):
    def sorts(scored):
        for values in (scored.reference, scored.generated, scored.reference_photons):
            values[:] = 0
        yield Value("all", "mean", 0.0)

    metrics = (Metric("sorts", "", "", 1, sorts), WASSERSTEIN)
    made = toy.registry(toy.offer("flat"), toy.offer("late"), metrics=metrics)
    toy.run(made, toy_file, tmp_path / "a", metrics=["sorts", "ws"])
    toy.run(made, toy_file, tmp_path / "b", metrics=["ws"])
    scores = [[row for row in rows_of(tmp_path / out) if row["metric"] == "ws"] for out in ("a", "b")]
    statuses = {model["status"] for model in read_result(tmp_path / "a")["models"]}
    assert scores[0] == scores[1] or (statuses, scores[0]) == ({"failed"}, [])


# Resuming


def test_killed_half_way_and_started_again(toy, toy_file, tmp_path, small_chunks):
    whole = tmp_path / "whole"
    first, second = Calls(toy.flat), Calls(toy.bright)
    toy.run(toy.registry(toy.offer("a", first), toy.offer("b", second)), toy_file, whole, runs=3)
    assert (len(first.seen), len(second.seen)) == (9, 9)

    def killed(conditions, seed):
        if len(second.seen) == 5:  # the second chunk of the second run of the second model
            raise KeyboardInterrupt
        return toy.bright(conditions, seed)

    out = tmp_path / "killed"
    first, second = Calls(toy.flat), Calls(killed)
    made = toy.registry(toy.offer("a", first), toy.offer("b", second))
    with pytest.raises(KeyboardInterrupt):
        toy.run(made, toy_file, out, runs=3)
    assert len(first.seen) == 9
    assert not (out / "result.json").exists()
    assert not (out / "scores.csv").exists()
    with pytest.raises(UserError, match="has not finished; start it again"):
        read_result(out)

    first, second = Calls(toy.flat), Calls(toy.bright)
    made = toy.registry(toy.offer("a", first), toy.offer("b", second))
    toy.run(made, toy_file, out, runs=3)
    assert len(first.seen) == 0
    assert len(second.seen) == 6
    assert (out / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()
    assert not [name for _, _, names in os.walk(out) for name in names if name.endswith(".part")]


def again(toy, toy_file, out, **changed):
    """How many chunks are generated when a finished run of two runs is started again with a change."""
    toy.run(toy.registry(toy.offer("flat")), toy_file, out)
    calls = Calls(toy.flat)
    toy.run(toy.registry(toy.offer("flat", calls)), toy_file, out, **changed)
    return len(calls.seen)


@pytest.mark.parametrize(
    ("changed", "calls"),
    [
        ({}, 0),
        ({"runs": 1}, 0),
        ({"runs": 5}, 3),
        ({"metrics": ["empty"]}, 0),
        ({"seed": 1}, 2),
        ({"resume": False}, 2),
    ],
)
def test_only_what_is_missing_is_computed(toy, toy_file, tmp_path, changed, calls):
    assert again(toy, toy_file, tmp_path / "out", **changed) == calls
    request = {**changed, "resume": True}
    toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path / "fresh", **request)
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (tmp_path / "fresh" / "scores.csv").read_bytes()


def test_a_changed_seed_changes_the_scores(toy, toy_file, tmp_path):
    made = toy.registry(toy.offer("flat"))
    first = toy.run(made, toy_file, tmp_path, seed=0)
    second = toy.run(made, toy_file, tmp_path, seed=1)
    assert entry(first, "flat")["ws"]["runs"] != entry(second, "flat")["ws"]["runs"]
    assert second == read_result(tmp_path)


def test_a_run_that_is_killed_leaves_no_result_of_before(toy, toy_file, tmp_path):
    """An old result beside half of a new run would pass for the new one."""

    def killed(conditions, seed):
        raise KeyboardInterrupt

    toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        toy.run(toy.registry(toy.offer("flat", killed)), toy_file, tmp_path, seed=1)
    assert not (tmp_path / "result.json").exists()


def test_another_version_of_the_plugin_or_of_the_weights_is_computed_anew(toy, toy_file, tmp_path):
    def count(fingerprint):
        calls = Calls(toy.flat)
        offer = toy.offer("flat", factory=lambda context: toy.Generates(calls, fingerprint=fingerprint))
        toy.run(toy.registry(offer), toy_file, tmp_path)
        return len(calls.seen)

    assert [count("a"), count("a"), count("b")] == [2, 0, 2]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text"])
def test_a_damaged_unit_is_computed_anew(toy, toy_file, tmp_path, damage):
    toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path)
    before = (tmp_path / "scores.csv").read_bytes()
    (unit,) = (path for path in (tmp_path / "units").iterdir() if path.name == "flat-run1.npz")
    content = bytearray(unit.read_bytes())
    content[content.index(b"sums.npy") + 40] ^= 0xFF  # within what is compressed
    damaged = {"truncated": content[: len(content) // 2], "flipped": content, "empty": b"", "text": b"text"}
    unit.write_bytes(damaged[damage])
    calls = Calls(toy.flat)
    toy.run(toy.registry(toy.offer("flat", calls)), toy_file, tmp_path)
    assert len(calls.seen) == 1
    assert (tmp_path / "scores.csv").read_bytes() == before


def test_units_keep_sums_beyond_32_bits_and_fractions(toy, toy_file, tmp_path):
    for name, value in (("large", np.float32(2**33)), ("small", np.float32(0.3))):
        offer = toy.offer(name, lambda c, seed, value=value: np.full((len(c), 6, 4), value, np.float32))
        first = toy.run(toy.registry(offer), toy_file, tmp_path / name)
        second = toy.run(toy.registry(offer), toy_file, tmp_path / name)
        assert entry(first, name)["ws"]["mean"] is not None
        assert first == second


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"split_seed": 1}, "split_seed"),
        ({"split": "event"}, "split"),
        ({"limit": 20}, "limit"),
        ({"min_photons": 5}, "min_photons"),
        ({"channels": "halves"}, "channels"),
    ],
)
def test_a_folder_of_another_protocol_is_refused(toy, toy_file, tmp_path, changed, field):
    made = toy.registry(toy.offer("flat"))
    first = toy.run(made, toy_file, tmp_path)
    with pytest.raises(UserError, match=f"'{field}'") as error:
        toy.run(made, toy_file, tmp_path, **changed)
    assert str(tmp_path) in str(error.value)
    assert read_result(tmp_path) == first
    assert toy.run(made, toy_file, tmp_path, **changed, resume=False)["protocol"] != first["protocol"]


def test_a_folder_of_other_data_is_refused(toy, toy_file, tmp_path):
    made = toy.registry(toy.offer("flat"))
    toy.run(made, toy_file, tmp_path / "out")
    other = toy.write(tmp_path / "other.h5", toy.responses(seed=1))
    with pytest.raises(UserError, match="'dataset'"):
        toy.run(made, other, tmp_path / "out")


def test_a_metric_of_another_version_needs_no_new_generation(toy, toy_file, tmp_path):
    toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path)
    calls = Calls(toy.flat)
    newer = toy.registry(toy.offer("flat", calls), metrics=(replace(WASSERSTEIN, version=2),))
    assert toy.run(newer, toy_file, tmp_path)["protocol"]["metrics"] == {"ws": 2}
    assert calls.seen == []
