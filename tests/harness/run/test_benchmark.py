"""Runs of the benchmark: what they write, what they resume, and that nothing depends on its neighbours."""

import csv
import json
import math
import os
from dataclasses import replace

import h5py
import numpy as np
import pytest

from simbench.harness import rng
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.split import particle_hashes, selected
from simbench.harness.errors import UserError
from simbench.harness.hooks import TrainedOn
from simbench.harness.metrics.tools.replicates import mean_replicates
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN, wasserstein
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.folder import read_result
from simbench.harness.run import runner
from simbench.harness.score.evaluate import spread


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(out):
    with (out / "scores.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def entry(result, name):
    (found,) = (model for model in result["models"] if model["name"] == name)
    return found


class Calls:
    """Counts the calls of a generate function and keeps what it was given."""

    def __init__(self, generate):
        self.seen = []
        self._generate = generate

    def __call__(self, conditions, seed):
        self.seen.append((conditions.copy(), seed))
        return self._generate(conditions, seed)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(runner, "CHUNK", 16)  # 40 test rows: chunks of 16, 16 and 8


@pytest.fixture(scope="session")
def test_part(toy, toy_file):
    """The 40 test responses, found without the harness's own way to them."""
    made = toy.responses()
    test = selected(made.particle, "particle", 0, 0.2)
    return made.showers[test], made.conditions[test]


# What a run writes


def test_result_keys(toy, toy_file, tmp_path):
    result = toy.run(toy.registry(toy.offer("flat", family="toys", reference="here")), toy_file, tmp_path)
    assert result == json.loads((tmp_path / "result.json").read_text())
    assert result == read_result(tmp_path) == read_result(tmp_path / "result.json")
    expected = ["schema", "protocol", "settings", "dataset", "environment", "metrics", "command", "models"]
    assert list(result) == expected
    with Dataset(toy_file) as data:
        fingerprint = data.fingerprint
    assert result["protocol"] == {
        "detector": "toy",
        "dataset": fingerprint,
        "min_photons": 1,
        "split": "particle",
        "split_seed": 0,
        "test_fraction": 0.2,
        "limit": None,
        "channels": "thirds",
        "chunk_size": 4096,
        "metrics": {"ws": 1, "empty": 1},
    }
    assert result["settings"]["runs"] == 2
    assert result["settings"]["seed"] == 0
    assert result["settings"]["device"] == "cpu"
    assert result["dataset"] == {
        "responses": 200,
        "unit": "photons",
        "test_responses": 40,
        "test_particles": 8,
        "provenance": "made for a test",
    }
    assert result["metrics"]["ws"] == {
        "title": "Wasserstein score",
        "unit": "photons",
        "version": 1,
        "better": "lower",
        "meaning": WASSERSTEIN.meaning,
    }
    (model,) = result["models"]
    assert model["name"] == "flat"
    assert model["status"] == "ok"
    assert model["error"] is None
    assert model["title"] == "The flat"
    assert model["family"] == "toys"
    assert model["reference"] == "here"
    assert model["plugin"] == {"name": "toys", "version": "1.2"}
    assert model["marks"] == []
    assert set(model["ws"]) == {"mean", "std", "runs", "channels", "floor", "over_particles"}
    assert list(model["ws"]["channels"]) == ["front", "middle", "back"]
    assert set(model["empty"]) == {"mean", "std", "runs", "floor", "over_particles"}
    assert set(model["quartiles"]) == {"bounds", "counts", "ws"}
    assert len(model["quartiles"]["bounds"]) == 3
    assert sum(model["quartiles"]["counts"]) == 40
    assert [set(quarter) for quarter in model["quartiles"]["ws"]] == [{"mean", "std"}] * 4
    assert model["below_threshold"] == [0, 0]
    assert "NaN" not in (tmp_path / "result.json").read_text()
    assert sorted(names_in(tmp_path)) == ["result.json", "scores.csv", "units"]


def test_scores_are_those_of_the_test_part(toy, toy_file, test_part, tmp_path):
    """The whole way, done again with loops: split, seeds, channels, distances, quarters, mean and std."""
    result = toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path)
    showers, conditions = test_part
    photons = showers.sum(axis=(1, 2))
    bounds = np.quantile(photons, (0.25, 0.5, 0.75))
    assert entry(result, "flat")["quartiles"]["bounds"] == bounds.tolist()
    quarter = np.array([sum(value > bound for bound in bounds) for value in photons])
    assert entry(result, "flat")["quartiles"]["counts"] == [int((quarter == q).sum()) for q in range(4)]
    subsets = {"all": quarter >= 0, **{f"q{q + 1}": quarter == q for q in range(4)}}
    found = {
        (row["subset"], row["channel"], int(row["run"])): float(row["value"])
        for row in rows_of(tmp_path)
        if row["metric"] == "ws"
    }
    expected = {}
    for run in range(2):
        generated = toy.flat(conditions, rng.derive(0, "flat", run, 0))
        for subset, chosen in subsets.items():
            distances = [
                wasserstein(
                    showers[chosen, 2 * third : 2 * third + 2].sum(axis=(1, 2)),
                    generated[chosen, 2 * third : 2 * third + 2].sum(axis=(1, 2)),
                )
                for third in range(3)
            ]
            for channel, distance in zip(("front", "middle", "back"), distances, strict=True):
                expected[subset, channel, run] = distance
            expected[subset, "mean", run] = sum(distances) / 3
    assert found == pytest.approx(expected, rel=1e-12)
    overall = [expected["all", "mean", run] for run in range(2)]
    ws = entry(result, "flat")["ws"]
    assert ws["runs"] == pytest.approx(overall, rel=1e-12)
    assert ws["mean"] == pytest.approx(sum(overall) / 2, rel=1e-12)
    assert ws["std"] == pytest.approx(abs(overall[0] - overall[1]) / math.sqrt(2), rel=1e-9)
    assert overall[0] != overall[1]


