import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from simbench.baselines.gan.batches import row_probability
from simbench.baselines.gan.ladder import MODELS
from simbench.baselines.gan.settings import PRESETS, resolve
from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.gan.training import make_gan, train
from simbench.baselines.gan.training_job import Progress

pytestmark = pytest.mark.slow

FULL = "sdi-gan-ir-ar"  # every loss term
SHAPE = (6, 5)  # of the toy detector


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


@pytest.mark.parametrize("bright", ["0.7", "0"])
def test_a_killed_training_ends_with_the_same_bytes(toy_job, tmp_path, bright):
    settings = {"steps": "12", "evaluations": "4", "batch": "64", "bright": bright, "ema_from": "2"}
    whole = train(toy_job(model=FULL, settings=settings, out=tmp_path / "whole"))
    job = toy_job(model=FULL, settings=settings, out=tmp_path / "killed")
    for evaluation in (3, 2):  # killed twice
        with pytest.raises(KilledError):
            train(replace(job, score=killed_at(evaluation, job.score)))
        assert (job.out / "checkpoint.pt").exists()
        assert not (job.out / "weights.safetensors").exists()
    resumed = train(job)
    assert resumed.read_bytes() == whole.read_bytes()
    assert sorted(file.name for file in job.out.iterdir()) == ["record.json", "weights.safetensors"]
    records = [json.loads((folder / "record.json").read_text()) for folder in (whole.parent, job.out)]
    for record in records:
        for entry in record["history"]:
            assert entry.pop("seconds") >= 0
    assert records[0] == records[1]


def test_a_paper_training_resumes_too(toy_job, tmp_path):
    draw = np.random.default_rng(0)
    rows = {
        "preset": "paper",
        "shape": (44, 44),
        "channel_masks": np.ones((1, 44, 44), dtype=bool),
        "conditions": draw.normal(size=(12, 2)).astype(np.float32),
        "showers": draw.poisson(0.2, (12, 44, 44)).astype(np.uint16),
        "particle": np.repeat(np.arange(3), 4),
        "validation_conditions": draw.normal(size=(2, 2)).astype(np.float32),
        "score": lambda conditions, responses: {"validation": responses.sum()},
        "overrides": {"epochs": "1", "batch": "6", "evaluations": "2"},
    }
    whole = train(toy_job(**rows, out=tmp_path / "whole"))
    job = toy_job(**rows, out=tmp_path / "killed")
    with pytest.raises(KilledError):
        train(replace(job, score=killed_at(2, job.score)))
    assert train(job).read_bytes() == whole.read_bytes()
    assert json.loads((job.out / "record.json").read_text())["training"]["steps"] == 2


@pytest.mark.parametrize("model", MODELS)
def test_training_lowers_the_validation_score(toy_job, model):
    settings = {"steps": "450", "evaluations": "3", "batch": "64", "ema": "0.9", "ema_late": "0.95"}
    rates = {"lr_generator": "3e-3", "lr_discriminator": "3e-3", "warmup": "10"}
    job = toy_job(model=model, settings=settings | rates | {"width": "32"})
    simulator = GanSimulator.load(train(job))
    record = json.loads((job.out / "record.json").read_text())
    scores = [entry["validation"] for entry in record["history"]]
    assert [entry["step"] for entry in record["history"]] == list(range(150, 451, 150))
    assert record["training"]["validation"] == min(scores)
    assert record["training"]["best_step"] == 150 * (1 + scores.index(min(scores)))
    untrained = train(toy_job(model=model, settings={"steps": "1"}, out=job.out / "untrained"))
    assert min(scores) < 0.4 * GanSimulator.load(untrained).header["training"]["validation"]
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in record["history"]]
    assert simulator.header["training"] == record["training"] | {"history": history}
    # The conditions matter: brightness follows the first, place the second.
    bright, dark = np.full((300, 2), [0.9, 0.0], np.float32), np.full((300, 2), [-0.9, 0.0], np.float32)
    ratio = simulator.generate(bright, seed=1).sum() / simulator.generate(dark, seed=1).sum()
    assert ratio > 2


