"""PRDC: the published numbers exactly, cases worked by hand, and what a wrong simulator does to each."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from simbench.harness.metrics.prdc import prdc, products, radii


@pytest.mark.parametrize("k", [3, 5])
def test_published_numbers(golden, golden_features, k):
    x, y = (side[:1000] for side in golden_features)
    told = golden["metrics"][f"prdc_k{k}_first1000"]
    found = prdc(x, y, k=k)
    assert {name: getattr(found, name) for name in told} == told
    assert astuple(prdc(x, x, k=5))[:4] == (1, 1, 1, 1)


@pytest.mark.parametrize("distances", [cdist, products])
def test_blocks_make_no_difference(golden_features, distances):
    x, y = golden_features[0][:300], golden_features[1][:201]
    assert prdc(x, y, distances=distances, held=1000) == prdc(x, y)


def test_distances_by_products_are_scipys_and_copies_have_none():
    draw = np.random.default_rng(2)
    x, y = draw.normal(5, 1, (40, 300)), draw.normal(5, 1, (70, 300))
    y[3:6] = x[[7]]
    found = products(x, y)
    np.testing.assert_allclose(found, cdist(x, y), rtol=1e-12, atol=0)
    assert found[7, 3:6].tolist() == [0, 0, 0]
    single = products(x.astype(np.float32), y.astype(np.float32))
    np.testing.assert_allclose(single, cdist(x.astype(np.float32), y.astype(np.float32)), rtol=1e-12)


def test_radii_worked_by_hand(golden):
    points = np.array([[0.0], [1], [3], [7]])
    assert radii(points, 1).tolist() == golden["metrics"]["radii_k1_of_0_1_3_7"]
    assert radii(points, 2).tolist() == [3, 2, 3, 6]


def test_unequal_sizes_worked_by_hand():
    # balls of the reference: 0 +- 1, 1 +- 1, 3 +- 2; of the generated: 0.5 +- 0.4, 0.9 +- 0.4
    found = prdc([0, 1, 3], [0.5, 0.9], k=1)
    assert astuple(found) == (1, pytest.approx(1 / 3), 2, pytest.approx(2 / 3), (3, 2))
    # a point on the edge is outside
    assert prdc([0, 1], [2, 9], k=1).precision == 0


def test_each_says_something_else():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(2, 600, 4))
    right, narrow, far = prdc(x, y), prdc(x, 0.3 * y), prdc(x, y + 20)
    assert narrow.precision > right.precision + 0.005
    assert narrow.recall < right.recall - 0.3
    assert narrow.density > 1.15 * right.density
    assert narrow.coverage < right.coverage - 0.2
    assert astuple(far)[:4] == (0, 0, 0, 0)


def test_the_cap_takes_whole_particles():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(2, 400, 3))
    particle = np.arange(400) // 8
    found = prdc(x, y, particle=particle, rows=100)
    assert found.rows == (96, 96)
    assert found == prdc(x, y, particle=particle, rows=100)
    assert found != prdc(x, y, particle=particle, rows=100, seed=1)
    assert prdc(x, y, rows=100).rows == (100, 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prdc([], [1]), "reference is empty"),
        (lambda: prdc([1, 2], [np.nan, 1]), "generated should be finite"),
        (lambda: prdc(np.arange(6), np.arange(5)), "needs 1 neighbour and 6 rows, generated has 5"),
        (lambda: prdc([1, 2], [1, 2], k=0), "k = 0"),
        (lambda: prdc([[1, 2]], [[1]]), "the same columns, found 2 and 1"),
        (lambda: prdc([1, 2, 3], [1, 2, 3], k=1, particle=[0]), r"particle should have the shape \(3,\)"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
