"""The shared split, and the hashes by which particles are known again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simbench.harness.data.split import particle_hashes, selected
from simbench.harness.errors import UserError

PARTICLE = np.arange(1000).repeat(3)


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_a_fifth_of_the_particles_with_all_their_responses(seed):
    test = selected(PARTICLE, "particle", seed, 0.2)
    by_particle = test.reshape(1000, 3)
    assert by_particle[:, 0].sum() == 200
    assert (by_particle == by_particle[:, :1]).all()


@given(
    st.lists(st.integers(-5, 40), min_size=1, max_size=80).filter(lambda values: len(set(values)) > 5),
    st.integers(0, 2**63 - 1),
)
def test_no_particle_is_on_both_sides_whatever_the_order(particle, seed):
    particle = np.array(particle)
    test = selected(particle, "particle", seed, 0.2)
    assert not set(particle[test]) & set(particle[~test])
    assert len(set(particle[test])) == round(0.2 * len(set(particle)))


def test_an_event_split_takes_a_fifth_of_the_events():
    test = selected(PARTICLE, "event", 0, 0.2)
    assert test.sum() == 600
    by_particle = test.reshape(1000, 3).sum(axis=1)
    assert set(by_particle) == {0, 1, 2, 3}


def test_frozen_example():
    """All published scores hang on the split: it never changes."""
    particle = np.array([3, 3, 5, 5, 8, 8, 9, 9, 11, 11, 20, 20, 21, 22, 23, 24])
    assert np.flatnonzero(selected(particle, "particle", 0, 0.2)).tolist() == [2, 3, 6, 7]
    assert np.flatnonzero(selected(particle[:10], "event", 0, 0.2)).tolist() == [1, 3]


def test_seed_purpose_and_kind_give_independent_splits():
    first = selected(PARTICLE[::3], "particle", 0, 0.2)
    for other in (
        selected(PARTICLE[::3], "particle", 1, 0.2),
        selected(PARTICLE[::3], "particle", 0, 0.2, "validation"),
    ):
        # 200 of 1000 twice: 40 in common, give or take 5 (hypergeometric); 6 sigma.
        assert (first & other).sum() == pytest.approx(40, abs=31)
    np.testing.assert_array_equal(first, selected(PARTICLE[::3], "particle", 0, 0.2))


def test_a_split_does_not_follow_the_order_of_the_particles():
    test = selected(PARTICLE[::3], "particle", 0, 0.2)
    assert test[:500].sum() == pytest.approx(100, abs=40)
    assert abs(np.corrcoef(test[:-1], test[1:])[0, 1]) < 0.16


@pytest.mark.parametrize(
    ("particle", "kind", "message"),
    [
        ([1, 2, 3], "random", "unknown split 'random'; known: particle, event"),
        ([1, 1, 1, 1, 1, 1], "particle", "1 particles give 0 for the test part"),
        ([1, 2], "event", "2 events give 0"),
        ([], "particle", "0 particles give 0"),
    ],
)
def test_splits_that_cannot_be(particle, kind, message):
    with pytest.raises(UserError, match=message):
        selected(np.array(particle, np.int64), kind, 0, 0.2)


def test_hashes_are_of_the_row_bit_by_bit():
    rows = np.array([[1, 2], [1, 2], [2, 1], [0.0, 5], [-0.0, 5]], np.float32)
    hashes = particle_hashes(rows)
    assert hashes.dtype == np.uint64
    assert len(hashes) == 3
    assert (np.diff(hashes.astype(object)) > 0).all()
    for one, other in ((0, 1), (3, 4)):
        assert particle_hashes(rows[[one]]) == particle_hashes(rows[[other]])
    nearly = np.nextafter(rows[:1], np.float32(9))
    assert particle_hashes(nearly) != particle_hashes(rows[:1])
    np.testing.assert_array_equal(particle_hashes(rows[::-1]), hashes)
    assert particle_hashes(rows[:0]).tolist() == []


def test_hashes_of_many_rows_are_distinct():
    rows = np.indices((100, 100)).reshape(2, -1).T.astype(np.float32)
    assert len(particle_hashes(rows)) == 10_000


def test_hashing_leaves_the_conditions_alone():
    rows = np.array([[-0.0, 1]], np.float32)
    particle_hashes(rows)
    assert np.signbit(rows[0, 0])
