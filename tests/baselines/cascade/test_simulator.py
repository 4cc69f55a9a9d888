import numpy as np
import pytest

from simbench.baselines.cascade.simulator import CascadeSimulator
from simbench.baselines.cascade.training import train


@pytest.fixture
def conditions():
    return np.random.default_rng(4).normal(size=(100, 2)).astype(np.float32)


def test_responses_do_not_depend_on_how_many_are_drawn_together(toy_cascade, conditions):
    simulator = toy_cascade((20, 9))
    whole = simulator.generate(conditions, seed=2)
    assert whole.shape == (100, 20, 9)
    for batch in (1, 7, 64):
        simulator.batch = batch
        np.testing.assert_array_equal(simulator.generate(conditions, seed=2), whole)
    np.testing.assert_array_equal(simulator.generate(conditions[:30], seed=2), whole[:30])
    assert (simulator.generate(conditions, seed=3) != whole).any()
    assert simulator.generate(conditions[:0], seed=2).shape == (0, 20, 9)


def test_log_prob_does_not_depend_on_the_batch_and_is_the_sum_of_its_levels(toy_cascade, conditions):
    simulator = toy_cascade((20, 9))
    responses = simulator.generate(conditions, seed=2)
    whole = simulator.log_prob(conditions, responses)
    levels = simulator.log_prob_levels(conditions, responses)
    assert tuple(levels) == ("sum", "2x1", "3x2", "5x3", "10x5", "20x9")
    np.testing.assert_allclose(np.sum(list(levels.values()), axis=0), whole)
    assert (whole < 0).all()
    assert whole.dtype == np.float64
    simulator.batch = 13
    np.testing.assert_allclose(simulator.log_prob(conditions, responses), whole, atol=1e-4)
    assert simulator.log_prob(conditions[:0], responses[:0]).shape == (0,)


def test_a_threshold_is_met_and_what_is_below_it_is_impossible(toy_cascade, conditions):
    simulator = toy_cascade((5, 7))
    responses = simulator.generate(conditions, seed=1, min_photons=6)
    sums = responses.sum((1, 2))
    assert sums.min() >= 6
    at_least = {least: simulator.log_prob(conditions, responses, least) for least in (1, 6, 8)}
    assert (at_least[6] > at_least[1]).all()
    np.testing.assert_array_equal(at_least[8] == -np.inf, sums < 8)
    empty = np.zeros((1, 5, 7), int)
    assert simulator.log_prob(conditions[:1], empty)[0] == -np.inf


def test_an_empty_response_is_possible_where_the_threshold_is_0(toy_cascade, conditions):
    from simbench.baselines.cascade.density.sums import Bins

    simulator = toy_cascade((5, 7), min_photons=0)
    simulator._bins = simulator._sampler._bins = Bins(np.arange(8), 2.0)
    responses = simulator.generate(conditions, seed=1)
    assert (responses.sum((1, 2)) == 0).any()
    assert np.isfinite(simulator.log_prob(conditions, responses)).all()


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30, 3e38])
def test_conditions_far_outside_the_training_range_get_a_response(toy_cascade, value):
    simulator = toy_cascade((20, 9))
    conditions = np.full((3, 2), value, np.float32)
    responses = simulator.generate(conditions, seed=1)
    assert (responses.sum((1, 2)) >= 1).all()
    assert np.isfinite(simulator.log_prob(conditions, responses)).all()


def test_bad_input_is_one_line(toy_cascade, conditions):
    simulator = toy_cascade((5, 7))
    with pytest.raises(ValueError, match=r"^conditions must have the shape \(N, 2\), found \(3, 5\)"):
        simulator.generate(np.zeros((3, 5)), seed=1)
    with pytest.raises(ValueError, match=r"^conditions must be finite"):
        simulator.generate(np.full((3, 2), np.nan), seed=1)
    with pytest.raises(ValueError, match=r"^responses must have the shape"):
        simulator.log_prob(conditions, np.zeros((100, 7, 5)))
    for wrong in (0.5, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"^responses must be photon counts"):
            simulator.log_prob(conditions, np.full((100, 5, 7), wrong))


def test_weights_of_another_kind_are_refused(cascade_job, tmp_path):
    from simbench.baselines.weights import read_weights, write_weights

    path = train(cascade_job())
    header, arrays = read_weights(path)
    name = next(name for name in arrays if name.startswith("many"))
    write_weights(tmp_path / "weights.safetensors", {k: a for k, a in arrays.items() if k != name}, header)
    with pytest.raises(ValueError, match="no usable weights of this kind"):
        CascadeSimulator.load(tmp_path)
    header["network"]["bins"]["edges"][0] = 10**9
    write_weights(tmp_path / "weights.safetensors", arrays, header)
    with pytest.raises(ValueError, match="out of order"):
        CascadeSimulator.load(tmp_path)
