"""Tests of differences, each against numbers worked by hand or a textbook's test."""

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp, ttest_ind, ttest_rel
from scipy.stats import t as student

from simbench.harness.score.significance import Difference, Estimate, difference, groups, holm


def test_holm_by_hand():
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which must not fall below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_without_replicates_it_is_students_test():
    first, second = (1.0, 2.0, 3.0, 2.5), (4.0, 5.0, 6.0)
    found = difference(Estimate(first), Estimate(second))
    assert found.change == pytest.approx(5 - 2.125)
    assert found.p == pytest.approx(ttest_ind(first, second).pvalue, rel=1e-9)


def test_runs_with_the_same_random_numbers_are_taken_in_pairs():
    first, second = (1.0, 2.0, 4.0), (1.5, 2.4, 4.6)
    streams = [(0, "gan"), (0, "gan"), (1, "gan"), (0, "mc")]
    one, *others = (
        Estimate(runs, stream=stream)
        for runs, stream in zip((first, second, second, second), streams, strict=True)
    )
    p = [difference(one, other).p for other in others]
    assert p[0] == pytest.approx(ttest_rel(first, second).pvalue, rel=1e-9)
    assert p[1:] == pytest.approx([ttest_ind(first, second).pvalue] * 2, rel=1e-9)
    assert p[0] < 0.05 < p[1]


def test_of_single_runs_the_bootstrap_alone_tells_the_noise():
    generator = np.random.default_rng(0)
    first, second = (Estimate((mean,), generator.normal(mean, 1, 400), 10_000) for mean in (0.0, 3.0))
    found = difference(first, second)
    assert found.error == pytest.approx(np.std(second.replicates - first.replicates, ddof=1), rel=1e-4)
    assert found.p == pytest.approx(2 * norm.sf(3 / found.error), rel=0.02)


def test_what_replicates_share_cancels():
    shared = np.random.default_rng(0).normal(0, 100, 400)
    tilt = np.linspace(-1, 1, 400)
    first, second = Estimate((1.0,), shared, 50), Estimate((3.0,), shared + tilt, 50)
    assert difference(first, second).error == pytest.approx(np.sqrt(tilt.var(ddof=1) * 50 / 49))


def test_the_two_variances_are_added():
    runs = (1.0, 2.0, 3.0)  # variance 1: 1/3 + 1/3 for the difference of two means
    replicates = np.tile([-2.0, 2.0], 200)
    first, second = Estimate(runs, np.zeros(400), 1001), Estimate(runs, replicates, 1001)
    assert difference(first, second).error == pytest.approx(np.sqrt(2 / 3 + 4), rel=2e-3)


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_the_noise_of_the_runs_is_counted_once(spread):
    """Replicates of 3 runs: variance 4 that all share, 1 of each on its own, a third of it in the mean."""
    generator = np.random.default_rng(1)
    shared, own = 2 * generator.normal(size=20_000), generator.normal(size=(3, 20_000))
    still, steps = np.zeros((3, 20_000)), np.array([-spread, 0.0, spread])
    first, second = (
        Estimate(tuple(5 + runs), replicates, 10_001, stream=(0, "gan"))
        for runs, replicates in ((np.zeros(3), still), (steps, shared + own))
    )
    found = difference(first, second)
    assert found.error**2 == pytest.approx(4 + max(1, spread**2) / 3, rel=0.03)
    assert found.freedom == (pytest.approx(10_000) if spread < 1 else pytest.approx(found.freedom))


def test_runs_that_are_not_in_pairs_pool_what_they_have_on_their_own():
    generator = np.random.default_rng(1)
    shared = 2 * generator.normal(size=20_000)
    first, second = (
        Estimate((5.0,) * runs, sign * shared + generator.normal(size=(runs, 20_000)), 10_001)
        for runs, sign in ((3, 0), (2, 1))
    )
    assert difference(first, second).error ** 2 == pytest.approx(4 + 1 / 3 + 1 / 2, rel=0.03)
    single = difference(*(Estimate((5.0,), one.replicates[:1], 10_001) for one in (first, second)))
    assert single.error**2 == pytest.approx(4 + 2, rel=0.03)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    """20 parts of one value each: the error of the mean of 20 is s / sqrt(20), with 19 degrees of freedom."""
    values = np.random.default_rng(0).normal(3, 1, 20)
    without = np.array([np.delete(values, i).mean() for i in range(20)])
    first = Estimate((0.0,), np.zeros((1, 20)), 500, 20)
    found = difference(first, Estimate((values.mean(),), without[None], 500, 20))
    test = ttest_1samp(values, 0)
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(20), rel=1e-12)
    assert (found.freedom, found.p) == (19, pytest.approx(test.pvalue, rel=1e-9))


def test_a_visible_change_is_significant_four_times_in_five():
    generator = np.random.default_rng(2)
    found = difference(Estimate((0.0,), np.zeros(400), 41), Estimate((0.0,), np.tile([-1.0, 1.0], 200), 41))
    draws = found.visible(0.05) + found.error * generator.standard_t(found.freedom, 40_000)
    p = 2 * student.sf(np.abs(draws) / found.error, found.freedom)
    assert (p <= 0.05).mean() == pytest.approx(0.8, abs=0.01)
    assert found.visible(0.01) > found.visible(0.05)
    assert Difference(0.0, 0.0, 1.0).visible(0.01) == 0


def test_few_particles_and_few_runs_make_p_values_larger():
    replicates = np.tile([-1.0, 1.0], 200)

    def p(particles):
        return difference(
            Estimate((0.0,), np.zeros(400), particles), Estimate((4.0,), replicates, particles)
        ).p

    assert p(4) > p(40) > p(4000)


@pytest.mark.parametrize(("new", "p"), [(2.0, 1.0), (2.5, 0.0)])
def test_without_any_noise_every_change_counts(new, p):
    found = difference(Estimate((2.0, 2.0), np.full(9, 2.0), 5), Estimate((new, new), np.full(9, new), 5))
    assert (found.change, found.error, found.p) == (new - 2, 0.0, p)


def test_single_values_without_replicates_have_no_known_noise():
    with pytest.raises(ValueError, match="no known noise"):
        difference(Estimate((1.0,)), Estimate((2.0,)))


def test_mean_and_spread_of_runs():
    assert Estimate((1.0, 2.0, 3.0)).mean == 2.0
    assert Estimate((1.0, 2.0, 3.0)).std == 1.0
    assert Estimate((1.0,)).std is None


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ([], [[0], [0], [0], [0]]),
        ([(0, 2), (0, 3), (1, 3)], [[0], [0, 1], [1, 2], [2]]),  # neighbours share
        ([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], [[0], [1], [2], [3]]),
        ([(0, 1)], [[0], [1], [0, 1], [0, 1]]),
        ([(0, 1), (2, 3)], [[0, 1], [2, 3], [0, 2], [1, 3]]),  # no order would do
    ],
)
def test_letters_by_hand(different, expected):
    assert groups(4, different) == expected


def test_letters_say_exactly_which_pairs_differ():
    generator = np.random.default_rng(5)
    for _ in range(20):
        pairs = [(i, j) for i in range(8) for j in range(i + 1, 8) if generator.random() < 0.4]
        found = groups(8, pairs)
        for i in range(8):
            for j in range(i + 1, 8):
                assert bool(set(found[i]) & set(found[j])) == ((i, j) not in pairs)
