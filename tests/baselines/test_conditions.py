import json

import numpy as np
import pytest

from simbench.baselines.conditions import Geometry, Scaler, is_zdc, zdc_features

PROTON = Geometry((11.2, 6.0), (24.35, 0.0), 11252.0)
PHOTON = [513.3, 1.454e-08, 3.651e-08, -2.731e-03, 0.035456, -0.0518206, -513.3, 0, 0]
NAMES = ("Energy", "Vx", "Vy", "Vz", "Px", "Py", "Pz", "mass", "charge")


def test_features_of_a_real_photon():
    found = zdc_features([PHOTON], PROTON)[0]
    assert found[0] == pytest.approx(np.log(513.3))
    impact_x, impact_y = 0.035456 / 513.3 * 11252, -0.0518206 / 513.3 * 11252
    np.testing.assert_allclose(found[2:4], [impact_x / 11.2, impact_y / 6.0], rtol=1e-5)
    np.testing.assert_allclose(found[5:7], [max(-2, (impact_x - 24.35) / 11.2), impact_y / 6.0], rtol=1e-5)
    assert found[7] == pytest.approx(-1, abs=1e-3)  # far from the face
    assert found[8] == pytest.approx(-1, abs=1e-6)
    assert found[9] == found[10] == found[12] == 0
    assert found[16:25].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]  # massless
    assert not found[25:].any()  # the energy bins are for massive particles


def test_the_edge_of_the_face_is_told_roughly_and_sharply():
    edge = 24.35 + 11.2  # cm from the collision axis
    rows = [[6500, edge + d, 0, 0, 0, 0, -6500, 0, 0] for d in (-1.12, 0, 1.12)]  # a tenth of the half size
    found = zdc_features(rows, PROTON)[:, 7:9]
    inside = np.array([[0.1], [0], [-0.1]])
    np.testing.assert_allclose(found, np.tanh(inside * [5, 25]), atol=1e-9)


def test_kinds_of_particles_are_told_by_their_masses():
    masses = (0, 0.000511, 0.1057, 0.1396, 0.4937, 0.9383, 1.1157, 1.1894, 1.3217)
    rows = [[100, 0, 0, 0, 0, 0, -100, mass, 0] for mass in masses]
    np.testing.assert_array_equal(zdc_features(rows, PROTON)[:, 16:25], np.eye(9))


def test_energy_bins_share_a_massive_particle_between_two_neighbours_of_its_sign():
    energies = (6500.0, 6500 * 2.25 / 20)
    rows = [[e, 0, 0, 0, 0, 0, -e, 0.938, charge] for e in energies for charge in (0, 1, -1)]
    bins = zdc_features(rows, PROTON)[:, 25:].reshape(2, 3, 3, 21)  # energy, charge, sign of the bins, bin
    expected = np.zeros((2, 3, 3, 21))
    for sign in range(3):
        expected[0, sign, sign, 20] = 1
        expected[1, sign, sign, 2:4] = 0.75, 0.25
    np.testing.assert_allclose(bins, expected, atol=1e-12)


def test_bending_goes_with_charge_over_momentum():
    proton = [2600.0, 0, 0, 0, 0, 0, -2600.0, 0.938, 1.0]
    antiproton = [*proton[:8], -1.0]
    found = zdc_features([proton, antiproton], PROTON)
    assert found[0, 10] == pytest.approx(2.5)
    assert found[1, 10] == pytest.approx(-2.5)


def test_features_are_finite_for_particles_at_rest():
    assert np.isfinite(zdc_features(np.zeros((1, 9)), PROTON)).all()


@pytest.mark.parametrize("geometry", [PROTON, None])
def test_scaler_is_fitted_on_the_given_rows_alone(geometry):
    draw = np.random.default_rng(0)
    rows = np.array(PHOTON) * draw.uniform(0.5, 1.5, (400, 9))
    fitted = Scaler.fit(rows[:200], clip=None, geometry=geometry)
    scaled = fitted(rows[:200])
    varying = rows[:200].std(axis=0) > 0 if geometry is None else slice(0, 5)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0)[varying], 1, atol=1e-5)
    assert scaled.dtype == np.float32
    other = Scaler.fit(rows, clip=None, geometry=geometry)
    assert not np.array_equal(other.mean, fitted.mean)
    np.testing.assert_array_equal(fitted(rows)[:200], scaled)  # later rows change nothing


def test_plain_scaling_is_mean_and_standard_deviation():
    rows = np.array([[1.0, 5.0], [3.0, 5.0]])
    scaler = Scaler.fit(rows, clip=None, geometry=None)
    np.testing.assert_allclose(scaler([[2.0, 6.0], [7.0, 5.0]]), [[0, 1], [5, 0]])  # a constant has scale 1


def test_clipping_bounds_outliers():
    scaler = Scaler.fit(np.arange(10.0)[:, None], clip=3.0, geometry=None)
    np.testing.assert_array_equal(scaler([[1e9], [-1e9]]), [[3.0], [-3.0]])


@pytest.mark.parametrize("geometry", [PROTON, None])
def test_json_round_trip_is_exact(geometry):
    rows = np.array(PHOTON) * np.random.default_rng(0).uniform(0.5, 1.5, (50, 9))
    scaler = Scaler.fit(rows, clip=5.0, geometry=geometry)
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(scaler(rows), again(rows))
    assert again.geometry == geometry


def test_only_the_nine_features_in_order_are_those_of_the_zdc():
    assert is_zdc(NAMES)
    assert not is_zdc(NAMES[::-1])
    assert not is_zdc(("energy",))


def test_both_sides_are_alike():
    rows = np.array([PHOTON, [900, 0.1, -0.2, -350, 0.3, 0.2, -899, 0.938, 1]])
    mirrored = rows * np.array([1, 1, 1, -1, 1, 1, -1, 1, 1])
    np.testing.assert_array_equal(zdc_features(rows, PROTON), zdc_features(mirrored, PROTON))
