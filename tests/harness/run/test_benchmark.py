"""Runs of the benchmark: what they write, of which responses and models."""

import json
import math
import os

import h5py
import numpy as np
import pytest
from toy_runs import Calls, entry, names_in, rows_of

from simbench.harness import rng
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.split import selected
from simbench.harness.errors import UserError
from simbench.harness.metrics.tools.replicates import mean_replicates
from simbench.harness.metrics.wasserstein import WASSERSTEIN, wasserstein
from simbench.harness.plugin.metric import Metric, Value
from simbench.harness.record.result import read_result
from simbench.harness.run import benchmark
from simbench.harness.score.evaluate import spread

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


def test_the_running_score_is_the_mean_ws_of_the_runs_that_are_done(toy, toy_file, tmp_path):
    told = []
    watch = benchmark.Watch(running=lambda name, ws: told.append((name, ws)))
    made = toy.registry(toy.offer("flat"))
    request = benchmark.Request(models=("flat",), detector="toy", device="cpu", runs=3, data=str(toy_file))
    result = benchmark.run(made, request, tmp_path, watch)
    values = result["models"][0]["ws"]["runs"]
    assert told == [("flat", pytest.approx(np.mean(values[:done]))) for done in (1, 2, 3)]
    told.clear()
    benchmark.run(made, request, tmp_path, watch)  # resumed: they are there at once
    assert [name for name, _ in told] == ["flat"] * 3