def test_score_rows(toy, toy_file, tmp_path):
    toy.run(toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright)), toy_file, tmp_path)
    text = (tmp_path / "scores.csv").read_bytes()
    assert text.startswith(b"model,detector,metric,subset,channel,run,value\n")
    assert b"\r" not in text
    rows = rows_of(tmp_path)
    # A model: 2 runs x (5 subsets x 4 channels of ws, one empty rate).
    assert [row["model"] for row in rows] == ["flat"] * 42 + ["bright"] * 42
    assert {row["detector"] for row in rows} == {"toy"}
    ws = {(row["subset"], row["channel"], row["run"]) for row in rows if row["metric"] == "ws"}
    assert len(ws) == 40
    assert {subset for subset, _, _ in ws} == {"all", "q1", "q2", "q3", "q4"}
    assert {channel for _, channel, _ in ws} == {"mean", "front", "middle", "back"}
    assert {run for _, _, run in ws} == {"0", "1"}


def test_the_error_of_a_score_is_the_spread_over_resampled_particles(toy, toy_file, test_part, tmp_path):
    """The mean of a bounded number: with P particles, its deviation between them over the root of P."""

    def own(scored):
        yield Value("all", "mean", float(scored.generated_photons.mean()))

    def resampled(scored, resampling):
        return mean_replicates(scored.generated_photons, resampling)

    metrics = (Metric("own", "Own", "", 1, own, resampled=resampled), Metric("plain", "Plain", "", 1, own))
    result = toy.run(toy.registry(toy.offer("flat"), metrics=metrics), toy_file, tmp_path)
    found = entry(result, "flat")
    assert "over_particles" not in found["plain"]
    errors = []
    for run in range(2):
        photons = toy.flat(test_part[1], rng.derive(0, "flat", run, 0)).sum((1, 2))
        means = photons.reshape(-1, 5).mean(axis=1)
        errors.append(means.std() / np.sqrt(len(means)))
    assert found["own"]["over_particles"] == pytest.approx(np.mean(errors), rel=0.2)


def test_a_perfect_copy_scores_zero_and_a_brighter_one_does_not(toy, toy_file, test_part, tmp_path):
    showers, _ = test_part

    def copy(conditions, seed):
        return showers.astype(np.float32)

    def doubled(conditions, seed):
        return 2 * showers.astype(np.uint8)

    offers = [toy.offer("copy", copy), toy.offer("double", doubled)]
    result = toy.run(toy.registry(*offers), toy_file, tmp_path)
    assert entry(result, "copy")["ws"]["mean"] == 0
    assert [quarter["mean"] for quarter in entry(result, "copy")["quartiles"]["ws"]] == [0] * 4
    # Doubling every response moves each sorted channel sum by itself: the mean sum of a channel.
    assert entry(result, "double")["ws"]["mean"] == pytest.approx(showers.sum() / 40 / 3, rel=1e-12)


