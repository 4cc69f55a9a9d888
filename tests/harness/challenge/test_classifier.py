"""The challenge's classifiers: its own numbers of the calibration, sizes of the networks, and toys."""

import numpy as np
import pytest

from simbench.harness.challenge.classifier import Calibration, Split, dense, judged, train
from simbench.harness.challenge.resnet import ResNet
from simbench.harness.errors import UserError
from simbench.harness.metrics.classifier import area

pytestmark = pytest.mark.slow


def golden_example(first):
    """By the formula of golden/classifier.json."""
    i = np.arange(first, first + 2000)
    truth = np.modf(i * 0.61803398875)[0] > 0.5
    z = np.round(0.6 * (truth - 0.5) + 2 * (np.modf(i * 0.41421356237)[0] - 0.5), 2)
    return 1 / (1 + np.exp(-z)), truth


def test_calibration_and_area_are_scikit_learns(golden):
    told = golden["classifier"]
    calibration = Calibration(*golden_example(1))
    scores, truth = golden_example(5001)
    found = calibration(scores)
    assert area(scores[truth], scores[~truth]) == pytest.approx(told["auc_raw"], abs=1e-12)
    auc, jsd = judged(found, truth)
    assert auc == pytest.approx(told["auc_calibrated"], abs=1e-12)
    assert jsd == pytest.approx(told["jsd_calibrated"], abs=1e-12)
    assert found[:5] == pytest.approx(told["calibrated_first5"], abs=1e-12)
    assert found.sum() == pytest.approx(told["calibrated_sum"], abs=1e-9)


def test_the_dense_network_has_the_published_size():
    assert sum(p.numel() for p in dense(369).parameters()) == 9_152_513


def test_the_residual_network_sees_layers_angles_and_rings(geometries):
    import torch

    network = ResNet(geometries["2"]).eval()
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d)]
    assert len(convolutions) == 1 + 16 + 3  # the first, two in each of eight blocks, three shortcuts
    rows = torch.zeros(2, 6481, dtype=torch.float64)
    rows[0, 1 + 7 * 144 + 2 * 9 + 4] = 1.0
    image = rows[:, 1:].reshape(2, 1, 45, 16, 9)
    assert image[0, 0, 7, 2, 4] == 1
    out = network(rows)
    assert out.shape == (2, 1)
    assert out[0] != out[1]
    with pytest.raises(ValueError, match="equal angles and rings"):
        ResNet(geometries["photons"])


def small(inputs):
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, 16), nn.LeakyReLU(), nn.Linear(16, 1)).double()


def test_what_differs_is_told_apart_and_what_does_not_is_not():
    draw = np.random.default_rng(0)
    real, same, other = draw.normal(size=(3, 9000, 3))
    split = Split(5000, 2000)
    alike = train(lambda: small(3), (real, same), split, seed=1, epochs=2)
    apart = train(lambda: small(3), (real, other + 3), split, seed=1, epochs=40)
    assert abs(alike.auc - 0.5) < 4 * 0.5 / np.sqrt(3 * 2000)  # its error is 1 / sqrt(12 n) a side
    assert abs(alike.jsd) < 0.02
    assert apart.auc > 0.95
    assert apart.jsd > 0.5
    assert train(lambda: small(3), (real, same), split, seed=1, epochs=2) == alike
    assert train(lambda: small(3), (real, same), split, seed=2, epochs=2) != alike


def test_too_few_showers_are_named():
    with pytest.raises(UserError, match="the submission should have more, found 4"):
        train(lambda: small(1), (np.zeros((9, 1)), np.zeros((4, 1))), Split(3, 2), seed=0)
