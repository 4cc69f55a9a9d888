"""Random numbers: addressed, frozen, uniform."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simbench.harness import rng

FROZEN = {
    "derive": 8635797723999787476,
    "keys": [9507321334815476053, 549522778035483413, 9468590809532557863],
    "split": [17456461999504790990],
    "uniform": [0.41439844213891774, 0.9742458147229627],
    "uniform2": [[0.41439844213891774], [0.7437948669539765]],
    "normal": [-0.21624486406136925, 1.947219952989179],
}


def test_parts_of_a_seed_are_separated():
    seeds = [
        rng.derive(1, 23),
        rng.derive(12, 3),
        rng.derive(123),
        rng.derive("1", 23),
        rng.derive(1, "23"),
        rng.derive("a", "b"),
        rng.derive("ab"),
        rng.derive("b", "a"),
        rng.derive("a", "b", ""),
        rng.derive(-1),
        rng.derive(1),
        rng.derive(),
    ]
    assert len(set(seeds)) == len(seeds)


@given(st.lists(st.one_of(st.integers(), st.sampled_from(["", "a", "1", "é", "mc"])), max_size=4))
def test_seeds_are_63_bits(parts):
    seed = rng.derive(*parts)
    assert isinstance(seed, int)
    assert 0 <= seed < 2**63


def test_frozen_values():
    """Every dataset, split and score hangs on these: they never change."""
    assert rng.derive(0, "mc", 1, 2) == FROZEN["derive"]
    assert rng.keys(7, [0, 1, 2**40]).tolist() == FROZEN["keys"]
    key = rng.keys(7, 3)
    assert rng.split(key, 5).tolist() == FROZEN["split"]
    assert rng.uniform(key, [0, 1]).tolist() == FROZEN["uniform"]
    assert [value.tolist() for value in rng.uniform2(key, 0)] == FROZEN["uniform2"]
    assert rng.normal(key, [0, 1]) == pytest.approx(FROZEN["normal"], rel=1e-12)


def test_mix_is_splitmix64():
    """The published finaliser, in Python's integers."""

    def finalise(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return z ^ (z >> 31)

    values = [0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF]
    assert rng.mix(np.array(values, np.uint64)).tolist() == [finalise(value) for value in values]


def test_a_value_does_not_depend_on_what_is_drawn_beside_it():
    together = rng.uniform(rng.keys(1, np.arange(100))[:, None], np.arange(7))
    assert together.shape == (100, 7)
    assert together[42, 5] == rng.uniform(rng.keys(1, 42), 5)[0]
    np.testing.assert_array_equal(rng.keys(1, np.arange(100))[::-1], rng.keys(1, np.arange(100)[::-1]))


def test_uniform_is_in_the_open_interval_whatever_the_bits(monkeypatch):
    for bits, expected in ((0, 2.0**-33), (2**64 - 1, 1 - 2.0**-33)):
        monkeypatch.setattr(rng, "split", lambda key, draw, bits=bits: np.array([bits], np.uint64))
        values = [rng.uniform(key=None, draw=0), *rng.uniform2(key=None, draw=0)]
        assert [value[0] for value in values] == [expected] * 3
        assert np.isfinite(rng.normal(key=None, draw=0)).all()


@pytest.mark.parametrize("draw", [0, 1])
def test_uniform_is_uniform(draw):
    """Chi-squared over 64 bins, of indices in sequence and of draws in sequence; 5 sigma."""
    by_index = rng.uniform(rng.keys(rng.derive("test", draw), np.arange(64_000)), draw)
    by_draw = rng.uniform(rng.keys(rng.derive("test"), draw), np.arange(64_000))
    first, second = rng.uniform2(rng.keys(2, np.arange(64_000)), draw)
    for values in (by_index, by_draw, first, second):
        assert values.min() > 0
        assert values.max() < 1
        assert values.mean() == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / 64_000))
        counts = np.bincount((values * 64).astype(int), minlength=64)
        assert 1e-6 < stats.chisquare(counts).pvalue < 1 - 1e-6


def test_streams_are_uncorrelated():
    count = 50_000
    index = np.arange(count)
    keys = rng.keys(3, index)
    one = rng.uniform(keys, 0)
    others = [
        rng.uniform(keys, 1),
        rng.uniform(rng.keys(4, index), 0),
        rng.uniform(rng.keys(3, index + 1), 0),
        rng.uniform(rng.split(keys, 0), 0),
        rng.uniform2(keys, 0)[1],
    ]
    for other in others:
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(count)


def test_normal_is_normal():
    values = rng.normal(rng.keys(rng.derive("normal"), np.arange(50_000)), 0)
    assert stats.kstest(values, "norm").pvalue > 1e-6
    assert values.std() == pytest.approx(1, abs=5 / np.sqrt(2 * 50_000))


def test_scalars_and_arrays_draw_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index in (0, 2**63 - 1, np.int64(5), np.uint64(2**64 - 1), np.arange(3), [1, 2]):
            for seed in (0, -1, 2**63 - 1, 2**64 - 1):
                keys = rng.keys(seed, index)
                assert rng.uniform(keys, 2**40).shape == keys.shape
                assert rng.normal(keys, np.uint64(2**64 - 1)).shape == keys.shape
                assert rng.split(keys[0], 3).shape == (1,)
