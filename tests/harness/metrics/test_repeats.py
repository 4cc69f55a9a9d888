"""Expected sums and bins, worked by hand, and that they favour nobody."""

import numpy as np
import pytest

from simbench.harness.metrics.conditional import ws_within
from simbench.harness.metrics.tools.repeats import equal_bins, expected_sums, repeat_number


def test_the_mean_of_the_others():
    assert expected_sums([1, 2, 6, 5, 7], [3, 3, 3, 8, 8]).tolist() == [4, 3.5, 1.5, 7, 5]


def test_particles_with_one_response():
    alone = [10, 20, 30, 40]
    assert np.isnan(expected_sums(alone, [0, 1, 2, 3])).all()
    assert expected_sums(alone, [0, 1, 2, 3], [1, 2, 3, 4]).tolist() == [30, 80 / 3, 70 / 3, 20]
    many = np.arange(20.0)
    # the eight nearest in energy of the first and of the eleventh
    found = expected_sums(many, np.arange(20), many)
    assert found[0] == np.mean([1, 2, 3, 4, 5, 6, 7, 8])
    assert found[10] == 10
    assert found[19] == np.mean([11, 12, 13, 14, 15, 16, 17, 18])
    assert np.isnan(expected_sums([5], [0], [1])).all()
    assert expected_sums([1, 3, 9], [0, 0, 1], [1, 1, 2]).tolist() == [3, 1, 2]


def test_bins_are_the_quantiles():
    bins, bounds = equal_bins([5, 1, 2, 3, 4, np.nan], 2)
    assert bounds.tolist() == [3]
    assert bins.tolist() == [1, 0, 0, 0, 1, -1]
    assert equal_bins([2, 2, 2], 4)[0].tolist() == [0, 0, 0]
    assert equal_bins([np.nan], 3)[0].tolist() == [-1]
    assert equal_bins([1, 2], 1)[0].tolist() == [0, 0]


def test_the_number_of_a_repeat():
    assert repeat_number(np.array([4, 4, 1, 4, 1, 9])).tolist() == [0, 1, 0, 2, 1, 0]


def test_bins_of_the_expected_sum_are_fair_and_those_of_the_own_sum_are_not(world, perfect):
    """A perfect simulator against the data: near the distance of two perfect ones only if bins are fair."""
    data, first, second = (x.sum(axis=(1, 2)) for x in (world.responses, perfect, world.again(11)))
    fair = equal_bins(expected_sums(data, world.particle), 4)[0]
    own = equal_bins(data, 4)[0]
    floor = ws_within(first, second, fair).value
    assert ws_within(data, first, fair).value < 1.3 * floor
    assert ws_within(data, first, own).value > 2.5 * floor


def test_the_mean_over_all_repeats_is_not_fair_where_they_are_few():
    draw = np.random.default_rng(0)
    level, particle = draw.uniform(50, 150, 4000).repeat(2), np.arange(4000).repeat(2)
    data, perfect = (draw.normal(level, 30) for _ in range(2))
    others = equal_bins(expected_sums(data, particle), 8)[0]
    own_mean = equal_bins((np.bincount(particle, weights=data) / 2)[particle], 8)[0]
    shift = [
        np.array([data[bins == one].mean() - perfect[bins == one].mean() for one in (0, 7)])
        for bins in (others, own_mean)
    ]
    assert (np.abs(shift[0]) < 5).all()
    assert shift[1][0] < -10
    assert shift[1][1] > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_sums([], []), "sums is empty"),
        (lambda: expected_sums([1, 2], [1]), "particle should have the shape"),
        (lambda: expected_sums([1, np.nan], [1, 2]), "sums should be finite"),
        (lambda: expected_sums([1, 2], [1, 2], [1]), "energy should have the shape"),
        (lambda: equal_bins([1], 0), "1 bin or more, found 0"),
        (lambda: equal_bins([], 2), "values is empty"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
