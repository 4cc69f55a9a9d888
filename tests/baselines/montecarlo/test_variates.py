"""Random numbers of the Monte Carlo: uniforms by address, and variates by inversion."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from simbench.baselines.montecarlo.simulator import response_keys
from simbench.baselines.montecarlo.variates import gamma_factors, poisson
from simbench.harness import rng

N = 200_000


def streams():
    """Uniforms along every direction of the address: samples, attempts, sources and clusters."""
    index = np.arange(N)
    one = response_keys(3, np.arange(1), 0)
    return {
        "samples": rng.uniform2(response_keys(3, index, 0), 0),
        "attempts": rng.uniform2(response_keys(3, np.zeros_like(index), index), 0),
        "draws": rng.uniform2(one, index),
        "clusters": rng.uniform2(rng.split(rng.split(one, 3), index), 0),
    }


@pytest.mark.parametrize("direction", ["samples", "attempts", "draws", "clusters"])
def test_uniforms(direction):
    u, v = streams()[direction]
    error = 4 / np.sqrt(N)
    for w in (u, v):
        assert w.min() > 0
        assert w.max() < 1
        assert w.mean() == pytest.approx(0.5, abs=error * np.sqrt(1 / 12))
        assert stats.kstest(w, "uniform").pvalue > 1e-4
        for lag in (1, 2, 64):
            assert abs(np.corrcoef(w[:-lag], w[lag:])[0, 1]) < error
    assert abs(np.corrcoef(u, v)[0, 1]) < error
    for pair in ((u, v), (u[:-1], u[1:])):
        counts = np.histogram2d(*pair, bins=32, range=[[0, 1], [0, 1]])[0]
        assert stats.chisquare(counts.ravel()).pvalue > 1e-4


def test_streams_differ_by_every_part_of_the_address():
    keys = [
        response_keys(rng.derive(seed, tag, detector), np.array([sample]), attempt)[0]
        for seed in (0, 1)
        for tag in ("simbench-mc-response", "simbench-mc-simulator")
        for detector in ("neutron", "proton")
        for sample in (0, 1)
        for attempt in (0, 1)
    ]
    assert len(set(keys)) == 32


@pytest.mark.parametrize("mean", [0.05, 3.3, 399.0, 401.0, 700.0])
def test_poisson_mean_and_variance(mean):
    drawn = poisson(rng.uniform(rng.keys(1, np.arange(N)), 0), np.full(N, mean))
    assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / N))
    variance_error = np.sqrt((mean + 2 * mean**2) / N)
    assert drawn.var() == pytest.approx(mean, abs=4 * variance_error)


@pytest.mark.parametrize("mean", [1e-9, 0.05, 1.0, 3.3, 77.7, 399.0])
def test_poisson_is_the_exact_quantile(mean):
    u = np.concatenate([np.linspace(1e-9, 1 - 1e-9, 4001), stats.poisson.cdf(np.arange(400), mean)])
    u = u[(u > 0) & (u < 1)]
    k = poisson(u, np.full(len(u), mean))
    at = stats.poisson.cdf(k, mean)
    below = stats.poisson.cdf(k - 1, mean)
    assert (at >= u * (1 - 1e-12)).all()
    assert (below <= u * (1 + 1e-12)).all()


def test_poisson_of_nothing_and_of_no_values():
    assert poisson(np.array([1e-10, 1 - 1e-10]), np.zeros(2)).tolist() == [0, 0]
    assert poisson(np.zeros(0), np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("shape", [1.2, 3.0, 12.0])
def test_wilson_hilferty_gamma(shape):
    p = np.linspace(0.02, 0.98, 49)
    a, b = gamma_factors(np.full_like(p, shape))
    quantile = shape * np.maximum(a + b * ndtri(p), 0) ** 3
    np.testing.assert_allclose(stats.gamma.cdf(quantile, shape), p, atol=0.009)
