"""Metrics against SciPy and against values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simbench.harness.metrics.wasserstein import (
    EMPTY,
    WASSERSTEIN,
    empty_rate,
    quartile_bins,
    quartile_bounds,
    wasserstein,
    wasserstein_score,
)
from simbench.harness.plugin.metric import Scored, Value

photons = st.integers(-20, 60).map(float)  # few values, so that there are ties
anything = st.floats(-1e6, 1e6, allow_nan=False, width=32)
samples = st.lists(st.one_of(photons, anything), min_size=1, max_size=40)


@given(samples, samples)
def test_wasserstein_is_scipys(first, second):
    expected = stats.wasserstein_distance(first, second)
    assert wasserstein(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert wasserstein(first, second) == pytest.approx(wasserstein(second, first), rel=1e-12)


@given(samples, st.permutations(range(40)))
def test_wasserstein_of_a_sample_and_itself_is_zero(sample, order):
    shuffled = [sample[place] for place in order if place < len(sample)]
    assert wasserstein(sample, shuffled) == 0
    assert wasserstein(sample, sample * 3) == 0


@given(st.lists(photons, min_size=1, max_size=40), st.integers(-50, 50), st.integers(1, 3))
def test_wasserstein_of_a_shift_is_the_shift_either_way(sample, shift, copies):
    shifted = [value + shift for value in sample] * copies
    assert wasserstein(sample, shifted) == pytest.approx(abs(shift), rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 1, 3], [5, 6, 8], 5),
        ([3, 0, 1], [8, 5, 6], 5),
        ([0], [1, 3], 2),
        ([0, 0, 1], [0, 2], 2 / 3),  # 1/6 from 0 to 1, 1/2 from 1 to 2
        ([-1, -1, 1, 1], [0], 1),
        ([5, 5, 5], [5], 0),
        ([0, 10], [0, 0, 0, 10], 2.5),
    ],
)
def test_wasserstein_worked_by_hand(first, second, expected):
    assert wasserstein(first, second) == pytest.approx(expected, rel=1e-14)


def test_wasserstein_leaves_its_arguments_alone():
    first, second = np.array([3.0, 1.0]), np.array([2.0, 0.0, 9.0])
    wasserstein(first, second)
    assert first.tolist() == [3, 1]
    assert second.tolist() == [2, 0, 9]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ([], [1], "first sample is empty"),
        ([1], [], "second sample is empty"),
        ([1, np.nan], [1], "finite values; the first"),
        ([1], [np.nan, 1], "finite values; the second"),
        ([1, np.inf], [1, 2], "finite values; the first"),
        ([1, 2], [-np.inf, 2], "finite values; the second"),
    ],
)
def test_wasserstein_needs_finite_values(first, second, named):
    with pytest.raises(ValueError, match=named):
        wasserstein(first, second)


def test_quartiles_are_numpys_linear_quantiles():
    # Of 5 values the quartiles are values; of 4 they lie between: 1 + 0.75, 2 + 0.5, 3 + 0.25.
    assert quartile_bounds(np.array([5.0, 1, 4, 2, 3])) == (2, 3, 4)
    assert quartile_bounds(np.array([1.0, 2, 3, 4])) == (1.75, 2.5, 3.25)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        # Bounds 2, 3, 4: each closes the bin below it.
        ([1, 2, 3, 4, 5], [0, 0, 1, 2, 3]),
        # Bounds 1, 1, 1.25: the second and the third bin are empty.
        ([1, 1, 1, 1, 1, 1, 2, 5], [0, 0, 0, 0, 0, 0, 3, 3]),
        # Bounds 1, 2, 2 (the third is the fifth of six values, at 3.75): nothing in (2, 2].
        ([1, 1, 2, 2, 2, 9], [0, 0, 1, 1, 1, 3]),
        ([7, 7, 7], [0, 0, 0]),
    ],
)
def test_quartile_bins_with_ties(sample, expected):
    bins = quartile_bins(np.array(sample, float))
    assert len(bins) == 4
    assert np.stack(bins).sum(axis=0).tolist() == [1] * len(sample)
    assert np.stack(bins).argmax(axis=0).tolist() == expected


@given(st.lists(st.integers(0, 9).map(float), min_size=1, max_size=50))
def test_quartile_bins_follow_their_definition(sample):
    values = np.array(sample)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    expected = [
        values <= low,
        (low < values) & (values <= middle),
        (middle < values) & (values <= high),
        high < values,
    ]
    np.testing.assert_array_equal(quartile_bins(values), expected)


def scored(reference, generated, photons_, generated_photons=None, min_photons=1):
    reference, generated = np.array(reference, float), np.array(generated, float)
    if generated_photons is None:
        generated_photons = generated.sum(axis=1)
    names = ("a", "b")
    photons_ = np.array(photons_, float)
    return Scored(reference, generated, photons_, np.array(generated_photons, float), names, min_photons)


def test_score_worked_by_hand():
    run = scored(
        [[1, 0], [2, 0], [2, 1], [0, 4]],
        [[2, 0], [2, 0], [0, 1], [0, 0]],
        [1, 2, 3, 4],
    )
    # a: 0 1 2 2 against 0 0 2 2; b: 0 0 1 4 against 0 0 0 1. Each quarter holds one response.
    expected = {
        "all": (0.625, 0.25, 1.0),
        "q1": (0.5, 1, 0),
        "q2": (0, 0, 0),
        "q3": (1, 2, 0),
        "q4": (2, 0, 4),
    }
    assert list(wasserstein_score(run)) == [
        Value(subset, channel, value)
        for subset, values in expected.items()
        for channel, value in zip(("mean", "a", "b"), values, strict=True)
    ]


def test_a_quarter_is_chosen_by_the_reference_not_by_the_generated():
    run = scored([[1, 0], [9, 0]], [[9, 0], [1, 0]], [1, 9])
    values = {(value.subset, value.channel): value.value for value in wasserstein_score(run)}
    assert values["all", "mean"] == 0
    assert values["q1", "a"] == 8
    assert values["q4", "a"] == 8


def test_an_empty_quarter_has_no_score():
    run = scored([[1, 0]] * 6 + [[2, 0], [5, 0]], [[1, 0]] * 8, [1] * 6 + [2, 5])
    values = list(wasserstein_score(run))
    assert [value for value in values if value.subset in ("q2", "q3")] == [
        Value("q2", "mean", None),
        Value("q3", "mean", None),
    ]
    assert Value("q4", "mean", 1.25) in values  # a: 2 and 5 against 1 and 1; b: nothing


@pytest.mark.parametrize(("threshold", "expected"), [(0, 0), (1, 0.25), (3, 0.5), (10, 1)])
def test_empty_rate(threshold, expected):
    run = scored([[1, 1]] * 4, [[0, 0]] * 4, [2] * 4, [0, 2, 3, 9], threshold)
    assert list(empty_rate(run)) == [Value("all", "mean", expected)]


def test_names_and_versions():
    assert (WASSERSTEIN.name, WASSERSTEIN.unit, WASSERSTEIN.better) == ("ws", "{unit}", "lower")
    assert (EMPTY.name, EMPTY.unit, EMPTY.better) == ("empty", "fraction", "lower")
    assert WASSERSTEIN.function is wasserstein_score
    assert EMPTY.function is empty_rate
