"""The calorimeters, with the three conventions written out cell by cell."""

import numpy as np
import pytest

from simbench.harness.data.sums import Projection
from simbench.plugins.zdc import conventions

SHAPES = {"proton": (56, 30), "neutron": (44, 44)}


def expertsim(detector, i, j, height, width):
    if (i + j) % 2 == 0:
        return 0
    if i >= height / 2:
        return 1 if j < width / 2 else 2
    return 3 if j < width / 2 else 4


def even_quadrants(detector, i, j, height, width):
    if (i + j) % 2 == 1:
        return 0
    if i < height / 2:
        return 1 if j < width / 2 else 2
    return 3 if j < width / 2 else 4


def hardware(detector, i, j, height, width):
    if (i + j) % 2 == 0:
        return 0
    if detector == "proton":
        return int(4 * i / height) + 1
    if j < width / 2:
        return 1 if i < height / 2 else 2
    return 3 if i < height / 2 else 4


RULES = {"expertsim": expertsim, "even-quadrants": even_quadrants, "hardware": hardware}


@pytest.mark.parametrize("convention", RULES)
@pytest.mark.parametrize(
    ("name", "shape"), [*SHAPES.items(), ("proton", (4, 4)), ("neutron", (4, 4)), ("proton", (8, 6))]
)
def test_every_cell_is_in_the_channel_of_the_rule_and_in_no_other(name, shape, convention):
    masks = conventions(name, shape)[convention].masks
    assert masks.shape == (5, *shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            channels = np.flatnonzero(masks[:, i, j]).tolist()
            assert channels == [RULES[convention](name, i, j, *shape)], (i, j)


def test_sums_of_a_small_image_worked_by_hand():
    # Every cell of a 4 x 4 image holds another power of two, so a sum tells its cells; first index down.
    image = 2.0 ** np.arange(16).reshape(4, 4)

    def sums(name, convention):
        masks = conventions(name, (4, 4))[convention].masks
        return [float(image[mask].sum()) for mask in masks]

    def cells(*numbers):
        return float(sum(2**number for number in numbers))

    even, odd = cells(0, 2, 5, 7, 8, 10, 13, 15), cells(1, 3, 4, 6, 9, 11, 12, 14)
    for name in SHAPES:
        assert sums(name, "expertsim") == [even, cells(9, 12), cells(11, 14), cells(1, 4), cells(3, 6)]
        assert sums(name, "even-quadrants") == [odd, cells(0, 5), cells(2, 7), cells(8, 13), cells(10, 15)]
    assert sums("neutron", "hardware") == [even, cells(1, 4), cells(9, 12), cells(3, 6), cells(11, 14)]
    assert sums("proton", "hardware") == [even, cells(1, 3), cells(4, 6), cells(9, 11), cells(12, 14)]


def test_hardware_towers_are_14_rows_each():
    masks = conventions("proton", (56, 30))["hardware"].masks
    for tower in range(4):
        rows = np.flatnonzero(masks[tower + 1].any(axis=1))
        assert rows.tolist() == list(range(14 * tower, 14 * tower + 14))


@pytest.mark.parametrize("name", SHAPES)
def test_half_of_the_cells_are_common_and_an_eighth_each_towers(ours, name):
    cells = SHAPES[name][0] * SHAPES[name][1]
    for channel_map in ours.detectors[name].channels.values():
        counts = channel_map.masks.sum(axis=(1, 2))
        assert counts[0] == cells / 2
        assert counts[1:].sum() == cells / 2
        assert abs(counts[1:] - cells / 8).max() <= 1
        assert (channel_map.masks.sum(axis=0) == 1).all()


@pytest.mark.parametrize("name", SHAPES)
def test_channels_add_up_to_the_photon_sum(ours, name):
    detector = ours.detectors[name]
    images = np.random.default_rng(0).integers(0, 700, (3, *SHAPES[name]))
    projection = Projection(detector)
    sums = projection(images)
    for convention in RULES:
        channels = sums.channels(convention)
        assert channels.shape == (3, 5)
        np.testing.assert_array_equal(channels.sum(axis=1), images.sum(axis=(1, 2)))
    np.testing.assert_array_equal(sums.photons, images.sum(axis=(1, 2)))


@pytest.mark.parametrize("name", SHAPES)
def test_detector(ours, name):
    detector = ours.detectors[name]
    assert detector.shape == SHAPES[name]
    assert detector.unit == "photons"
    assert detector.default_channels == "expertsim"
    assert set(detector.channels) == set(RULES)
    for channel_map in detector.channels.values():
        assert channel_map.names == ("pmtc", "pmt1", "pmt2", "pmt3", "pmt4")
    assert [(feature.name, feature.unit) for feature in detector.features] == [
        ("Energy", "GeV"),
        ("Vx", "cm"),
        ("Vy", "cm"),
        ("Vz", "cm"),
        ("Px", "GeV/c"),
        ("Py", "GeV/c"),
        ("Pz", "GeV/c"),
        ("mass", "GeV/c^2"),
        ("charge", "e"),
    ]


def test_geometry(ours):
    proton, neutron = ours.detectors["proton"], ours.detectors["neutron"]
    assert (proton.half_size, proton.centre, proton.distance) == ((11.2, 6.0), (24.35, 0.0), 11252)
    assert (neutron.half_size, neutron.centre, neutron.distance) == ((3.52, 3.52), (0.0, 0.0), 11260)
    for detector, pitch in ((proton, 0.4), (neutron, 0.16)):
        for cells, half in zip(detector.shape, detector.half_size, strict=True):
            assert cells * pitch == pytest.approx(2 * half)
