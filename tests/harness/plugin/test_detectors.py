"""Detectors, channel maps, and the projection onto channel sums."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from simbench.harness.data.sums import Projection
from simbench.harness.errors import UserError
from simbench.plugins.zdc import simbench_detectors


def test_channel_map_by_name(toy):
    assert toy.detector.channel_map().names == ("front", "middle", "back")
    assert toy.detector.channel_map("halves").names == ("left", "right")
    assert toy.detector.feature_names == ("energy", "angle")
    with pytest.raises(UserError, match="'quarters'; it has thirds, halves"):
        toy.detector.channel_map("quarters")


def test_projection_worked_by_hand(toy):
    image = np.zeros((1, 6, 4), np.uint16)
    image[0, 0, 0], image[0, 2, 3], image[0, 5, 1], image[0, 5, 2] = 1, 10, 100, 1000
    projection = Projection(toy.detector)
    sums = projection(image)
    assert sums.channels("thirds").tolist() == [[1, 10, 1100]]
    assert sums.channels("halves").tolist() == [[101, 1010]]
    assert sums.photons.tolist() == [1111]
    assert (sums.sums.dtype, sums.photons.dtype) == (np.uint32, np.float64)
    halved = projection(image / 2)
    assert halved.sums.dtype == np.float64
    assert halved.channels("thirds").tolist() == [[0.5, 5, 550]]
    with pytest.raises(KeyError):
        sums.channels("quarters")


@given(
    arrays(
        np.int64,
        st.tuples(st.integers(0, 5), st.just(6), st.just(4)),
        elements=st.one_of(st.integers(0, 50), st.integers(0, 2**40)),
    )
)
def test_projection_is_the_sum_over_each_mask_exactly(toy, responses):
    projection = Projection(toy.detector)
    sums = projection(responses)
    for convention, channel_map in toy.detector.channels.items():
        expected = [[int(image[mask].sum()) for mask in channel_map.masks] for image in responses]
        found = sums.channels(convention)
        assert found.tolist() == expected
    assert sums.photons.tolist() == responses.sum(axis=(1, 2)).tolist()


def test_projection_is_exact_around_the_limit_of_float32(toy):
    projection = Projection(toy.detector)
    for total in (2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**31 - 1):
        image = np.zeros((2, 6, 4), np.int32)
        image[1, 0, 0], image[1, 5, 3] = total - 1, 1
        assert projection(image).photons.tolist() == [0, total]
        image[1, 0, 0], image[1, 5, 3] = total, 0
        assert projection(image).photons.tolist() == [0, total]


def test_projection_leaves_the_responses_alone(toy):
    for kind in (np.uint8, np.int32, np.float32, np.float64):
        responses = np.full((2, 6, 4), 3, kind)
        sums = Projection(toy.detector)(responses)
        assert (responses == 3).all()
        # Three channels, two channels, the photon sum, and its first and second moments.
        assert sums.sums[0].tolist() == [24, 24, 24, 36, 36, 72, 180, 108, 660, 252]


def test_straight_lines_meet_the_face_on_both_sides():
    """A photon of a published event, its mirror image in z, and one from a vertex 10 m ahead; by hand."""
    detector = next(each for each in simbench_detectors() if each.name == "proton")
    photon = [513.3, 1.454e-08, 3.651e-08, -2.731e-03, 0.035456, -0.0518206, -513.3, 0, 0]
    later = [100, 1.0, 2.0, 1000.0, 0.1, -0.2, 100, 0, 0]
    still = [0.5, 0, 0, 0, 0.5, 0, 0, 0, 0]
    rows = np.array([photon, photon, later, still], np.float32)
    rows[1, [3, 6]] *= -1
    found = detector.impact(rows)
    expected = [0.035456 / 513.3 * 11252 - 24.35, -0.0518206 / 513.3 * 11252]
    np.testing.assert_allclose(found[:2], [expected] * 2, rtol=1e-5)
    np.testing.assert_allclose(found[2], [1 + 1e-3 * 10252 - 24.35, 2 - 2e-3 * 10252], rtol=1e-5)
    assert np.isnan(found[3]).any()


def test_impact_needs_a_face_and_a_track(toy):
    conditions = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="'toy': it is not known where its face is"):
        toy.detector.impact(conditions)
    placed = replace(toy.detector, half_size=(1.0, 1.0), centre=(0.0, 0.0), distance=100.0)
    with pytest.raises(ValueError, match="'toy' has no feature 'Vx'"):
        placed.impact(conditions)