def test_same_seed_same_weights_and_other_seed_other_weights(toy_job, tmp_path):
    files = [train(toy_job(seed=seed, out=tmp_path / str(i))) for i, seed in enumerate((1, 1, 2))]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_models_of_one_backbone_start_alike_in_size(toy_job, tmp_path):
    sizes = {
        model: {
            name: array.shape
            for name, array in GanSimulator.load(train(toy_job(model=model, out=tmp_path / model)))
            .network.state_dict()
            .items()
        }
        for model in MODELS
    }
    assert all(shapes == sizes["gan"] for shapes in sizes.values())


def test_global_state_is_untouched(toy_job):
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    seen = []
    train(
        toy_job(
            model=FULL, settings={"threads": "1"}, progress=lambda _: seen.append(torch.get_num_threads())
        )
    )
    assert set(seen) == {1}
    assert torch.get_num_threads() == threads
    assert torch.equal(torch_state, torch.random.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


def test_a_finished_training_is_returned_at_once(toy_job):
    path = train(toy_job())
    content, changed = path.read_bytes(), path.stat().st_mtime_ns

    def refuse(conditions, responses):
        raise AssertionError("trained again")

    assert train(toy_job(score=refuse)) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"model": "sdi-gan"}, "model is 'gan' there and 'sdi-gan' here"),
        ({"settings": {"noise": "3"}}, "settings.noise is 10 there and 3 here"),
        ({"provenance": {"fingerprint": "other", "split": "particle"}}, "data.fingerprint is 'toy' there"),
        ({"validation_conditions": np.zeros((50, 2), np.float32)}, "arrays is"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_another_job_in_the_same_folder_is_refused(toy_job, change, named, finished):
    if finished:
        train(toy_job())
    else:
        with pytest.raises(KilledError):
            train(toy_job(score=killed_at(2, lambda conditions, responses: {"validation": 1.0})))
    with pytest.raises(ValueError) as caught:
        train(toy_job(**change))
    assert named in str(caught.value)
    assert str(toy_job().out) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_unknown_origin_are_not_overwritten(toy_job):
    job = toy_job()
    job.out.mkdir()
    (job.out / "weights.safetensors").write_bytes(b"precious")
    with pytest.raises(ValueError, match=r"weights\.safetensors has no record\.json beside it"):
        train(job)
    assert (job.out / "weights.safetensors").read_bytes() == b"precious"


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_named(toy_job, content):
    job = toy_job()
    job.out.mkdir()
    (job.out / "checkpoint.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is no checkpoint of a training, or is damaged"):
        train(job)


def test_a_checkpoint_cannot_run_code(toy_job):
    class Attack:
        def __reduce__(self):
            return print, ("ran",)

    job = toy_job()
    job.out.mkdir()
    torch.save({"identity": Attack()}, job.out / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is no checkpoint"):
        train(job)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "vae"}, "unknown model 'vae'; expected one of gan, sdi-gan, sdi-gan-ir, sdi-gan-ir-ar"),
        ({"preset": "paper", "overrides": {}}, "the paper preset serves responses of"),
        ({"conditions": np.zeros((400, 3), np.float32)}, r"conditions must have the shape \(400, 2\)"),
        ({"showers": np.zeros((400, 5, 6), np.uint16)}, r"showers must have the shape \(400, 6, 5\)"),
        ({"validation_conditions": np.zeros((0, 2), np.float32)}, "1 for validation, found 400 and 0"),
        ({"score": lambda conditions, responses: {"validation": float("nan")}}, "never a number"),
    ],
)
def test_impossible_jobs_are_refused(toy_job, change, message):
    with pytest.raises(ValueError, match=message):
        train(toy_job(**change))


def test_progress_is_told(toy_job):
    told = []
    train(toy_job(model=FULL, progress=told.append))
    last = told[-1]
    assert isinstance(last, Progress)
    assert (last.step, last.steps) == (6, 6)
    assert last.epoch == pytest.approx(6 / 12)
    assert set(last.losses) == {"discriminator", "regressor", "adversarial", *MODELS[FULL]}
    assert last.validation > 0


