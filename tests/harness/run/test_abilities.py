"""What a simulator may offer besides responses: routing, a training record; and timings."""

import json
from itertools import groupby
from typing import ClassVar

import numpy as np
import pytest
import torch

from simbench import reports
from simbench.harness.errors import UserError
from simbench.harness.record.folder import RunFolder
from simbench.harness.run import benchmark, timing

pytestmark = pytest.mark.slow


class Mixture:
    """Two experts: the brighter half of the energies goes to the second one."""

    training_record: ClassVar = {
        "preset": "toy",
        "seed": 3,
        "steps": 20,
        "best_step": 20,
        "validation": 1.0,
        "history": [
            {"step": step, "epoch": step / 10, "losses": {"adversarial": 1 / step}, "validation": 20 / step}
            for step in (10, 20)
        ],
    }

    def __init__(self, toy):
        self._flat = toy.flat

    def generate(self, conditions, *, seed):
        return self._flat(conditions, seed) * (1 + 4 * self.route(conditions)[:, None, None].astype(np.int32))

    def route(self, conditions):
        return (conditions[:, 0] > 5).astype(np.int64)


@pytest.fixture
def mixture(toy, toy_file, tmp_path):
    made = toy.registry(toy.offer("mixture", factory=lambda context: Mixture(toy)), toy.offer("flat"))
    return toy.run(made, toy_file, tmp_path / "out"), tmp_path / "out"


def test_a_router_is_asked_and_its_load_is_reported(mixture):
    result, out = mixture
    routed, flat = result["models"]
    unit = RunFolder(out).unit("mixture", 0)
    assert "experts" not in flat
    assert [load["share"] for load in routed["experts"]] == [np.mean(unit.experts == k) for k in (0, 1)]
    for expert, load in enumerate(routed["experts"]):
        photons = unit.photons[unit.experts == expert]
        assert load["mean"] == pytest.approx(photons.mean())
        assert load["std"] == pytest.approx(photons.std(ddof=1))
    assert routed["experts"][1]["mean"] > 4 * routed["experts"][0]["mean"]


def test_an_expert_that_serves_no_response_is_known_from_the_training(toy, toy_file, tmp_path):
    class Idle(Mixture):
        training_record: ClassVar = {
            **Mixture.training_record,
            "history": [{"step": 1, "experts": {"share": [0.5, 0.5, 0.0]}}],
        }

    made = toy.registry(toy.offer("idle", factory=lambda context: Idle(toy)))
    experts = toy.run(made, toy_file, tmp_path / "out")["models"][0]["experts"]
    assert len(experts) == 3
    assert experts[2] == {"share": 0.0, "mean": None, "std": None}


def test_the_training_record_is_in_the_result(mixture):
    result, _ = mixture
    assert result["models"][0]["training"] == Mixture.training_record
    assert "training" not in result["models"][1]


def test_figures_of_experts_and_training_come_from_the_folder(mixture, tmp_path):
    _, out = mixture
    written = reports.write([("mixture", RunFolder(out))], ["figures"], tmp_path / "report")
    names = {path.name for path in written}
    for figure in (
        "experts",
        "examples-mixture",
        "validation",
        "losses",
        "channels-log",
        "conditional-means",
    ):
        assert f"{figure}-toy.png" in names


@pytest.fixture
def ticking(monkeypatch):
    """A clock that only generation moves, by a second a call, and the sizes of those calls."""
    now, sizes = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def generate(conditions, seed):
        now[0] += 1.0
        sizes.append(len(conditions))
        return np.ones((len(conditions), 6, 4), np.int32)

    return generate, sizes


def test_the_clock_counts_10000_responses_after_a_warm_up(toy, ticking):
    generate, sizes = ticking
    conditions = toy.responses().conditions
    measured = timing.measure(toy.Generates(generate), conditions, "cpu", lambda count: None)
    assert sizes == [512] + timing.REPEATS * [4096, 4096, 10_000 - 8192]
    assert measured["seconds_per_10k"] == 3.0
    assert measured["repeats"] == timing.REPEATS * [3.0]
    assert (measured["spread"], measured["noisy"]) == (0.0, False)


def test_in_passing_a_chunk_is_timed_three_times_and_scaled(toy, ticking):
    generate, sizes = ticking
    measured = timing.measure(
        toy.Generates(generate), toy.responses().conditions, "cpu", lambda _: None, brief=True
    )
    assert sizes == [512] + 3 * [4096]
    assert measured["seconds_per_10k"] == 10_000 / 4096
    assert measured["brief"] is True


def test_a_full_timing_serves_a_brief_one_and_not_the_other_way(toy, toy_file, tmp_path, ticking):
    generate, sizes = ticking
    made = toy.registry(toy.offer("timed", generate))
    (brief,) = toy.run(made, toy_file, tmp_path, timing="brief")["models"]
    again = toy.run(made, toy_file, tmp_path, timing="brief")["models"]
    assert again[0]["timing"] == brief["timing"]
    assert sizes.count(512) == 1
    (full,) = toy.run(made, toy_file, tmp_path, timing="full")["models"]
    assert "brief" not in full["timing"]["cpu"]
    assert toy.run(made, toy_file, tmp_path, timing="brief")["models"][0]["timing"] == full["timing"]
    assert sizes.count(512) == 2


def test_the_threads_are_those_in_use(toy, ticking, monkeypatch):
    generate, _ = ticking
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # what is asked for is not what is used
    before, conditions = torch.get_num_threads(), toy.responses().conditions
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            measured = timing.measure(toy.Generates(generate), conditions, "cpu", lambda count: None)
            assert measured["threads"] == timing.threads() == number
    finally:
        torch.set_num_threads(before)
    own = toy.Generates(generate, execution={"engine": "mine", "threads": 3})
    assert timing.measure(own, conditions, "cpu", lambda count: None)["threads"] == 3


