"""Response and resolution by hand and where the truth is known."""

import numpy as np
import pytest

from simbench.harness.metrics.response import centroid_resolutions, efficiencies, fitted, response


def test_worked_by_hand():
    # one bin for each energy; spreads between repeats: sqrt(2) and 0, generated 0 and sqrt(8)
    reference, generated = [1, 3, 8, 8], [4, 4, 2, 6]
    found = response(reference, generated, energy=[1, 1, 4, 4], particle=[0, 0, 1, 1], bins=2)
    assert found.energy.tolist() == [1, 4]
    assert found.means.tolist() == [[2, 8], [4, 4]]
    np.testing.assert_allclose(found.resolutions, [[np.sqrt(2) / 2, 0], [0, np.sqrt(8) / 4]])
    assert found.error == pytest.approx((1 + 0.5) / 2)
    # a + b = sqrt(2) / 2, a / 2 + b = 0
    np.testing.assert_allclose(found.terms[0], [np.sqrt(2), -np.sqrt(2) / 2])
    assert found.resolution_error == 1  # of the first bin: in the second the reference has no spread


def test_the_fit_finds_its_own_terms():
    energy = np.geomspace(1, 1000, 7)
    np.testing.assert_allclose(fitted(energy, 0.6 / np.sqrt(energy) + 0.05), [0.6, 0.05])
    np.testing.assert_allclose(fitted(energy, [np.nan, *(0.6 / np.sqrt(energy[1:]) - 0.1)]), [0.6, -0.1])
    assert np.isnan(fitted([3, 3], [0.1, 0.2])).all()


def test_a_calorimeter_with_known_terms():
    draw = np.random.default_rng(0)
    energy = np.geomspace(1, 400, 2000).repeat(8)
    particle = np.arange(2000).repeat(8)

    def sums(scale, a, b):
        return scale * energy * (1 + draw.normal(size=len(energy)) * (a / np.sqrt(energy) + b))

    found = response(sums(10, 0.3, 0.02), sums(11, 0.2, 0.05), energy=energy, particle=particle)
    assert found.error == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(found.terms[0], [0.3, 0.02], atol=0.01)
    np.testing.assert_allclose(found.terms[1], [0.2, 0.05], atol=0.01)
    low = response(sums(10, 0.3, 0.02), sums(9, 0.3, 0.02), energy=energy, particle=particle)
    assert low.error == pytest.approx(0.1, abs=0.01)
    assert low.resolution_error < 0.05
    assert found.resolution_error > 0.25


def test_particles_that_differ_are_no_resolution():
    draw = np.random.default_rng(0)
    level = draw.uniform(50, 150, 500).repeat(4)
    particle = np.arange(500).repeat(4)
    found = response(level, level, energy=np.ones(2000), particle=particle)
    assert found.resolutions == pytest.approx(np.zeros((2, 1)))


def test_without_repeats_there_is_no_resolution():
    found = response([1, 2], [2, 4], energy=[1, 2], particle=[0, 1])
    assert found.error == 1
    assert np.isnan(found.resolution_error)
    assert np.isnan(found.terms).all()


def test_efficiencies():
    first, second = efficiencies([[0, 1], [2, 3]], [[0, 0], [0, 1], [0, 2], [1, 1]])
    assert first.tolist() == [0.5, 1]
    assert second.tolist() == [0.25, 0.75]


def test_centroid_resolutions():
    first, second = centroid_resolutions(
        [[1.0], [3], [7], [7]], [[np.nan], [3], [4], [8]], particle=[0, 0, 5, 5]
    )
    assert first.tolist() == [1]  # sqrt((2 + 0) / 2)
    assert second == pytest.approx(np.sqrt(8))
    assert np.isnan(centroid_resolutions([1, 2], [1, 2], particle=[0, 1])[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: response([], [], energy=[], particle=[]), "reference is empty"),
        (lambda: response([1], [1, 2], energy=[1], particle=[0]), "the same rows, found 1 and 2"),
        (lambda: response([1], [1], energy=[0], particle=[0]), "energy should be above 0, found 0"),
        (lambda: response([1], [1], energy=[1, 2], particle=[0]), "energy should have the shape"),
        (lambda: response([0], [1], energy=[1], particle=[0]), "no photons in any bin"),
        (lambda: response([1], [np.nan], energy=[1], particle=[0]), "generated should be finite"),
        (lambda: efficiencies([[1, 2]], [[1]]), "the same columns, found 2 and 1"),
        (lambda: centroid_resolutions([1, 2], [1], particle=[0, 1]), "the same shape"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
