import numpy as np
import pytest

from simbench.baselines.neighbours import nearest


def test_nearest_by_hand():
    known = np.array([[0.0], [10], [4], [3]])
    np.testing.assert_array_equal(nearest([[3.4], [9]], known, 2), [[3, 2], [1, 2]])


def test_all_where_there_are_fewer():
    np.testing.assert_array_equal(nearest([[2.0]], [[5.0], [1]], 8), [[1, 0]])
    assert nearest(np.zeros((0, 1)), [[5.0], [1]], 8).shape == (0, 2)


@pytest.mark.parametrize("count", [1, 7, 300])
def test_nearest_agrees_with_a_plain_loop(count):
    draw = np.random.default_rng(0)
    asked, known = draw.normal(size=(700, 5)), draw.normal(size=(300, 5))
    found = nearest(asked, known, count)
    for row in (0, 511, 512, 699):
        distance = np.linalg.norm(known - asked[row], axis=1)
        np.testing.assert_array_equal(found[row], np.argsort(distance)[:count])


def test_of_equals_the_first_come_first():
    np.testing.assert_array_equal(nearest([[1.0]], [[1.0], [1], [2], [1]], 4), [[0, 1, 3, 2]])