def test_fewer_rows_than_a_batch_are_enough(toy_job):
    job = toy_job()
    train(replace(job, conditions=job.conditions[:5], showers=job.showers[:5], particle=job.particle[:5]))


@pytest.mark.parametrize("bright", ["0.5", "0"])
def test_a_batch_knows_its_rows(toy_job, bright):
    job = toy_job(settings={"bright": bright})
    scaler, generator = job.scaler(), torch.Generator().manual_seed(0)
    settings = resolve("compact", job.overrides, PRESETS)
    rows = make_gan(job, scaler, job.summary(scaler), settings, generator).rows
    batch = rows.batch(0)
    index = batch.index.numpy()
    np.testing.assert_array_equal(batch.conditions, scaler(job.conditions[index]))
    np.testing.assert_array_equal(batch.photons[:, -SHAPE[1] :], job.showers[index].sum(axis=1))
    power = 0.5 if bright == "0.5" else 0
    probability = row_probability(job.showers, job.particle, float(bright), power)
    np.testing.assert_allclose(batch.weight, 1 / (400 * probability[index]), rtol=1e-5)
    many = [rows.batch(step) for step in range(1, 401)]
    share = np.bincount(np.concatenate([batch.index for batch in many]), minlength=400) / (400 * 32)
    by_particle = [values.reshape(100, 4).sum(axis=1) for values in (share, probability)]
    np.testing.assert_allclose(*by_particle, atol=0.006)
    # Means with the weights are those of the data.
    weight, total = (np.concatenate(values) for values in zip(*map(weight_and_sum, many), strict=True))
    mean = job.showers.sum(axis=(1, 2)).mean()
    assert np.average(total, weights=weight) == pytest.approx(mean, rel=0.02)
    assert (total.mean() > 1.05 * mean) == (bright == "0.5")


def weight_and_sum(batch):
    return batch.weight.numpy(), batch.photons[:, -SHAPE[1] :].sum(1).numpy()


def test_row_probability_by_hand():
    showers = np.array([4, 12, 1, 1], dtype=np.uint16).reshape(4, 1, 1)
    particle = np.array([9, 9, 2, 5])  # mean sums 8, 8, 1, 1
    weight = np.sqrt([8, 8, 1, 1])
    expected = 0.6 * weight / weight.sum() + 0.4 / 4
    np.testing.assert_allclose(row_probability(showers, particle, 0.6, 0.5), expected)
    np.testing.assert_allclose(row_probability(0 * showers, particle, 0.6, 0.5), 0.25)


def test_all_validation_scores_are_recorded_and_one_chooses(toy_job):
    falling = iter((3.0, 2.0, 1.0))

    def score(conditions, responses):
        ws = next(falling)
        return {"validation": 4 - ws, "ws": ws}

    job = toy_job(score=score)
    train(job)
    record = json.loads((job.out / "record.json").read_text())
    assert [(entry["validation"], entry["ws"]) for entry in record["history"]] == [(1, 3), (2, 2), (3, 1)]
    assert (record["training"]["best_step"], record["training"]["validation"]) == (2, 1)


@pytest.mark.parametrize("model", MODELS)
def test_data_without_repeats_is_warned_of_where_it_matters(toy_job, model):
    told = []
    job = toy_job(model=model, particle=np.arange(400), progress=told.append)
    train(job)
    history = json.loads((job.out / "record.json").read_text())["history"]
    for lines in (told[-1].warnings, history[-1].get("warnings", [])):
        if model == "gan":
            assert not lines
        else:
            assert len(lines) == 1
            assert lines[0].startswith("100% of the particles have one response: for them s(c)")


def test_data_without_repeats_have_a_diversity_term(toy_job):
    job = toy_job(model="sdi-gan", particle=np.arange(400))
    scaler, generator = job.scaler(), torch.Generator().manual_seed(0)
    trained = make_gan(
        job, scaler, job.summary(scaler), resolve("compact", job.overrides, PRESETS), generator
    )
    assert trained.rows.batch(0).diversity.mean() > 0.1
    losses = trained.learner.step(trained.rows.batch(0), 0).losses
    assert losses["diversity"] > 0
