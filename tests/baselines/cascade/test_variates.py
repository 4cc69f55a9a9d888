import numpy as np
import pytest
from scipy import stats

from simbench.baselines.cascade import variates
from simbench.harness import rng

ROWS = 20_000
KEYS = rng.keys(7, np.arange(ROWS))


def draws(n, children=4):
    return variates.Draws.of(np.full(ROWS, n), KEYS, children)


@pytest.mark.parametrize("shape", [0.01, 0.5, 1.0, 30.0, 5000.0])
def test_gamma(shape):
    logs = variates.log_gamma_variates(np.full((1, ROWS), shape), draws(1, 1))[0]
    assert np.isfinite(logs).all()
    if shape > 0.1:
        assert stats.kstest(np.exp(logs), stats.gamma(shape).cdf).pvalue > 1e-3
    else:  # most of the values underflow, their logarithms do not
        assert stats.kstest(logs, lambda y: stats.loggamma(shape).cdf(y)).pvalue > 1e-3


@pytest.mark.parametrize(("n", "p"), [(3, 0.2), (2000, 0.5), (2000, 0.001), (10**6, 0.3), (5, 0.0), (5, 1.0)])
def test_binomial_is_the_quantile(n, p):
    u = np.random.default_rng(1).random(500)
    found = variates.binomial(np.full(500, n), np.full(500, p), u)
    np.testing.assert_array_equal(found, stats.binom(n, p).ppf(u))


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_dirichlet_multinomial_follows_its_probabilities(n):
    alpha = np.array([0.3, 2.0, 0.0, 1.2])
    counts = variates.dirichlet_multinomial(np.tile(alpha, (ROWS, 1)).T, draws(n)).T
    assert (counts.sum(1) == n).all()
    assert (counts[:, 2] == 0).all()
    for k in (0, 1, 3):
        law = stats.betabinom(n, alpha[k], alpha.sum() - alpha[k])
        expected = law.pmf(np.arange(n + 1)) * ROWS
        observed = np.bincount(counts[:, k], minlength=n + 1)
        groups = np.cumsum(expected) // 200  # cells of some 200 expected counts or more
        together = [np.bincount(groups.astype(int), values) for values in (observed, expected)]
        filled = together[1] > 0
        assert stats.chisquare(*(values[filled] for values in together)).pvalue > 1e-3


def test_many_photons_are_drawn_without_one_by_one():
    n = variates.MANY + 500
    weights = np.tile([0.1, 0.2, 0.0, 0.7], (ROWS, 1)).T
    counts = variates.multinomial(weights, draws(n)).T
    assert (counts.sum(1) == n).all()
    assert (counts >= 0).all()
    np.testing.assert_allclose(counts.mean(0) / n, [0.1, 0.2, 0, 0.7], atol=1e-3)
    np.testing.assert_allclose(counts.var(0), n * np.array([0.09, 0.16, 0, 0.21]), rtol=0.05, atol=1e-9)


def test_parameters_too_small_for_floats_give_all_to_one():
    alpha = np.full((4, 50), 1e-4)
    counts = variates.dirichlet_multinomial(alpha, draws(9).part(0, 50)).T
    assert (counts.max(1) == 9).all()
    assert len(np.unique(counts.argmax(1))) == 4


def test_a_row_does_not_depend_on_the_others():
    n, alpha = np.arange(1, 101) * 30, np.random.default_rng(1).gamma(0.5, size=(4, 100)) + 1e-4
    every = variates.Draws.of(n, KEYS[:100], 4)
    whole = variates.dirichlet_multinomial(alpha, every)
    for own in (every.part(40, 60), variates.Draws.of(n[40:60], KEYS[40:60], 4)):
        np.testing.assert_array_equal(variates.dirichlet_multinomial(alpha[:, 40:60], own), whole[:, 40:60])


def test_tiny_parameters_give_nothing_to_a_child_that_does_not_exist():
    alpha = np.tile([0.0, 1e-4, 1e-4, 0.0], (ROWS, 1)).T
    counts = variates.dirichlet_multinomial(alpha, draws(5))
    assert (counts.sum(axis=0) == 5).all()
    assert not counts[[0, 3]].any()