def test_a_slow_model_is_timed_once(toy, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def generate(conditions, seed):
        now[0] += 40.0
        return np.ones((len(conditions), 6, 4), np.int32)

    measured = timing.measure(toy.Generates(generate), toy.responses().conditions, "cpu", lambda count: None)
    assert measured["repeats"] == [120.0]


def test_timings_are_kept_by_a_resumed_run(toy, toy_file, tmp_path, ticking):
    generate, sizes = ticking
    made = toy.registry(toy.offer("timed", generate))
    first = toy.run(made, toy_file, tmp_path, timing="full")
    calls = len(sizes)
    again = toy.run(made, toy_file, tmp_path, timing="full")
    assert len(sizes) == calls
    assert again["models"] == first["models"]
    assert first["models"][0]["timing"]["cpu"]["seconds_per_10k"] == 3.0
    assert "timing" not in toy.run(made, toy_file, tmp_path)["models"][0]


def test_timing_only_scores_nothing(cli_with, toy, toy_file, tmp_path, ticking):
    generate, _ = ticking
    out = tmp_path / "out"
    arguments = ["run", "--models", "timed", "--detector", "toy", "--data", str(toy_file), "--out", str(out)]
    status, output, _ = cli_with(toy.offer("timed", generate))(*arguments, "--timing-only")
    assert status == 0
    assert "Seconds for 10,000 responses" in output
    (entry,) = json.loads((out / "result.json").read_text())["models"]
    assert "ws" not in entry
    assert entry["status"] == "ok"
    assert (out / "scores.csv").read_text().splitlines() == ["model,detector,metric,subset,channel,run,value"]


@pytest.fixture
def computing(toy):
    """A simulator that takes the engine which it is told to, notes included."""

    def factory(context):
        engine = {"auto": "torch"}.get(context.engine, context.engine)
        notes = (f"computed by {engine}",)
        return toy.Generates(toy.flat, execution={"engine": engine, "batch": 8}, notes=notes)

    return toy.registry(toy.offer("computing", factory=factory), toy.offer("flat"))


def test_engine_batch_and_notes_are_in_the_result(computing, toy, toy_file, tmp_path):
    told, silent = toy.run(computing, toy_file, tmp_path / "a", timing="full", engine="onnx")["models"]
    assert (told["engine"], told["batch"], told["marks"]) == ("onnx", 8, ["computed by onnx"])
    assert (told["timing"]["cpu"]["engine"], told["timing"]["cpu"]["batch"]) == ("onnx", 8)
    assert (silent["engine"], silent["batch"], silent["marks"]) == (None, None, [])
    by_rule = toy.run(computing, toy_file, tmp_path / "b")
    assert by_rule["models"][0]["engine"] == "torch"
    assert by_rule["settings"]["engine"] == "auto"


def test_a_resumed_run_keeps_the_engine_and_another_engine_is_another_unit(toy, toy_file, tmp_path):
    calls = []

    def factory(context):
        engine = {"auto": "torch"}.get(context.engine, context.engine)
        counted = lambda conditions, seed: calls.append(engine) or toy.flat(conditions, seed)  # noqa: E731
        return toy.Generates(counted, execution={"engine": engine, "batch": 8})

    made = toy.registry(toy.offer("computing", factory=factory))
    toy.run(made, toy_file, tmp_path)
    first = len(calls)
    toy.run(made, toy_file, tmp_path, engine="torch")  # what auto stands for
    assert len(calls) == first
    toy.run(made, toy_file, tmp_path, engine="onnx")
    assert calls[first:] == first * ["onnx"]


def test_an_unknown_engine_is_refused(computing, toy, toy_file, tmp_path):
    with pytest.raises(UserError, match="unknown engine 'jax'; known: auto, torch, onnx"):
        toy.run(computing, toy_file, tmp_path, engine="jax")


def test_a_gpu_run_is_timed_on_both_devices(toy, toy_file, tmp_path, ticking, monkeypatch):
    generate, _ = ticking
    asked = []
    made = toy.registry(
        toy.offer("timed", factory=lambda context: asked.append(context.device) or toy.Generates(generate))
    )
    monkeypatch.setattr(benchmark, "resolve_device", lambda _: "cuda")  # there is none here
    monkeypatch.setattr(timing, "_synchronise", lambda _: None)
    result = toy.run(made, toy_file, tmp_path, timing="full")
    timed = result["models"][0]["timing"]
    assert list(timed) == ["cpu", "cuda"]
    assert [device for device, _ in groupby(asked)] == ["cuda", "cpu", "cuda"]
    assert list(timed["cpu"]["latency"]) == ["python"]  # an engine of its own
    assert "latency" not in timed["cuda"]
    assert timed["cpu"]["cores"] >= 1
    assert 0 < timed["cpu"]["cores_free"] <= 1.1 * timed["cpu"]["cores"]
    (table,) = reports.timing_table([("run", result)])
    assert [str(column.heading) for column in table.columns[:2]] == ["CPU seconds", "CUDA seconds"]


def test_a_model_that_fails_while_it_is_timed_has_failed(toy, toy_file, tmp_path):
    def generate(conditions, seed):
        if len(conditions) == timing.WARM_UP:
            raise ValueError("not so many")
        return toy.flat(conditions, seed)

    failed, well = toy.run(
        toy.registry(toy.offer("fragile", generate), toy.offer("flat")), toy_file, tmp_path, timing="full"
    )["models"]
    assert failed["status"] == "failed"
    assert "not so many" in failed["error"]
    assert well["timing"]["cpu"]["seconds_per_10k"] > 0
