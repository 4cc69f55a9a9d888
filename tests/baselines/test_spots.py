import numpy as np
import pytest
from scipy import stats

from simbench.baselines.spots import Rings, draw
from simbench.harness import rng
from simbench.plugins.calochallenge import DETECTORS

RINGS = Rings(((0, 1, 3), (0, 2)), (2, 3), threshold=0.0)  # voxels: 2 sectors of 2 rings, then 3 of one


def keys(rows):
    return rng.keys(rng.derive(1, "test"), np.arange(rows))


def one(mean, rows, spot=20.0, threshold=0.0):
    """(rows,) energies of a detector of one voxel."""
    return draw(np.full((rows, 1), mean), keys(rows), Rings(((0.0, 1.0),), (1,), threshold), [spot])[:, 0]


def test_rings_and_voxels_by_hand():
    showers = np.array([[1, 2, 10, 20, 5, 6, 7]], np.float32)
    assert len(RINGS) == 3
    assert RINGS.of_voxel.tolist() == [0, 1, 0, 1, 2, 2, 2]
    assert (RINGS.layer.tolist(), RINGS.number.tolist()) == ([0, 0, 1], [0, 1, 0])
    np.testing.assert_allclose(RINGS.radius, [0.5 / 3, 2 / 3, 1 / 3])
    np.testing.assert_array_equal(RINGS.sums(showers), [[11, 22, 18]])
    assert Rings.from_json(RINGS.to_json()) == RINGS


def test_voxels_are_those_of_the_detector():
    for name in ("calochallenge-electrons", "calochallenge-photons"):
        layers = DETECTORS[name][1].layers
        rings = Rings(tuple(layer.edges for layer in layers), tuple(layer.angles for layer in layers))
        radius = np.concatenate([layer.radius for layer in layers])
        outermost = max(layer.edges[-1] for layer in layers)
        np.testing.assert_allclose(rings.radius[rings.of_voxel] * outermost, radius)
        assert (
            rings.layer[rings.of_voxel] == np.repeat(np.arange(len(layers)), [x.voxels for x in layers])
        ).all()


def test_the_spot_by_hand():
    """Layer 0: variances 50 and 0 between two sectors, means 5 and 4; layer 1: variance 1, mean 6."""
    showers = np.array([[0, 4, 10, 4, 5, 6, 7]], np.float32)
    np.testing.assert_allclose(RINGS.spot(showers), [50 / 9 / 2] * 2 + [1 / 6 / 2])


def test_a_layer_without_sectors_takes_the_spot_of_the_others():
    rings = Rings(((0, 1), (0, 1)), (2, 1))
    np.testing.assert_allclose(rings.spot(np.array([[0, 8, 99]], np.float32)), [32 / 4 / 2] * 2)
    with pytest.raises(ValueError, match="no layer has any with energy"):
        rings.spot(np.zeros((3, 3), np.float32))


def test_spots_are_found_in_what_was_drawn():
    rings = Rings(((0.0, 1.0, 2.0),), (16,))
    drawn = draw(np.full((2000, 2), [3000.0, 100.0]), keys(2000), rings, [20.0, 20.0])
    np.testing.assert_allclose(rings.spot(drawn), 20, rtol=0.03)


@pytest.mark.parametrize("mean", [2.0, 60.0, 300.0, 600.0, 20_000.0])
def test_moments_are_those_of_a_compound_poisson_variate(mean):
    """Cumulants of N spots: N s, 2 N s^2, 6 N s^3; the share of empty voxels exp(-N)."""
    spot, rows = 20.0, 40_000
    drawn, number = one(mean, rows).astype(float), mean / 20.0
    error = np.sqrt(2 * spot * mean / rows)
    assert drawn.mean() == pytest.approx(mean, abs=4 * error)
    kurtosis = 12 / number  # fourth cumulant 24 N s^4 over the squared variance, less that of 2 N s^2
    assert drawn.var() == pytest.approx(2 * spot * mean, rel=4 * np.sqrt((2 + kurtosis) / rows))
    empty = np.exp(-number)
    assert (drawn == 0).mean() == pytest.approx(empty, abs=4 * np.sqrt(empty / rows) + 1e-12)


@pytest.mark.parametrize("number", [0.3, 8.0, 40.0])
def test_energies_follow_the_distribution(number):
    """Poisson mixture of gamma distributions, its distribution function summed up."""
    drawn = np.sort(one(number, 20_000, spot=1.0))
    spots = np.arange(1, 140)
    below = stats.poisson.pmf(0, number) + stats.gamma.cdf(drawn[:, None], spots) @ stats.poisson.pmf(
        spots, number
    )
    positive = drawn > 0
    gap = np.abs(below - (np.arange(len(drawn)) + 0.5) / len(drawn))[positive].max()
    assert gap < 1.95 / np.sqrt(len(drawn))  # a Kolmogorov-Smirnov test at 0.1 %


def test_what_is_below_the_threshold_is_empty():
    drawn = one(20.0, 5000, threshold=5.0)
    assert drawn[drawn > 0].min() >= 5
    free = one(20.0, 5000)
    np.testing.assert_array_equal(drawn, np.where(free < 5, 0, free))


def test_a_row_depends_on_its_key_alone():
    means = np.random.default_rng(0).uniform(0, 500, (40, 3))
    whole = draw(means, keys(40), RINGS, [20.0, 10.0, 5.0])
    some = np.array([33, 2])
    np.testing.assert_array_equal(draw(means[some], keys(40)[some], RINGS, [20.0, 10.0, 5.0]), whole[some])


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_other_means_are_refused(wrong):
    with pytest.raises(ValueError, match=r"mean energies must be finite and >= 0"):
        draw([[wrong, 1.0, 1.0]], keys(1), RINGS, [1.0, 1.0, 1.0])
