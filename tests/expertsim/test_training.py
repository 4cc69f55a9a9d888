import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from simbench.baselines.gan.settings import COMPACT, PAPER, resolve
from simbench.expertsim import training
from simbench.expertsim.settings import COMPACT_EXPERTS, MODELS, PAPER_EXPERTS, PRESETS
from simbench.expertsim.simulator import MixtureSimulator
from simbench.expertsim.training import expected_intensity, train

pytestmark = pytest.mark.slow


class KilledError(Exception):
    pass


def killed_at(evaluation, score):
    """A score that ends the training, as a kill does, when it is asked for the n-th time."""
    asked = 0

    def wrapper(conditions, responses):
        nonlocal asked
        asked += 1
        if asked == evaluation:
            raise KilledError
        return score(conditions, responses)

    return wrapper


def record(folder):
    return json.loads((folder / "record.json").read_text())


@pytest.mark.parametrize("router", ["learned", "intensity"])
def test_a_killed_training_ends_with_the_same_bytes(toy_job, tmp_path, monkeypatch, router):
    monkeypatch.setattr(training, "_REGRESSOR_STEPS", 10)
    settings = {"steps": "12", "evaluations": "6", "shared": "0.5", "router": router, "ema_from": "2"}
    model = "expertsim-3"
    whole = train(toy_job(model=model, settings=settings, out=tmp_path / "whole"))
    # Resumed at step 2 with one GAN alone, at step 6 just before it is copied, at step 8 as a mixture.
    job = toy_job(model=model, settings=settings, out=tmp_path / "killed")
    stopped = []
    for evaluation in (2, 3, 2):
        with pytest.raises(KilledError):
            train(replace(job, score=killed_at(evaluation, job.score)))
        content = torch.load(job.out / "checkpoint.pt", weights_only=True)
        stopped.append(content["state"]["step"])
        assert not (job.out / "weights.safetensors").exists()
    assert stopped == [2, 6, 8]
    resumed = train(job)
    assert resumed.read_bytes() == whole.read_bytes()
    records = [record(whole.parent), record(job.out)]
    for entry in records[0]["history"] + records[1]["history"]:
        assert entry.pop("seconds") >= 0
    assert records[0] == records[1]


def test_a_finished_training_is_returned_at_once(toy_job):
    path = train(toy_job())
    content, changed = path.read_bytes(), path.stat().st_mtime_ns

    def refuse(conditions, responses):
        raise AssertionError("trained again")

    assert train(toy_job(score=refuse)) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed)
    with pytest.raises(ValueError, match=r"settings\.lambda_util is 1\.0 there and 0\.5 here"):
        train(toy_job(settings={"lambda_util": "0.5"}))


def test_same_seed_same_weights_and_other_seed_other_weights(toy_job, tmp_path):
    files = [train(toy_job(seed=seed, out=tmp_path / str(i))) for i, seed in enumerate((1, 1, 2))]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_global_random_state_is_untouched(toy_job):
    before = torch.random.get_rng_state()
    train(toy_job())
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("model", MODELS)
def test_the_number_of_experts_is_in_the_name(toy_job, trainee, model):
    experts = int(model.split("-")[1])
    learner = trainee(model=model).learner
    assert len(learner.experts) == learner.gate.experts == experts
    assert all(expert.settings.div_rows == math.ceil(64 / experts) for expert in learner.experts)
    simulator = MixtureSimulator.load(train(toy_job(model=model, settings={"steps": "2"})))
    assert len(simulator.network.experts) == experts
    assert simulator.header["model"] == model
    load = record(toy_job().out)["history"][-1]["experts"]
    assert len(load["share"]) == experts
    assert sum(load["share"]) == pytest.approx(1, abs=1e-4)


def test_mixtures_have_the_settings_of_the_gans():
    for mixture, gan in ((COMPACT_EXPERTS, COMPACT), (PAPER_EXPERTS, PAPER)):
        assert {name: getattr(mixture, name) for name in asdict(gan)} == asdict(gan)
    paper = resolve("paper", {}, PRESETS)
    assert (paper.lambda_util, paper.lambda_diff, paper.lr_router) == (0.01, 1e-4, 1e-2)
    assert (paper.router, paper.diff_intensity, paper.start, paper.shared) == ("learned", "photons", 0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "gan"}, "unknown model 'gan'; expected one of expertsim-2, .*, expertsim-5"),
        (
            {"settings": {"router": "energy"}, "feature_names": ("momentum", "place")},
            "router=energy needs a feature 'energy'; found momentum, place",
        ),
        ({"settings": {"router": "psychic"}}, "expected learned or energy or intensity or random"),
        ({"settings": {"diff_intensity": "sqrt"}}, "expected photons or log, found 'sqrt'"),
        ({"settings": {"shared": "1.5"}}, "setting shared: expected at most 1, found 1.5"),
        ({"settings": {"temperature": "0"}}, "setting temperature: expected a number above 0, found 0.0"),
        ({"settings": {"experts": "3"}}, "unknown setting 'experts'"),
    ],
)
def test_impossible_jobs_are_refused(toy_job, change, message):
    with pytest.raises(ValueError, match=message):
        train(toy_job(**change))


def test_a_collapsed_router_is_warned_of(toy_job, monkeypatch):
    honest, told = training.make_gate, []

    def one_sided(*args):
        gate = honest(*args)
        with torch.no_grad():
            gate.body[-1].bias[1] += 1e4
        return gate

    monkeypatch.setattr(training, "make_gate", one_sided)
    job = toy_job(model="expertsim-3", progress=told.append)
    train(job)
    last = record(job.out)["history"][-1]
    assert last["experts"]["share"] == [0, 1, 0]
    assert last["warnings"] == [
        "expert 1 of 3 serves 0.0% of the responses (less than 2%)",
        "expert 2 of 3 serves 100.0% of the responses (more than 80%)",
        "expert 3 of 3 serves 0.0% of the responses (less than 2%)",
    ]
    assert told[-1].warnings == tuple(last["warnings"])
    assert told[-1].experts == last["experts"]


