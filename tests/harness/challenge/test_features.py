"""Geometry and features: the challenge's own numbers, and a shower worked by hand."""

import numpy as np
import pytest

from simbench.harness.challenge.features import features, names
from simbench.harness.plugin.geometry import Cylinders, Layer


@pytest.mark.parametrize("name", ["photons", "pions", "2", "3"])
def test_geometry_is_the_challenges(geometries, golden, name):
    told, geometry = golden["geometry"][name], geometries[name]
    layers = told.get("layers") or [{**told["every_layer"], "id": n} for n in range(told["n_layers"])]
    assert geometry.threshold == told["voxel_threshold_MeV"]
    assert geometry.voxels == told["voxels"]
    assert [(one.number, one.angles, list(one.edges)) for one in geometry.layers] == [
        (one["id"], one["n_alpha"], pytest.approx(one["r_edges"], abs=1e-12)) for one in layers
    ]
    if "layers" in told:
        assert [place.start for place in geometry.places] == [one["offset"] for one in layers]


@pytest.mark.parametrize("name", ["photons", "pions", "2", "3"])
def test_features_are_the_challenges(geometries, by_formula, golden, name):
    told = golden["features"][name if name in ("2", "3") else f"1_{name}"]
    voxels, incident = by_formula(geometries[name], 4), 1000.0 * np.arange(1, 5)
    found = features(geometries[name], incident, [voxels[:1], voxels[1:]])
    assert (voxels > 0).sum(axis=1).tolist() == told["n_kept_voxels"]
    array = found.array()
    assert array.shape == (4, told["n_features"])
    assert len(names(geometries[name])) == told["n_features"]
    np.testing.assert_allclose(found.total, told["E_tot"], rtol=1e-12)
    np.testing.assert_allclose(array.sum(axis=1), told["row_sums"], rtol=1e-12)
    weighted = array @ np.arange(1, array.shape[1] + 1)
    np.testing.assert_allclose(weighted, told["column_weighted_sum"], rtol=1e-12)
    if "features" in told:
        np.testing.assert_allclose(array, told["features"], rtol=1e-12, atol=1e-12)


def test_worked_by_hand():
    """4 MeV at radius 1 and 12 at 3, opposite each other; then nothing."""
    geometry = Cylinders((Layer(7, (0, 2, 4), 2),), 0.5)
    found = features(geometry, np.array([10.0, 20.0]), [np.array([[4.0, 0, 0, 12], [0, 0, 0, 0]])])
    assert found.energy.ravel().tolist() == [16, 0]
    assert found.sparsity.ravel().tolist() == [0.5, 1]
    assert found.centre_r.ravel().tolist() == [2.5, 0]
    assert found.width_r.ravel() == pytest.approx([np.sqrt(3 / 4), 0])
    # angles of the middles: -pi / 2 and pi / 2
    assert found.centre_phi.ravel() == pytest.approx([(-4 + 36) / 16, 0])
    assert found.centre_eta.ravel() == pytest.approx([0, 0])


def test_as_many_showers_as_energies():
    geometry = Cylinders((Layer(0, (0, 1), 1),))
    with pytest.raises(ValueError, match="1 showers, but 2 incident energies"):
        features(geometry, np.ones(2), [np.ones((1, 1))])
    with pytest.raises(ValueError, match="more showers than 1"):
        features(geometry, np.ones(1), [np.ones((2, 1))])


@pytest.mark.parametrize("layer", [(0, (0,), 1), (0, (0, 2, 1), 1), (0, (0, 1), 0)])
def test_a_layer_that_cannot_be_is_named(layer):
    with pytest.raises(ValueError, match="layer 0 should have"):
        Layer(*layer)
