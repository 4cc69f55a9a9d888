import numpy as np
import pytest
import torch
from scipy import stats

from simbench.baselines import photons
from simbench.baselines.gan.networks_compact import photon_draw
from simbench.harness import rng


def keys(rows, seed=1):
    return rng.keys(seed, np.arange(rows))


def test_counts_of_pixels_are_independent_poisson():
    rows, rates = 20_000, np.array([[0.3, 2.0], [0.0, 7.0]])
    counts = photons.draw(np.broadcast_to(rates, (rows, 2, 2)), keys(rows)).reshape(rows, 4)
    for pixel, rate in enumerate(rates.ravel()):
        if rate == 0:
            assert not counts[:, pixel].any()
            continue
        values = np.arange(1 + int(rate + 5 * np.sqrt(rate)))
        observed = np.bincount(counts[:, pixel].clip(max=values[-1]), minlength=len(values))
        expected = rows * stats.poisson.pmf(values, rate)
        expected[-1] += rows * stats.poisson.sf(values[-1], rate)
        kept = expected > 5
        assert ((observed - expected)[kept] ** 2 / expected[kept]).sum() < stats.chi2.ppf(0.9999, kept.sum())
    correlation = np.corrcoef(counts[:, [0, 1, 3]].T)
    assert np.abs(correlation - np.eye(3)).max() < 4 / np.sqrt(rows)


@pytest.mark.parametrize("mean", [0.05, 3.3, 700.0])
def test_mean_equals_variance(mean):
    rows = 20_000
    totals = photons.draw(np.full((rows, 1, 1), mean), keys(rows)).ravel()
    assert totals.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / rows))
    error = np.sqrt((mean + 2 * mean**2) / rows)
    assert totals.var() == pytest.approx(mean, abs=5 * error)


def test_poisson_quantile_is_the_exact_inverse():
    uniforms = np.random.default_rng(0).random(2000)
    for mean in (1e-6, 0.5, 20.0, 4000.0):
        found = photons.poisson_quantile(uniforms, np.full(2000, mean))
        np.testing.assert_array_equal(found, stats.poisson.ppf(uniforms, mean))
    np.testing.assert_array_equal(photons.poisson_quantile(uniforms[:2], np.zeros(2)), [0, 0])


def test_equal_rates_and_keys_give_equal_counts_whatever_the_neighbours():
    rates = np.random.default_rng(0).gamma(0.5, 2, (700, 5, 4)).astype(np.float32)
    whole = photons.draw(rates, keys(700))
    assert whole.dtype == np.int32
    np.testing.assert_array_equal(whole, photons.draw(rates.copy(), keys(700)))
    np.testing.assert_array_equal(whole[300:310], photons.draw(rates[300:310], keys(700)[300:310]))
    order = np.random.default_rng(1).permutation(700)
    np.testing.assert_array_equal(whole[order], photons.draw(rates[order], keys(700)[order]))
    assert (whole != photons.draw(rates, keys(700, seed=2))).any()


def test_zero_rates_stay_empty_and_faint_ones_are_raised_to_the_threshold():
    rates = np.zeros((50, 2, 3))
    rates[25:, 1, 2] = 1e-4
    counts = photons.draw(rates, keys(50), min_photons=2)
    assert not counts[:25].any()
    assert (counts[25:, 1, 2] == 2).all()
    assert not photons.draw(rates, keys(50))[25:].sum() > 1


def test_bright_responses_are_not_changed_by_the_threshold():
    rates = np.full((100, 4, 4), 3.0)
    np.testing.assert_array_equal(
        photons.draw(rates, keys(100), min_photons=1), photons.draw(rates, keys(100))
    )


def test_no_rows():
    assert photons.draw(np.zeros((0, 3, 2)), keys(0)).shape == (0, 3, 2)
    assert photons.round_photons(np.zeros((0, 3, 2)), keys(0)).shape == (0, 3, 2)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
@pytest.mark.parametrize("step", [photons.draw, photons.round_photons])
def test_impossible_rates_are_refused(bad, step):
    rates = np.ones((2, 2, 2))
    rates[1, 0, 1] = bad
    with pytest.raises(ValueError, match="finite and >= 0"):
        step(rates, keys(2))


def test_rounding_is_unbiased_and_goes_to_a_neighbour():
    values = np.tile(np.array([[0.0, 0.25], [3.0, 7.75]]), (10_000, 1, 1))
    counts = photons.round_photons(values, keys(10_000))
    assert (np.abs(counts - values) < 1).all()
    np.testing.assert_array_equal(counts[:, [0, 1], [0, 0]], values[:, [0, 1], [0, 0]])
    np.testing.assert_allclose(counts.mean(axis=0), values[0], atol=4 * np.sqrt(0.19 / 10_000))


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_the_draw_in_training_follows_the_same_rule(threshold):
    rows = 20_000
    rates = np.random.default_rng(0).gamma(1.0, 0.2, (1, 4, 3)).astype(np.float32)
    rates[0, 1, 1] = 0
    draw = photon_draw(threshold, torch.Generator().manual_seed(0))
    trained = draw(torch.from_numpy(rates.reshape(1, -1)).expand(rows, -1)).numpy()
    simulated = photons.draw(np.repeat(rates, rows, axis=0), keys(rows), min_photons=threshold)
    simulated = simulated.reshape(rows, -1)
    assert trained.shape == simulated.shape
    assert trained.sum(axis=1).min() == simulated.sum(axis=1).min() == threshold
    for pixel in range(trained.shape[1]):
        top = int(max(trained[:, pixel].max(), simulated[:, pixel].max()))
        table = np.stack(
            [np.bincount(a[:, pixel].astype(int), minlength=top + 1) for a in (trained, simulated)]
        )
        assert stats.chi2_contingency(table[:, table.sum(axis=0) > 10]).pvalue > 1e-4


def test_the_gradient_of_the_draw_is_that_of_the_expected_photons():
    rates = torch.full((50, 4), 0.7, requires_grad=True)
    slopes = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    drawn = photon_draw(1, torch.Generator().manual_seed(0))(rates)
    assert torch.equal(drawn.detach(), drawn.detach().round())
    (drawn * slopes).sum().backward()
    torch.testing.assert_close(rates.grad, slopes)
