"""Distance of correlation matrices against NumPy, by hand, and with the pair that is wrong."""

import numpy as np
import pytest

from simbench.harness.metrics import correlation as module
from simbench.harness.metrics.correlation import correlation
from simbench.harness.metrics.tools.arrays import filled
from simbench.harness.plugin.observables import NAMES


@pytest.mark.parametrize("rows", [90, 100_000])
def test_is_numpys(observed, observed_blind, monkeypatch, rows):
    monkeypatch.setattr(module, "_BLOCK", rows)
    found = correlation(observed, observed_blind[:1500], NAMES)
    first, second = (np.corrcoef(side.T) for side in filled(observed, observed_blind[:1500]))
    np.testing.assert_allclose(found.reference, first, atol=1e-12)
    np.testing.assert_allclose(found.generated, second, atol=1e-12)
    assert found.distance == pytest.approx(np.linalg.norm(first - second), rel=1e-9)


@pytest.mark.parametrize("sign", [-1, 1])
def test_worked_by_hand(sign):
    x = np.array([[-1.0, -1], [1, 1], [-1, -1], [1, 1]])
    found = correlation(x, x * [1, sign], ("a", "b"))
    assert found.worst == ("a", "b")
    assert found.difference == pytest.approx(sign - 1)
    assert found.distance == pytest.approx((1 - sign) * np.sqrt(2))


def test_the_pair_that_was_torn_apart_is_named():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(800, 4))
    x[:, 3] += 2 * x[:, 1]
    y = x.copy()
    y[:, 3] = draw.permutation(y[:, 3])
    found = correlation(x, y, ("a", "b", "c", "d"))
    assert found.worst == ("b", "d")
    assert found.difference == pytest.approx(-0.894, abs=0.1)
    assert correlation(x, 5 * x - 3).distance < 1e-12


def test_a_column_that_does_not_vary_goes_with_nothing():
    x = np.column_stack([np.arange(9.0), np.arange(9.0)])
    found = correlation(x, np.column_stack([np.arange(9.0), np.full(9, 0.1)]))
    assert found.generated.tolist() == [[1, 0], [0, 1]]
    assert found.distance == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correlation([], [1]), "reference is empty"),
        (lambda: correlation([1, 2], [1, 2]), r"2 rows and 2 columns, reference has the shape \(2, 1\)"),
        (lambda: correlation([[1, 2], [3, 4]], [[1, 2]]), "generated has the shape"),
        (lambda: correlation([[1, 2], [3, np.inf]], [[1, 2]]), "reference should be finite"),
        (lambda: correlation(np.eye(3), np.eye(3), ("a",)), "one for each of 3 columns, found 1"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
