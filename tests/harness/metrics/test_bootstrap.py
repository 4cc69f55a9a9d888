"""The bootstrap over particles, against what is known in closed form and against drawing rows one by one."""

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.metrics.tools.replicates import mean_replicates, wasserstein_replicates
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN, wasserstein
from simbench.harness.plugin import metric as plugin_metric
from simbench.harness.plugin.metric import Resampling, Scored


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(5, 2, 600)


def test_standard_error_of_a_mean_of_independent_responses(values):
    """It is s / sqrt(n); 2000 replicates give it to 2 %."""
    resampling = Resampling.of(np.arange(600), replicates=2000)
    found = mean_replicates(values, resampling)
    assert found.std() == pytest.approx(values.std() / np.sqrt(600), rel=0.05)
    assert found.mean() == pytest.approx(values.mean(), abs=3 * found.std() / np.sqrt(2000))


def test_equal_responses_of_a_particle_count_once(values):
    """Ten copies of each value tell no more about the mean than one."""
    resampling = Resampling.of(np.arange(600).repeat(10), replicates=2000)
    found = mean_replicates(values.repeat(10), resampling)
    assert found.std() == pytest.approx(values.std() / np.sqrt(600), rel=0.05)


def test_every_replicate_draws_as_many_particles_as_there_are():
    resampling = Resampling.of(np.array([7, 7, -2, 5, 5, 5]), replicates=500)
    assert resampling.particles == 3
    assert resampling.group.tolist() == [2, 2, 0, 1, 1, 1]
    assert (resampling.weights.sum(axis=0) == 3).all()
    assert (resampling.responses == [1, 3, 2] @ resampling.weights).all()
    assert len(np.unique(resampling.weights, axis=1).T) == 10  # all that 3 draws of 3 can give


def test_replicates_are_the_same_on_every_machine_and_differ_by_seed():
    first = Resampling.of(np.arange(5), replicates=4).weights
    assert first.T.tolist() == [[1, 1, 1, 1, 1], [1, 0, 0, 0, 4], [1, 1, 2, 0, 1], [0, 0, 1, 3, 1]]
    assert (first != Resampling.of(np.arange(5), replicates=4, seed=1).weights).any()


@pytest.mark.parametrize("kind", ["whole", "real"])
@pytest.mark.parametrize("block", [10, 4_000_000])
def test_distances_are_those_of_the_drawn_rows(kind, block, monkeypatch):
    monkeypatch.setattr(plugin_metric, "_HELD", block)
    generator = np.random.default_rng(1)
    reference, generated = generator.gamma(2, 3, (2, 90))
    if kind == "whole":
        reference, generated = reference.round(), generated.round()
    particle = generator.integers(0, 20, 90)  # of unequal numbers of responses
    resampling = Resampling.of(particle, replicates=30)
    found = wasserstein_replicates(reference, generated, resampling)
    rows = [resampling.rows(replicate) for replicate in range(30)]
    assert found == pytest.approx([wasserstein(reference[r], generated[r]) for r in rows], rel=1e-12)
    means = mean_replicates(generated, resampling)
    assert means == pytest.approx([generated[r].mean() for r in rows], rel=1e-12)


def test_two_constants_have_a_distance_without_noise():
    resampling = Resampling.of(np.arange(10), replicates=20)
    assert (wasserstein_replicates(np.full(10, 2), np.full(10, 5), resampling) == 3).all()
    assert (wasserstein_replicates(np.full(10, 2), np.full(10, 2), resampling) == 0).all()


def test_one_particle_cannot_be_resampled():
    with pytest.raises(UserError, match="at least 2 particles, found 1"):
        Resampling.of(np.zeros(9, dtype=np.int64))


@pytest.mark.parametrize("metric", [EMPTY, WASSERSTEIN], ids=lambda metric: metric.name)
def test_the_short_cuts_of_metrics_give_what_the_drawn_rows_score(metric):
    generator = np.random.default_rng(8)
    reference, generated = generator.poisson(3, (2, 60, 2)).astype(float)
    generated[:7] = 0  # empty ones, below the threshold of 1
    photons = reference.sum(axis=1), generated.sum(axis=1)
    scored = Scored(reference, generated, *photons, channels=("a", "b"), min_photons=1)
    resampling = Resampling.of(np.repeat(np.arange(12), 5), replicates=20)
    expected = [
        next(value.value for value in metric.function(scored.take(resampling.rows(replicate))))
        for replicate in range(20)
    ]
    assert 0 < np.min(expected) < np.max(expected) or metric is EMPTY
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(metric.resampled(scored, resampling), expected, rtol=1e-12)