def test_empty_responses_are_counted(toy, toy_file, tmp_path):
    def faint(conditions, seed):
        responses = np.ones((len(conditions), 6, 4), np.uint8)
        responses[:10] = 0
        return responses

    result = toy.run(toy.registry(toy.offer("faint", faint)), toy_file, tmp_path)
    empty = entry(result, "faint")["empty"]
    error = empty.pop("over_particles")  # ten responses in a row, of some particles
    assert empty == {"mean": 0.25, "std": 0, "runs": [0.25, 0.25], "floor": 0}
    assert 0.05 < error < 0.25
    assert entry(result, "faint")["below_threshold"] == [10, 10]


def test_heavy_ties_give_null_not_nan(toy, tmp_path):
    made = toy.responses()
    made.showers[:] = 0
    made.showers[:, 0, 0] = 1
    made.showers[::5, 0, 0] = 2  # each particle: one response of two photons, four of one
    path = toy.write(tmp_path / "ties.h5", made)
    result = toy.run(toy.registry(toy.offer("flat")), path, tmp_path / "out")
    quartiles = entry(result, "flat")["quartiles"]
    assert quartiles["bounds"] == [1, 1, 1]
    assert quartiles["counts"] == [32, 0, 0, 8]
    assert quartiles["ws"][1:3] == [{"mean": None, "std": None}] * 2
    assert quartiles["ws"][3]["mean"] > 0
    nothing = [row for row in rows_of(tmp_path / "out") if row["subset"] == "q2"]
    assert [row["value"] for row in nothing] == ["", ""]


def test_one_run_has_no_spread(toy, toy_file, tmp_path):
    model = entry(toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path, runs=1), "flat")
    assert model["ws"]["std"] is None
    assert len(model["ws"]["runs"]) == 1
    assert model["ws"]["mean"] == model["ws"]["runs"][0]
    assert {quarter["std"] for quarter in model["quartiles"]["ws"]} == {None}
    assert model["ws"]["channels"]["front"]["std"] is None


def test_spread_worked_by_hand():
    assert spread([1.0, 2.0, 6.0]) == {"mean": 3.0, "std": math.sqrt(7)}
    assert spread([1.0, None, 3.0]) == {"mean": 2.0, "std": math.sqrt(2)}
    assert spread([None, None]) == {"mean": None, "std": None}


def test_the_other_channels(toy, toy_file, tmp_path):
    result = toy.run(toy.registry(toy.offer("flat")), toy_file, tmp_path, channels="halves")
    assert result["protocol"]["channels"] == "halves"
    assert list(entry(result, "flat")["ws"]["channels"]) == ["left", "right"]


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


# Which responses


def test_limit_takes_the_first(toy, toy_file, test_part, tmp_path):
    calls = Calls(toy.flat)
    result = toy.run(toy.registry(toy.offer("flat", calls)), toy_file, tmp_path, limit=12, runs=1)
    ((conditions, _),) = calls.seen
    np.testing.assert_array_equal(conditions, test_part[1][:12])
    assert result["dataset"]["test_responses"] == 12
    assert result["dataset"]["test_particles"] == 3
    assert result["protocol"]["limit"] == 12


def test_min_photons_keeps_the_sides_of_the_split(toy, toy_file, test_part, tmp_path):
    showers, conditions = test_part
    threshold = int(np.median(showers.sum(axis=(1, 2))))
    calls, contexts = Calls(toy.flat), []

    def factory(context):
        contexts.append(context)
        return toy.Generates(calls)

    made = toy.registry(toy.offer("flat", factory=factory))
    result = toy.run(made, toy_file, tmp_path, min_photons=threshold, runs=1)
    kept = showers.sum(axis=(1, 2)) >= threshold
    assert 0 < kept.sum() < 40
    np.testing.assert_array_equal(calls.seen[0][0], conditions[kept])
    assert contexts[0].min_photons == threshold
    assert result["protocol"]["min_photons"] == threshold
    generated = toy.flat(*calls.seen[0])
    below = int((generated.sum(axis=(1, 2)) < threshold).sum())
    assert entry(result, "flat")["below_threshold"] == [below]


