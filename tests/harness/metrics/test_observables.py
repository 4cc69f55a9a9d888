"""Observables against a plain loop over pixels, and against images worked by hand."""

import numpy as np
import pytest

from simbench.harness.plugin import observables
from simbench.harness.plugin.observables import NAMES, OBSERVABLES, observe


def slow(image):
    """The formulas as they are written, one image at a time."""
    image = np.asarray(image, dtype=np.float64)
    height, width = image.shape
    i, j = np.indices(image.shape)
    total = image.sum()
    if not total:
        return {
            name: 0 if name in ("photon_sum", "hit_pixels", "single_pixels") else np.nan for name in NAMES
        }
    x, y = (i * image).sum() / total, (j * image).sum() / total
    a, b = np.unravel_index(image.argmax(), image.shape)
    ranked = np.sort(image, axis=None)[::-1]
    core = image[max(0, a - 1) : a + 2, max(0, b - 1) : b + 2].sum()
    return {
        "photon_sum": total,
        "centre_x": x,
        "centre_y": y,
        "width_x": np.sqrt(((i - x) ** 2 * image).sum() / total),
        "width_y": np.sqrt(((j - y) ** 2 * image).sum() / total),
        "peak_x": a,
        "peak_y": b,
        "peak_share": image.max() / total,
        "share_4": ranked[:4].sum() / total,
        "share_12": ranked[:12].sum() / total,
        "core_share": core / total,
        "hit_pixels": (image > 0).sum(),
        "single_pixels": (image == 1).sum(),
        "asymmetry_x": (image[: height // 2].sum() - image[height - height // 2 :].sum()) / total,
        "asymmetry_y": (image[:, : width // 2].sum() - image[:, width - width // 2 :].sum()) / total,
    }


@pytest.mark.parametrize("shape", [(56, 30), (44, 44), (5, 7), (1, 3), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64, np.float32, np.float64])
def test_observables_are_their_formulas(shape, dtype):
    draw = np.random.default_rng(5)
    images = draw.poisson(draw.gamma(0.3, 2, (40, 1, 1)) * draw.gamma(0.1, 3, (40, *shape))).astype(dtype)
    if np.dtype(dtype).kind == "f":
        images = (images * 0.37).astype(np.float32).astype(dtype)
    images[3] = 0
    expected = np.array([list(slow(image).values()) for image in images])
    assert list(slow(images[0])) == list(NAMES)
    np.testing.assert_allclose(observe(images), expected, rtol=1e-12, atol=1e-12)


def test_blocks_make_no_difference(world, monkeypatch):
    whole = observe(world.responses)
    monkeypatch.setattr(observables, "BLOCK", 7)
    assert np.array_equal(observe(world.responses), whole)
    assert np.array_equal(observe(world.responses[100:105]), whole[100:105])


def test_an_image_worked_by_hand():
    image = np.zeros((1, 4, 5), np.uint8)
    image[0, 0, 1], image[0, 2, 3], image[0, 3, 4] = 1, 2, 1
    found = dict(zip(NAMES, observe(image)[0], strict=True))
    assert found == {
        "photon_sum": 4,
        "centre_x": 7 / 4,
        "centre_y": 11 / 4,
        "width_x": pytest.approx(np.sqrt(1.1875)),
        "width_y": pytest.approx(np.sqrt(1.1875)),
        "peak_x": 2,
        "peak_y": 3,
        "peak_share": 0.5,
        "share_4": 1,
        "share_12": 1,
        "core_share": 0.75,
        "hit_pixels": 3,
        "single_pixels": 2,
        "asymmetry_x": -0.5,
        "asymmetry_y": -0.5,  # columns 0, 1 against 3, 4: the middle one is on neither side
    }


def test_the_first_of_equal_maxima_in_row_order_is_the_peak():
    image = np.zeros((1, 3, 3), np.int32)
    image[0, 1, 2] = image[0, 2, 0] = 5
    assert observe(image)[0, NAMES.index("peak_x")] == 1
    assert observe(image)[0, NAMES.index("core_share")] == 0.5


def test_empty_responses_have_a_sum_and_nothing_else():
    found = observe(np.zeros((2, 3, 3), np.uint16))
    defined = [name in ("photon_sum", "hit_pixels", "single_pixels") for name in NAMES]
    assert (found[:, defined] == 0).all()
    assert np.isnan(found[:, ~np.array(defined)]).all()


def test_no_responses_give_no_rows():
    assert observe(np.zeros((0, 3, 3))).shape == (0, len(OBSERVABLES))


def test_mirrored_images_have_opposite_asymmetries(world):
    there, back = observe(world.responses), observe(world.responses[:, ::-1])
    place = NAMES.index("asymmetry_x")
    assert np.array_equal(there[:, place], -back[:, place])
    assert not np.array_equal(there[:, place], back[:, place])


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        (np.zeros((3, 3)), r"should have the shape \(N, H, W\), found \(3, 3\)"),
        (np.zeros((3, 0, 3)), r"should have the shape \(N, H, W\), found \(3, 0, 3\)"),
        (np.zeros((3, 2, 2), complex), "should be numbers, found complex128"),
    ],
)
def test_other_shapes_are_refused(responses, message):
    with pytest.raises(ValueError, match=message):
        observe(responses)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1])
def test_a_wrong_pixel_is_named(value):
    responses = np.zeros((1500, 3, 4), np.float32)
    responses[1200, 2, 1] = value
    with pytest.raises(
        ValueError, match=r"finite and not negative, found .* in response 1200, pixel \(2, 1\)"
    ):
        observe(responses)


def test_every_observable_is_told():
    assert len(set(NAMES)) == len(NAMES)
    assert all(observable.unit and observable.formula for observable in OBSERVABLES)
