"""The shipped cascades of energies, against showers that no training has seen."""

from importlib.resources import files

import numpy as np
import pytest

from simbench.harness.data.sums import Projection
from simbench.harness.hooks import Context, Likelihood
from simbench.harness.metrics.classifier import auc
from simbench.plugins.gflash import EMBEDDED, RANGE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=EMBEDDED)
def shipped(request, ours):
    """Detector, simulator, and incident energies with showers of GFlash."""
    detector = ours.detectors[request.param]
    context = Context(detector, min_photons=0)
    low, high = np.log(RANGE[detector.name])
    conditions = np.exp(np.random.default_rng(5).uniform(low, high, (800, 1))).astype(np.float32)
    truth = ours.simulators["gflash"].factory(context).generate(conditions, seed=77)
    return detector, ours.simulators["cascade"].factory(context), conditions, truth


def test_trained_on_the_embedded_dataset_and_small(shipped):
    detector, simulator, _, _ = shipped
    assert simulator.trained_on.dataset == EMBEDDED[detector.name].fingerprint
    path = files("simbench.baselines") / "trained" / f"{detector.name}-cascade.safetensors"
    assert len(path.read_bytes()) < 3e6
    assert simulator.training_record["steps"] == 8000


def test_unseen_showers_are_as_probable_as_drawn_ones(shipped):
    """Within a fiftieth: the energies differ by orders of magnitude, and are the same on both sides."""
    _, simulator, conditions, truth = shipped
    assert isinstance(simulator, Likelihood)
    drawn = simulator.generate(conditions[:200], seed=1)
    real = simulator.log_prob_levels(conditions[:200], truth[:200])
    generated = simulator.log_prob_levels(conditions[:200], drawn)
    assert list(real) == ["total", "layers", "rings", "angles"]
    for name, values in real.items():
        assert np.isfinite(values).all()
        assert generated[name].mean() == pytest.approx(values.mean(), rel=0.02), name
    np.testing.assert_allclose(
        simulator.log_prob(conditions[:200], truth[:200]), np.sum(list(real.values()), axis=0)
    )


def test_a_classifier_hardly_tells_its_showers_from_those_of_the_monte_carlo(shipped):
    detector, simulator, conditions, truth = shipped
    projection = Projection(detector)
    found = auc(
        projection(truth).observables,
        projection(simulator.generate(conditions, seed=2)).observables,
        particle=np.arange(len(truth)),
        conditions=conditions,
        importance=False,
    )
    assert found.auc - 3 * found.error < 0.56


def test_layers_get_the_energy_that_they_should(shipped):
    detector, simulator, conditions, truth = shipped
    drawn = simulator.generate(conditions, seed=3).reshape(len(truth), -1)
    assert (drawn[drawn > 0] >= np.float32(detector.geometry.threshold)).all()
    for place in detector.geometry.places:
        share, expected = (
            (x[:, place].sum(axis=1) / conditions[:, 0]) for x in (drawn, truth.reshape(drawn.shape))
        )
        error = np.hypot(share.std(), expected.std()) / np.sqrt(len(share))
        assert abs(share.mean() - expected.mean()) < 4.5 * error + 1e-4


@pytest.mark.parametrize("value", [1e-30, 1e-3, 1e20, 3e38])
def test_energies_far_outside_the_training_range_get_a_shower(shipped, value):
    _, simulator, _, _ = shipped
    conditions = np.full((3, 1), value, np.float32)
    showers = simulator.generate(conditions, seed=1)
    assert np.isfinite(showers).all()
    assert np.isfinite(simulator.log_prob(conditions, showers)).all()
    with pytest.raises(ValueError, match="energies above 0"):
        simulator.generate(np.zeros((1, 1), np.float32), seed=1)
