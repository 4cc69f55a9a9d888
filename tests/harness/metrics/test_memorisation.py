"""Memorisation against brute force, on copies, and on responses that are wrong but not copied."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from simbench.harness.metrics.memorisation import memorisation
from simbench.harness.metrics.tools.arrays import standardised


@pytest.fixture(scope="module")
def samples():
    draw = np.random.default_rng(0)
    return [draw.normal(size=(400, 3)) for _ in range(3)]


PARTICLE = np.arange(400) // 4


def test_is_brute_force(samples):
    training, reference, generated = samples
    found = memorisation(training, reference, generated, particle=PARTICLE)
    learned, both = standardised(training, np.concatenate([reference, generated]))
    first, second = np.split(cdist(both, learned).min(axis=1), 2)
    expected = (second[:, None] < first).mean() + 0.5 * (second[:, None] == first).mean()
    assert found.closer == pytest.approx(expected, rel=1e-12)
    assert found.copies == found.reference_copies == 0
    assert abs(found.closer - 0.5) < 4 * found.error


@pytest.mark.parametrize("share", [0.25, 1])
def test_copies_are_closer(samples, share):
    training, reference, generated = samples
    copied = generated.copy()
    many = int(share * 400)
    copied[:many] = training[::-1][:many]
    found = memorisation(training, reference, copied, particle=PARTICLE)
    assert found.copies == share
    plain = memorisation(training, reference, generated, particle=PARTICLE).closer
    assert found.closer == pytest.approx(share + (1 - share) * plain, abs=0.06)
    assert found.closer > 0.5 + 3 * found.error


def test_wrong_is_not_copied(samples):
    training, reference, generated = samples
    assert memorisation(training, reference, generated + 4, particle=PARTICLE).closer < 0.05


def test_few_photons_are_equal_by_chance_on_both_sides():
    draw = np.random.default_rng(1)
    training, reference, generated = (draw.poisson(1, (400, 1)).astype(float) for _ in range(3))
    found = memorisation(training, reference, generated, particle=PARTICLE)
    assert found.copies > 0.95
    assert found.reference_copies > 0.95
    assert found.closer == pytest.approx(0.5, abs=0.02)


def test_undefined_values_and_the_cap(samples):
    training, reference, generated = (side.copy() for side in samples)
    training[::3, 1] = reference[::3, 1] = generated[::3, 1] = np.nan
    found = memorisation(training, reference, generated, particle=PARTICLE, rows=200)
    assert abs(found.closer - 0.5) < 4 * found.error
    assert found == memorisation(training, reference, generated, particle=PARTICLE, rows=200)
    assert found != memorisation(training, reference, generated, particle=PARTICLE, rows=200, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: memorisation([], [1], [1], particle=[0]), "reference is empty"),
        (lambda: memorisation([1], [1, 2], [1], particle=[0, 1]), "the same rows, found 2 and 1"),
        (lambda: memorisation([1], [[1, 2]], [[1, 2]], particle=[0]), "the same columns, found 1 and 2"),
        (lambda: memorisation([1], [np.inf], [1], particle=[0]), "should be finite"),
        (lambda: memorisation([1, 3], [1, 2], [1, 2], particle=[0, 0]), "at least 2 particles"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
