"""The shower parametrisation against what is known of electromagnetic showers, and its randomness."""

import numpy as np
import pytest

from simbench.baselines.gflash import LEAD_ARGON, TUNGSTEN_SILICON, Calorimeter, Gflash
from simbench.baselines.gflash.profiles import deposited, radii, shapes

LAYERS = 60
BOUNDS = np.arange(LAYERS)[:, None] * 0.5 + np.arange(2) * 0.5  # half a radiation length each


def calorimeter(**changes):
    """Rings of half a Moliere radius, of which the last holds nearly all that is left."""
    edges = tuple(0.5 * TUNGSTEN_SILICON.moliere_radius * np.array([0, 1, 2, 3, 4, 6, 8, 1000]))
    told = {"medium": TUNGSTEN_SILICON, "edges": (edges,) * LAYERS, "angles": (3,) * LAYERS, "bounds": BOUNDS}
    return Calorimeter(**{**told, "sampling": 0.2, **changes})


def showers(energy, count=300, seed=0, **changes):
    """(count, LAYERS, 3, 7) in GeV."""
    found = Gflash(calorimeter(**changes)).generate(np.full((count, 1), 1000.0 * energy), seed=seed)
    return found.reshape(count, LAYERS, 3, 7) / 1000.0


def test_media_are_those_of_tables():
    """Tungsten: 3.5 mm and 9.3 mm; lead and argon as ATLAS has them: about 20 and 41 mm."""
    assert TUNGSTEN_SILICON.radiation_length * 2.8 / 3.4 == pytest.approx(3.5, rel=0.02)
    assert TUNGSTEN_SILICON.critical_energy == pytest.approx(8.0, rel=0.06)
    assert TUNGSTEN_SILICON.moliere_radius * 2.8 / 3.4 == pytest.approx(9.3, rel=0.06)
    assert LEAD_ARGON.radiation_length == pytest.approx(20, rel=0.1)
    assert LEAD_ARGON.moliere_radius == pytest.approx(41, rel=0.1)
    assert 0 < TUNGSTEN_SILICON.e_over_mip < 1


def test_the_maximum_moves_inwards_with_the_logarithm_of_the_energy():
    depths = []
    for energy in (1.0, 10.0, 100.0, 1000.0):
        profile = showers(energy, 200).sum(axis=(0, 2, 3))
        middle = BOUNDS.mean(axis=1)
        near = np.abs(np.arange(LAYERS) - profile.argmax()) <= 3
        square = np.polyfit(middle[near], profile[near], 2)  # the top is a parabola
        depths.append(-square[1] / (2 * square[0]))
    steps = np.diff(depths)
    assert steps == pytest.approx([np.log(10)] * 3, rel=0.15)  # one radiation length for each factor e
    # electrons: ln(E / E_c) - 0.5 within a radiation length
    assert depths[1] == pytest.approx(np.log(1e4 / TUNGSTEN_SILICON.critical_energy) - 0.5, abs=1)


def test_nine_tenths_are_within_a_moliere_radius():
    for energy in (5.0, 100.0):
        rings = showers(energy, 200).sum(axis=(0, 1, 2))
        shares = np.cumsum(rings) / rings.sum()
        assert shares[1] == pytest.approx(0.9, abs=0.03)  # ring 1 ends at one Moliere radius
        assert shares[5] > 0.97


def test_the_resolution_is_the_sampling_fluctuation():
    for energy, sampling in ((1.0, 0.2), (16.0, 0.2), (16.0, 0.1)):
        sums = showers(energy, 600, sampling=sampling).sum(axis=(1, 2, 3))
        assert sums.std() / sums.mean() == pytest.approx(sampling / np.sqrt(energy), rel=0.12)
        assert sums.mean() == pytest.approx(energy, rel=0.03)


def test_photons_convert_first():
    middle = BOUNDS.mean(axis=1)
    electrons, photons = (
        np.average(middle, weights=showers(20.0, 400, photons=kind).sum(axis=(0, 2, 3)))
        for kind in (False, True)
    )
    assert photons - electrons == pytest.approx(9 / 7, abs=0.25)


def test_shapes_fluctuate_together():
    draw = np.random.default_rng(0).normal(size=(2, 4000))
    depth, shape = shapes(TUNGSTEN_SILICON, np.full(4000, 10.0), *draw)
    log_y = np.log(1e4 / TUNGSTEN_SILICON.critical_energy)
    assert np.log(depth).std() == pytest.approx(1 / (-2.5 + 1.25 * log_y), rel=0.05)
    assert np.log(shape).std() == pytest.approx(1 / (-0.82 + 0.79 * log_y), rel=0.05)
    assert np.corrcoef(np.log(depth), np.log(shape))[0, 1] == pytest.approx(0.784 - 0.023 * log_y, abs=0.03)


def test_layers_share_all_that_is_deposited():
    share = deposited(np.array([6.0]), np.array([4.0]), np.zeros(1), np.array([[0, 3], [3, 10], [10, 200]]))
    assert share.sum() == pytest.approx(1)
    assert (share > 0).all()
    late = deposited(np.array([6.0]), np.array([4.0]), np.array([5.0]), np.array([[0, 3], [3, 10.0]]))
    assert late[0, 0] == 0


def test_showers_widen_with_depth():
    core, tail, weight = radii(TUNGSTEN_SILICON, np.array(10.0), np.linspace(0.2, 3, 8))
    assert (np.diff(core) > 0).all()
    assert (tail > core).all()
    assert ((weight >= 0) & (weight <= 1)).all()


def test_a_shower_depends_on_its_row_and_energy_alone():
    simulator = Gflash(calorimeter())
    energies = np.array([[1e3], [5e5], [2e4], [1e6], [3e3]])
    whole = simulator.generate(energies, seed=3)
    np.testing.assert_array_equal(simulator.generate(energies[:2], seed=3), whole[:2])
    changed = energies.copy()
    changed[0] = 4e4
    np.testing.assert_array_equal(simulator.generate(changed, seed=3)[1:], whole[1:])
    assert (simulator.generate(energies, seed=4) != whole).any()
    assert simulator.generate(energies[:0], seed=3).shape == (0, LAYERS * 21)


def test_rings_of_unequal_width_are_those_of_equal_width():
    """The same rings, found in two ways."""
    even = (0.0, 2.0, 4.0, 6.0)
    first = Gflash(calorimeter(edges=(even,) * LAYERS, angles=(2,) * LAYERS))
    second = Gflash(
        calorimeter(edges=(*((even,) * (LAYERS - 1)), (0.0, 2.0, 4.0, 6.5)), angles=(2,) * LAYERS)
    )
    found = [
        one.generate(np.full((5, 1), 2e4), seed=1).reshape(5, LAYERS, 6)[:, :-1] for one in (first, second)
    ]
    np.testing.assert_array_equal(*found)


def test_faint_voxels_are_empty():
    found = showers(10.0, 20, threshold=2.0)
    assert found[found > 0].min() * 1000 >= 2.0