def test_min_photons_out_of_reach(toy, toy_file, tmp_path):
    made = toy.registry(toy.offer("flat"))
    with pytest.raises(UserError, match="--min-photons 0 is below the dataset's own threshold 1"):
        toy.run(made, toy_file, tmp_path, min_photons=0)
    with pytest.raises(UserError, match="--min-photons 100000 leaves no responses"):
        toy.run(made, toy_file, tmp_path, min_photons=100_000)
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


def test_event_split(toy, toy_file, tmp_path):
    calls = Calls(toy.flat)
    toy.run(toy.registry(toy.offer("flat", calls)), toy_file, tmp_path, split="event", runs=1)
    made = toy.responses()
    expected = made.conditions[selected(made.particle, "event", 0, 0.2)]
    np.testing.assert_array_equal(calls.seen[0][0], expected)
    assert len(expected) == 40


def test_a_file_damaged_in_the_middle_is_one_line(toy, tmp_path):
    path = toy.write(tmp_path / "toy.h5")
    with h5py.File(path) as file:
        offset = file["showers"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged at rows 0 to 200") as error:
        toy.run(toy.registry(toy.offer("flat")), path, tmp_path / "out")
    assert "\n" not in str(error.value)


# Which models


def test_all_leaves_out_the_slow_and_those_of_other_detectors(toy, toy_file, tmp_path):
    made = toy.registry(
        toy.offer("flat"),
        toy.offer("slow", slow=True),
        toy.offer("elsewhere", detectors=("proton",)),
        toy.offer("every", detectors=None),
    )
    result = toy.run(made, toy_file, tmp_path / "a")
    assert [model["name"] for model in result["models"]] == ["flat", "every"]
    result = toy.run(made, toy_file, tmp_path / "b", models=["slow, flat", "flat", "all"])
    assert [model["name"] for model in result["models"]] == ["slow", "flat", "every"]
    with pytest.raises(UserError, match="'elsewhere' does not serve detector 'toy'; it serves proton"):
        toy.run(made, toy_file, tmp_path / "c", models=["elsewhere"])
    with pytest.raises(UserError, match="unknown model 'absent'; known: flat, slow, elsewhere, every"):
        toy.run(made, toy_file, tmp_path / "c", models=["flat,absent"])
    with pytest.raises(UserError, match=r"no folder of weights at .*absent"):
        toy.run(made, toy_file, tmp_path / "c", models=[f"flat@{tmp_path / 'absent'}"])


def test_weights_folders_are_handed_to_the_factory(toy, toy_file, tmp_path):
    folders = [tmp_path / "one" / "w", tmp_path / "one_w"]
    for folder in folders:
        folder.mkdir(parents=True)
    contexts = []

    def factory(context):
        contexts.append(context)
        return toy.Generates(toy.flat)

    labels = ["flat", *(f"flat@{folder}" for folder in folders)]
    made = toy.registry(toy.offer("flat", factory=factory))
    result = toy.run(made, toy_file, tmp_path / "out", models=labels)
    assert [model["name"] for model in result["models"]] == labels
    assert [context.weights for context in contexts] == [None, *folders]
    assert {context.detector.name for context in contexts} == {"toy"}
    assert {context.device for context in contexts} == {"cpu"}
    units = [name for name in names_in(tmp_path / "out" / "units") if "-run" in name]
    assert len(units) == 6


def test_embedded_data_are_made_once_and_kept(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("SIMBENCH_CACHE", str(tmp_path / "cache"))
    made = toy.registry(toy.offer("flat"))
    first = toy.run(made, "embedded", tmp_path / "a")
    assert first["dataset"]["responses"] == 60
    (path,) = (tmp_path / "cache").iterdir()
    assert path.name == "toys-toy-20x3-seed4.h5"
    before = path.stat().st_mtime_ns
    assert toy.run(made, "embedded", tmp_path / "b")["protocol"] == first["protocol"]
    assert path.stat().st_mtime_ns == before
