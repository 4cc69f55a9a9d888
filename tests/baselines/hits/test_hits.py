"""The classifier of hits: a loss with a known answer, curves worked by hand, and a training that learns."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from simbench.baselines.hits.classifier import HitClassifier
from simbench.baselines.hits.curves import auc, curves
from simbench.baselines.hits.network import loss
from simbench.baselines.hits.training import HitJob, resolve, train


def test_the_loss_is_least_where_the_probability_is_the_share():
    logits = torch.linspace(-6, 6, 2401)
    for share in (0.0, 0.25, 0.9):
        values = loss(logits, torch.full_like(logits, share))
        best = torch.sigmoid(logits[values.argmin()])
        assert best == pytest.approx(share, abs=0.003)


def test_auc_by_hand():
    """Probabilities .2, .6, .6 with light in 0, 1 and 2 of two responses: 6 pairs are won, 3 are ties."""
    hit = np.array([[0, 0], [1, 0], [1, 1]], bool)
    # dark: .2, .2, .6; light: .6, .6, .6
    assert auc(np.array([0.2, 0.6, 0.6]), hit) == pytest.approx((6 + 3 / 2) / 9)
    assert auc(np.array([0.9, 0.1]), np.array([[0], [1]], bool)) == 0
    assert auc(np.ones(3), np.ones((3, 2), bool)) is None


def test_curves_by_hand():
    probability = np.repeat([0.25, 0.75], 10)
    hit = np.zeros((20, 4), bool)
    hit[:10, 0] = hit[10:, :2] = True
    told = curves(probability, hit, np.repeat([20.0, 7000.0], 10))
    assert told["calibration_error"] == pytest.approx(0.125)
    assert told["calibration"][0] == {"probability": 0.25, "light": 0.25}
    assert told["efficiency"] == [
        {"from": 0.0, "probability": 0.25, "light": 0.25, "particles": 10},
        {"from": 5000.0, "probability": 0.75, "light": 0.5, "particles": 10},
    ]
    assert "efficiency" not in curves(probability, hit, None)
    pdg = np.repeat([22, 2112], [11, 9]).astype(np.int32)  # nine are too few
    assert curves(probability, hit, None, pdg)["species"] == [
        {
            "pdg": 22,
            "probability": pytest.approx(probability[:11].mean()),
            "light": pytest.approx(hit[:11].mean()),
            "particles": 11,
        }
    ]


@pytest.fixture
def job(tmp_path):
    """Light with probability 1 / (1 + exp(-3 x)) of one feature x; the other tells nothing."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1500, 2)).astype(np.float32)
    chance = 1 / (1 + np.exp(-3 * x[:, :1]))
    hit = generator.random((1500, 4)) < chance
    return HitJob(
        detector="toy",
        geometry=None,
        feature_names=("x", "y"),
        conditions=x[:1200],
        hit=hit[:1200],
        validation_conditions=x[1200:],
        validation_hit=hit[1200:],
        seed=1,
        out=tmp_path / "hit",
        overrides={"steps": "300", "lr": "1e-2"},
        provenance={"dataset": "d", "split": "particle", "split_seed": 0, "test_fraction": 0.2},
        progress=lambda *_: None,
    )


def test_it_learns_the_probability(job):
    path = train(job)
    made = HitClassifier.load(path)
    at = np.array([[-1, 0], [0, 2], [1, -2]], np.float32)
    np.testing.assert_allclose(made.probability(at), 1 / (1 + np.exp(-3 * at[:, 0])), atol=0.08)
    record = json.loads((job.out / "record.json").read_text())["training"]
    assert record["curves"]["auc"] > 0.85
    assert record["curves"]["calibration_error"] < 0.08
    assert made.header["data"]["dataset"] == "d"


def test_the_same_training_gives_the_same_bytes_and_is_not_done_twice(job, tmp_path):
    first = train(job).read_bytes()
    told = []
    assert train(replace(job, progress=lambda *news: told.append(news))).read_bytes() == first
    assert told == []
    assert train(replace(job, out=tmp_path / "again")).read_bytes() == first
    assert train(replace(job, out=tmp_path / "other", seed=2)).read_bytes() != first
    with pytest.raises(ValueError, match="another training"):
        train(replace(job, seed=2))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [({"depth": "3"}, "unknown setting 'depth'"), ({"steps": "x"}, "found 'x'"), ({"lr": "0"}, "above 0")],
)
def test_wrong_settings(overrides, words):
    with pytest.raises(ValueError, match=words):
        resolve(overrides)


def test_no_particles(job):
    with pytest.raises(ValueError, match="too few raw particles"):
        train(replace(job, conditions=job.conditions[:0], hit=job.hit[:0]))


def test_the_graph_gives_the_same(job):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    made = HitClassifier.load(train(job))
    session = runtime.InferenceSession(made.graph())
    for rows in (1, 7):
        at = job.conditions[:rows]
        (given,) = session.run(None, {"conditions": at})
        assert given.shape == (rows, 1)
        np.testing.assert_allclose(given[:, 0], made.probability(at), atol=1e-5)


def test_other_files_are_refused(job, tmp_path):
    path = train(job)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="damaged"):
        HitClassifier.load(damaged)
    with pytest.raises(ValueError, match="cannot read the weights"):
        HitClassifier.load(tmp_path / "absent")