def test_an_even_router_is_not_warned_of(toy_job):
    told = []
    job = toy_job(settings={"start": "100", "shared": "0"}, progress=told.append)
    train(job)
    assert all("warnings" not in entry for entry in record(job.out)["history"])
    assert {news.warnings for news in told} == {()}


@pytest.mark.parametrize("router", ["learned", "intensity", "energy", "random"])
def test_every_router_starts_with_an_even_load(toy_job, trainee, monkeypatch, router):
    monkeypatch.setattr(training, "_REGRESSOR_STEPS", 150)
    changes = {"model": "expertsim-3", "settings": {"router": router, "start": "150"}}
    job, trained = toy_job(**changes), trainee(**changes)
    gate = trained.learner.gate
    expert = gate.choose(job.conditions, job.scaler()(job.conditions))
    assert (trained.learner.served is None) == (router == "learned")
    if router != "learned":
        np.testing.assert_array_equal(trained.learner.served.numpy(), expert)
    if router == "random":
        assert set(expert.tolist()) == {0, 1, 2}
        return
    # Even in the training part; and the brighter, the higher the number of the expert.
    atol = {"energy": 0.01, "intensity": 0.01, "learned": 0.05}[router]  # it is taught, not told
    np.testing.assert_allclose(np.bincount(expert) / 400, 1 / 3, atol=atol)
    first, second, third = (job.showers[expert == number].sum(axis=(1, 2)).mean() for number in range(3))
    assert first < 0.8 * second
    assert second < 0.8 * third


def test_a_router_may_start_at_random(trainee):
    first, other = (trainee(settings={"start": start}).learner.gate for start in ("0", "5"))
    assert not torch.equal(first.body[0].weight, other.body[0].weight)


def test_expected_intensity_by_hand():
    showers = np.array([4, 12, 1, 0], dtype=np.uint16).reshape(4, 1, 1)
    found = expected_intensity(showers, np.array([9, 9, 2, 5]))
    pair = (math.log(5) + math.log(13)) / 2
    np.testing.assert_allclose(found, [pair, pair, math.log(2), 0])


def test_a_mixture_learns(toy_job):
    settings = {"steps": "120", "evaluations": "2", "batch": "64", "ema": "0.9", "ema_late": "0.95"}
    rates = {"lr_generator": "3e-3", "lr_discriminator": "3e-3", "warmup": "10", "start": "100"}
    job = toy_job(settings=settings | rates)
    simulator = MixtureSimulator.load(train(job))
    untrained = train(toy_job(settings={"steps": "1"}, out=job.out / "untrained"))
    before = MixtureSimulator.load(untrained).header["training"]["validation"]
    assert simulator.header["training"]["validation"] < 0.5 * before
    load = record(job.out)["history"][-1]["experts"]
    assert load["intensity"][1] > 1.5 * load["intensity"][0]
    assert set(record(job.out)["history"][-1]["losses"]) == {
        "adversarial",
        "diversity",
        "intensity",
        "auxiliary",
        "discriminator",
        "regressor",
        "routing",
        "utilisation",
        "differentiation",
    }


def test_the_paper_preset_trains_a_mixture(toy_job):
    draw = np.random.default_rng(0)
    job = toy_job(
        preset="paper",
        shape=(56, 30),
        channel_masks=np.ones((1, 56, 30), dtype=bool),
        conditions=draw.normal(size=(8, 2)).astype(np.float32),
        showers=draw.poisson(0.2, (8, 56, 30)).astype(np.uint16),
        particle=np.repeat(np.arange(2), 4),
        validation_conditions=draw.normal(size=(2, 2)).astype(np.float32),
        score=lambda conditions, responses: {"validation": responses.sum()},
        overrides={"epochs": "1", "batch": "8", "evaluations": "1"},
    )
    simulator = MixtureSimulator.load(train(job))
    assert len(simulator.network.experts) == 2
    entry = record(job.out)["history"][-1]
    assert entry["step"] == 1
    assert {"routing", "utilisation", "differentiation", "discriminator"} <= set(entry["losses"])


def test_a_mixture_is_chosen_and_warned_of_once_its_experts_have_parted(toy_job):
    """The best score comes before, while all experts are copies of one."""
    scores = iter((1.0, 2.0, 5.0, 4.0, 6.0, 7.0))
    told = []
    job = toy_job(
        settings={"steps": "6", "evaluations": "6", "shared": "0.4", "lr_generator": "1e-9"},
        score=lambda conditions, responses: {"validation": next(scores)},
        progress=told.append,
    )
    train(job)
    found = record(job.out)
    assert (found["training"]["best_step"], found["training"]["validation"]) == (4, 4)
    copies = [entry["experts"]["difference"] < 0.01 for entry in found["history"]]
    assert copies == [True] * 6
    warned = [any("are alike" in line for line in entry.get("warnings", [])) for entry in found["history"]]
    assert warned == [False] * 3 + [True] * 3
    assert any("experts 1 and 2 of 2 are alike" in line for line in told[-1].warnings)


def test_a_mixture_that_never_parts_is_kept_all_the_same(toy_job):
    assert train(toy_job(settings={"shared": "1"})).exists()
    assert record(toy_job().out)["training"]["best_step"] == 6
