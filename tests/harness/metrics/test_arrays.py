"""What metrics ask of their arrays, the rule for NaN, and the jackknife."""

import numpy as np
import pytest

from simbench.harness.metrics.tools.arrays import (
    capped,
    column_names,
    filled,
    jackknife,
    jackknife_error,
    labels,
    pair,
    parts,
    row_for_row,
    standardised,
    table,
    undefined,
)


def test_one_column_may_be_flat():
    assert table([1, 2, 3], "it").tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "it is empty"),
        (np.zeros((3, 0)), "it is empty"),
        (np.zeros((2, 2, 2)), r"it should have the shape \(N, D\), found \(2, 2, 2\)"),
        ([[0, 1], [2, np.nan]], "it should be finite, found nan in row 1, column 1"),
        ([0, -np.inf], "it should be finite, found -inf in row 1, column 0"),
    ],
)
def test_tables_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        table(values, "it")


def test_sides_that_do_not_fit():
    with pytest.raises(ValueError, match="the same columns, found 2 and 3"):
        pair(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="the same rows, found 4 and 5"):
        row_for_row(np.zeros(4), np.zeros(5))
    with pytest.raises(ValueError, match=r"particle should have the shape \(4,\)"):
        labels([1, 2], 4, "particle")
    with pytest.raises(ValueError, match="particle should be whole numbers, found float64"):
        labels([0.5, 1], 2, "particle")
    with pytest.raises(ValueError, match="one for each of 3 columns, found 2"):
        column_names(("a", "b"), 3)


def test_undefined_values_get_a_place_of_their_own():
    reference, generated = filled([[2, 1], [4, 1], [np.nan, 1]], [[np.nan, 1], [9, np.nan]])
    assert reference.tolist() == [[2, 1], [4, 1], [1, 1]]  # 2 less the deviation of 2 and 4
    assert generated.tolist() == [[1, 1], [9, 0]]
    assert undefined([[np.nan, 1], [2, 3]]).tolist() == [0.5, 0]
    assert filled([np.nan], [5])[0].tolist() == [[-1]]


def test_standardised_by_the_reference_alone():
    reference, generated = standardised([[1, 5], [3, 5]], [[4, 5], [2, 7]])
    assert reference.tolist() == [[-1, 0], [1, 0]]
    assert generated.tolist() == [[2, 0], [0, 2]]


def test_parts_keep_particles_together_and_are_of_equal_size():
    particle = np.repeat(np.arange(103) * 7, 3)
    found = parts(particle, 10, 0, "it")
    assert all(len(set(found[particle == one])) == 1 for one in set(particle))
    sizes = np.bincount(found[::3])
    assert set(sizes) == {10, 11}
    assert not np.array_equal(found, parts(particle, 10, 1, "it"))
    assert np.array_equal(found, parts(particle, 10, 0, "it"))


def test_the_cap_keeps_whole_particles():
    particle = np.repeat(np.arange(50), 4)
    kept = capped(particle, 90, 0)
    assert kept.sum() == 88
    assert set(np.bincount(particle[kept], minlength=50)) == {0, 4}
    assert capped(particle, 200, 0).all()
    assert capped(np.zeros(10, int), 4, 0).sum() == 4


def test_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=40)
    without = jackknife(lambda kept: values[kept].mean(), np.arange(40), 40)
    assert jackknife_error(without) == pytest.approx(values.std(ddof=1) / np.sqrt(40), rel=1e-12)
    with pytest.raises(ValueError, match="at least 2 parts"):
        jackknife_error([1.0])
