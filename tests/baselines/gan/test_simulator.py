import numpy as np
import pytest
import torch

from simbench.baselines.conditions import Scaler
from simbench.baselines.gan.networks import make_generator
from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.gan.training import train


@pytest.fixture
def weights(toy_job):
    hashes = np.array([3, 2**63 + 1], dtype=np.uint64)
    return train(toy_job(training_particles=hashes))


def conditions(rows):
    return np.random.default_rng(5).uniform(-1, 1, (rows, 2)).astype(np.float32)


def test_a_weights_file_tells_where_it_comes_from(weights, toy_job):
    simulator = GanSimulator.load(weights)
    header = simulator.header
    assert (header["model"], header["preset"], header["detector"]) == ("gan", "compact", "toy")
    assert header["data"] == toy_job().provenance
    assert header["settings"]["steps"] == 6
    assert header["training"]["seed"] == 3
    np.testing.assert_array_equal(simulator.training_particles, np.array([3, 2**63 + 1], dtype=np.uint64))


def test_responses(weights):
    simulator = GanSimulator.load(weights.parent)
    responses = simulator.generate(conditions(200), seed=1)
    assert responses.shape == (200, 6, 5)
    assert responses.dtype == np.int32
    assert responses.sum(axis=(1, 2)).min() >= 1  # the photon threshold of the data
    np.testing.assert_array_equal(responses, simulator.generate(conditions(200), seed=1))
    assert (responses != simulator.generate(conditions(200), seed=2)).any()


def test_no_conditions_give_no_responses(weights):
    assert GanSimulator.load(weights).generate(np.zeros((0, 2), np.float32), seed=1).shape == (0, 6, 5)


def test_rows_do_not_depend_on_the_batch_or_on_their_neighbours(weights):
    reference = GanSimulator.load(weights, batch=1000)
    noise = reference.noise(300, seed=4)
    np.testing.assert_array_equal(noise[:7], reference.noise(7, seed=4))
    rates, counts = reference.rates(conditions(300), noise), reference.generate(conditions(300), seed=4)
    for batch in (1, 7, 64):
        simulator = GanSimulator.load(weights, batch=batch)
        # Matrix products of other sizes may round differently, nothing more.
        np.testing.assert_allclose(simulator.rates(conditions(300), noise), rates, rtol=1e-4)
        found = simulator.generate(conditions(300), seed=4)
        assert (found != counts).any(axis=(1, 2)).mean() < 0.01


def test_the_threshold_of_the_data_is_kept(toy_job):
    simulator = GanSimulator.load(train(toy_job(min_photons=9)))
    totals = simulator.generate(conditions(300), seed=1).sum(axis=(1, 2))
    assert totals.min() == 9
    assert totals.max() > 9


def test_global_random_state_is_untouched(weights):
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    GanSimulator.load(weights).generate(conditions(20), seed=1)
    assert torch.equal(torch_state, torch.random.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


def test_wrong_conditions_are_refused(weights):
    simulator = GanSimulator.load(weights)
    with pytest.raises(ValueError, match=r"shape \(N, 2\), found \(4, 9\)"):
        simulator.generate(np.zeros((4, 9), np.float32), seed=1)
    with pytest.raises(ValueError, match="must be finite"):
        simulator.generate(np.full((4, 2), np.nan, np.float32), seed=1)


def test_the_paper_preset_gives_whole_photons():
    network = {"shape": [44, 44], "conditions": 9, "noise": 10}
    header = {"preset": "paper", "network": network, "features": ["f"] * 9, "min_photons": 1}
    rows = np.random.default_rng(0).normal(size=(3, 9)).astype(np.float32)
    scaler = Scaler.fit(rows, clip=None, geometry=None)
    before = torch.random.get_rng_state()
    simulator = GanSimulator(make_generator("paper", network), scaler, header)
    torch.random.set_rng_state(before)
    responses = simulator.generate(rows, seed=1)
    rates = simulator.rates(rows, simulator.noise(3, seed=1))
    assert responses.shape == (3, 44, 44)
    assert responses.dtype == np.int32
    assert (np.abs(responses - rates) < 1).all()
