"""Distances within groups against SciPy and against a plain sum, group by group."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from simbench.harness.metrics.tools import grouped
from simbench.harness.metrics.tools.grouped import absolute_sums, wasserstein_by_group


@pytest.fixture(autouse=True, params=[1, 70, 100_000])
def _rows_together(request, monkeypatch):
    """The same numbers, whether groups are taken one by one, a few together, or all at once."""
    monkeypatch.setattr(grouped, "_ROWS", request.param)


@pytest.fixture(scope="module")
def samples():
    draw = np.random.default_rng(0)
    first, second = draw.poisson(3, 200) - 2.0, draw.poisson(4, 310) - 2.0  # both signs, and ties
    return first, draw.integers(-1, 9, 200), second, draw.integers(-1, 9, 310)


def test_wasserstein_of_every_group_is_scipys(samples):
    first, of_first, second, of_second = samples
    found = wasserstein_by_group(*samples, 9)
    expected = [wasserstein_distance(first[of_first == g], second[of_second == g]) for g in range(9)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    swapped = wasserstein_by_group(second, of_second, first, of_first, 9)
    np.testing.assert_allclose(found, swapped, rtol=1e-12)


def test_a_group_with_one_side_has_no_distance():
    found = wasserstein_by_group(
        np.array([1.0, 5]), np.array([0, 2]), np.array([3.0, 4]), np.array([0, 1]), 3
    )
    assert found[0] == 2
    assert np.isnan(found[1:]).all()


def test_rows_of_no_group_do_not_count():
    found = wasserstein_by_group(
        np.array([1.0, 9]), np.array([0, -1]), np.array([1.0, 7]), np.array([0, 1]), 1
    )
    assert found.tolist() == [0]


def test_absolute_sums_are_the_plain_sums(samples):
    first, of_first, second, of_second = samples
    found = absolute_sums(*samples, 9)
    for side, (values, group) in enumerate(((first, of_first), (second, of_second))):
        for other, (others, of_others) in enumerate(((first, of_first), (second, of_second))):
            same = (group[:, None] == of_others[None]) & (group >= 0)[:, None]
            expected = (np.abs(values[:, None] - others[None]) * same).sum(axis=1)
            np.testing.assert_allclose(found[side][other], expected, rtol=1e-12, atol=1e-9)
