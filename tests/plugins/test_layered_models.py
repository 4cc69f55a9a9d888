"""The shipped models of energies in layers of rings, against showers that no training has seen."""

from importlib.resources import files

import numpy as np
import pytest

from simbench.harness.data.sums import Projection
from simbench.harness.hooks import Context
from simbench.harness.metrics.wasserstein import wasserstein
from simbench.plugins._trained import ENERGIES
from simbench.plugins.expertsim import EXPERTS
from simbench.plugins.gan import LADDER
from simbench.plugins.gflash import EMBEDDED, RANGE

pytestmark = pytest.mark.slow
MIXTURES = [f"expertsim-{experts}" for experts in EXPERTS]
SHIPPED = [(model, detector) for model in (*LADDER, *MIXTURES) for detector in ENERGIES]


@pytest.fixture(scope="module", params=SHIPPED, ids="-".join)
def shipped(request, ours):
    """Detector, simulator, and incident energies with showers of GFlash."""
    model, name = request.param
    detector = ours.detectors[name]
    low, high = np.log(RANGE[name])
    conditions = np.exp(np.random.default_rng(5).uniform(low, high, (800, 1))).astype(np.float32)
    truth = ours.simulators["gflash"].factory(Context(detector)).generate(conditions, seed=77)
    return detector, model, ours.simulators[model].factory(Context(detector)), conditions, truth


def test_trained_on_the_embedded_dataset_and_small(shipped):
    detector, model, simulator, _, _ = shipped
    assert simulator.trained_on.dataset == EMBEDDED[detector.name].fingerprint
    assert simulator.training_record["preset"] == "layers"
    folder = files("simbench.expertsim" if model in MIXTURES else "simbench.baselines") / "trained"
    assert len((folder / f"{detector.name}-{model}.safetensors").read_bytes()) < 3e6


def test_layers_get_about_the_energy_that_they_should(shipped):
    """A tenth of what no shower at all would score: such a guard finds broken weights, not small faults."""
    detector, _, simulator, conditions, truth = shipped
    projection = Projection(detector)
    showers = simulator.generate(conditions, seed=1)
    assert (showers[showers > 0] >= np.float32(detector.geometry.threshold)).all()
    drawn, expected = (projection(x).channels(detector.default_channels) for x in (showers, truth))
    score = np.mean([wasserstein(*pair) for pair in zip(drawn.T, expected.T, strict=True)])
    assert score < 0.1 * expected.mean()


def test_there_is_no_graph_of_counts(shipped, ours):
    detector, model, _, conditions, _ = shipped
    with pytest.raises(ValueError, match="a model of energies in layers cannot be exported"):
        ours.simulators[model].exporter(Context(detector), conditions[:5])
