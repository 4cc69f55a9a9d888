import numpy as np
import pytest
from scipy.stats import chisquare

from simbench.baselines.cascade.density.sums import Bins

N = np.arange(1, 4000)


@pytest.fixture
def bins():
    sums = np.random.default_rng(1).geometric(0.02, 5000)
    return Bins.fit(sums, 1)


def log_p(bins, rows=1, seed=2):
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(bins)), rows)
    return np.log(weights)


def log_pmf(bins, log_bins, sums):
    return log_bins[0][bins.of(sums)] + bins.log_within(sums)


def test_all_sums_together_have_the_probability_1_and_none_is_impossible(bins):
    found = log_pmf(bins, log_p(bins), N)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-9)
    assert np.isfinite(found).all()
    assert bins.edges[0] == 1
    assert (np.diff(bins.edges[:17]) == 1).all()


@pytest.mark.parametrize("least", [1, 2, 40, 300, 1000])
def test_conditioned_on_a_threshold(bins, least):
    log_bins = log_p(bins)
    above, _ = bins.log_at_least(log_bins, least)
    expected = np.exp(log_pmf(bins, log_bins, N[least <= N])).sum()
    assert np.exp(above[0]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("least", [1, 40, 500])
def test_draws_follow_the_probabilities(bins, least):
    rng, rows = np.random.default_rng(3), 40_000
    log_bins = log_p(bins)
    drawn = bins.draw(np.repeat(log_bins, rows, 0), least, rng.random(rows), rng.random(rows))
    assert drawn.min() >= least
    p = np.exp(log_pmf(bins, log_bins, N)) * (least <= N)
    edges = np.unique(np.searchsorted(np.cumsum(p / p.sum()), np.linspace(0, 1, 30)[1:-1]))
    parts = np.searchsorted(N[edges], drawn)
    expected = [part.sum() for part in np.split(p / p.sum(), edges + 1)]
    assert chisquare(np.bincount(parts, minlength=len(expected)), np.array(expected) * rows).pvalue > 1e-3


def test_draws_at_the_ends_of_the_uniforms_are_finite(bins):
    ends = np.array([1e-10, 1 - 1e-10])
    assert (bins.draw(log_p(bins, 2), 1, ends, ends) >= 1).all()


def test_smoothing_keeps_probability_and_leaves_single_sums(bins):
    kernel = bins.smoothed(1.5)
    np.testing.assert_allclose(kernel.sum(1), 1)
    np.testing.assert_array_equal(kernel[:16, :16], np.eye(16))
    assert kernel[-1, -1] == 1
    np.testing.assert_array_equal(bins.smoothed(0), np.eye(len(bins)))


@pytest.mark.parametrize("sums", [[1, 1, 1], [0, 0, 5], [7], [10**6, 3]])
def test_any_training_part_gives_bins(sums):
    bins = Bins.fit(np.array(sums), min(sums))
    assert (bins.of(np.array(sums)) >= 0).all()
    assert Bins.from_json(bins.to_json()).edges.tolist() == bins.edges.tolist()


@pytest.mark.parametrize(
    "stored", [{"edges": [3, 2], "tail": 1}, {"edges": [1, 2], "tail": 0}, {"edges": [], "tail": 1}]
)
def test_bins_out_of_order_are_refused(stored):
    with pytest.raises(ValueError, match="out of order"):
        Bins.from_json(stored)
