"""Each fault does what it says, no more at size 0, and all the while at the same rows for the same seed."""

import numpy as np
import pytest

from simbench.harness.gallery.faults import FAULTS, meaning, spoiled, whole
from simbench.harness.metrics.conditional import by_particle
from simbench.harness.plugin.observables import NAMES, observe


@pytest.fixture(scope="module")
def spoil(world, perfect):
    def call(name, **asked):
        return spoiled(name, perfect, world.conditions, world.particle, **asked)

    return call


def changed(before, after):
    return (before != after).any(axis=(1, 2))


@pytest.mark.parametrize("name", FAULTS)
def test_size_0_is_nothing_and_the_seed_decides(spoil, perfect, name):
    before = perfect.copy()
    assert np.array_equal(spoil(name, size=0), perfect)
    found = spoil(name, size=0.6)
    assert np.array_equal(found, spoil(name, size=0.6))
    assert found.shape == perfect.shape
    assert (found >= 0).all()
    assert np.array_equal(perfect, before)
    if name not in ("perfect",):
        assert not np.array_equal(found, perfect)


@pytest.mark.parametrize(
    "name", ["marginal-only", "shifted", "mirrored", "transposed", "noise-pixels", "memoriser", "empties"]
)
def test_another_seed_draws_others(spoil, name):
    assert not np.array_equal(spoil(name, size=0.5, seed=1), spoil(name, size=0.5))


@pytest.mark.parametrize(
    "name", ["shifted", "mirrored", "transposed", "empties", "memoriser", "mode-dropped"]
)
def test_a_larger_size_changes_the_same_and_more(spoil, perfect, name):
    some, more = (changed(perfect, spoil(name, size=size)) for size in (0.3, 0.7))
    assert (some <= more).all()
    assert 0 < some.sum() < more.sum()


@pytest.mark.parametrize("size", [0.25, 1])
def test_a_share_is_that_share(spoil, size):
    assert (spoil("empties", size=size).sum(axis=(1, 2)) == 0).mean() == pytest.approx(size, abs=0.04)


def test_whole_images(spoil, perfect):
    assert np.array_equal(spoil("perfect"), perfect)
    assert np.array_equal(spoil("mirrored"), perfect[:, ::-1])
    assert np.array_equal(spoil("transposed"), np.rot90(perfect, 2, axes=(1, 2)))  # it is not square
    square = np.arange(32.0).reshape(2, 4, 4)
    assert np.array_equal(spoiled("transposed", square, [1, 2], [0, 1]), square.swapaxes(1, 2))
    shifted = spoil("shifted")
    assert np.array_equal(shifted[:, 1:], perfect[:, :-1])
    assert not shifted[:, 0].any()


def test_marginal_only_keeps_the_pool_and_loses_the_particle(world, spoil, perfect):
    found = spoil("marginal-only")
    key = [
        np.sort(side.reshape(2000, -1).view([("", side.dtype)] * 120).ravel())
        for side in (np.ascontiguousarray(found), perfect.astype(np.float64))
    ]
    assert np.array_equal(*key)
    bias = [
        by_particle(world.responses.sum(axis=(1, 2)), x.sum(axis=(1, 2)), particle=world.particle).averages()
        for x in (perfect, found)
    ]
    assert bias[1]["bias"] > 4 * bias[0]["bias"]


@pytest.mark.parametrize("size", [0.5, 1])
def test_mean_only_keeps_the_mean_and_shrinks_the_spread(world, spoil, perfect, size):
    found = by_particle(
        perfect.sum(axis=(1, 2)), spoil("mean-only", size=size).sum(axis=(1, 2)), particle=world.particle
    ).averages()
    assert found["bias"] == pytest.approx(0, abs=1e-9)
    assert found["ratio"] == pytest.approx(1 - size, abs=1e-9)


def test_blurred_by_hand():
    image = np.zeros((1, 4, 4))
    image[0, 1, 1], image[0, 0, 3] = 8, 16
    found = spoiled("blurred", image, [1.0], [0], size=1)[0]
    # 1/8 to each neighbour; two of the corner's four are beyond the edge, and it keeps what was theirs
    assert found.tolist() == [[0, 1, 2, 12], [1, 4, 1, 2], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_blurred_keeps_the_light(spoil, perfect):
    np.testing.assert_allclose(spoil("blurred", size=0.7).sum(axis=(1, 2)), perfect.sum(axis=(1, 2)))


@pytest.mark.parametrize("size", [0.5, 1])
def test_core_squeezed(spoil, perfect, size):
    before, after = observe(perfect), observe(spoil("core-squeezed", size=size))
    core, peak = NAMES.index("core_share"), NAMES.index("peak_share")
    np.testing.assert_allclose(after[:, 0], before[:, 0])
    np.testing.assert_allclose(after[:, core], before[:, core], rtol=1e-6)
    expected = before[:, peak] + size * (before[:, core] - before[:, peak])
    np.testing.assert_allclose(after[:, peak], expected, rtol=1e-6)


def test_noise_pixels(spoil, perfect):
    added = spoil("noise-pixels", size=0.4) - perfect
    assert added.sum(axis=(1, 2)).mean() == pytest.approx(4, abs=0.3)
    assert (added >= 0).all()


def test_memoriser_knows_a_tenth(world, spoil, perfect):
    found = spoil("memoriser").reshape(2000, -1)
    assert len(np.unique(found, axis=0)) <= 200
    kept = ~changed(perfect, spoil("memoriser"))
    assert 0.03 < kept.mean() < 0.2
    energy = world.conditions[:, 0]
    right = np.corrcoef(found.sum(axis=1), energy)[0, 1]
    assert right > 0.8


def test_memoriser_of_a_pool_answers_with_it(world, spoil):
    pool = world.again(99)[:80], world.conditions[:80]
    found = spoil("memoriser", pool=pool)
    assert all((image == pool[0]).all(axis=(1, 2)).any() for image in found[:200])


def test_mode_dropped(world, perfect, spoil):
    species = world.particle % 3  # one of them brings most light
    light = np.bincount(species, weights=perfect.sum(axis=(1, 2)))
    lost = species == light.argmax()
    found = spoil("mode-dropped", species=species)
    assert np.array_equal(found[~lost], perfect[~lost])
    assert changed(perfect, found)[lost].mean() > 0.9
    others = {image.tobytes() for image in perfect[~lost].astype(float)}
    assert all(image.tobytes() in others for image in found[lost])


def test_mode_dropped_without_species_drops_half_of_the_places(spoil, perfect):
    x = NAMES.index("peak_x")
    low = observe(perfect)[:, x] < 6
    after = observe(spoil("mode-dropped"))[:, x] < 6
    assert 0.2 < low.mean() < 0.8
    assert after.all() or not after.any()


def test_one_species_cannot_be_dropped(spoil, perfect):
    assert np.array_equal(spoil("mode-dropped", species=np.zeros(2000, int)), perfect)


@pytest.mark.parametrize("name", ["mean-only", "blurred", "core-squeezed", "overdispersed", "brightest-cut"])
def test_whole_numbers_with_the_same_mean(spoil, name):
    before = spoil(name, size=0.7)
    after = np.stack([whole(before, seed) for seed in range(60)])
    assert np.array_equal(after, np.rint(after))
    assert (after >= 0).all()
    assert (np.abs(after.sum(axis=(2, 3)) - before.sum(axis=(1, 2))) < 1).all()
    spread = np.sqrt(0.25 / 60)
    assert (np.abs(after.mean(axis=0) - before) < 6 * spread).all()


def test_what_is_whole_stays(perfect):
    assert np.array_equal(whole(perfect, 5), perfect)


def test_overdispersed_keeps_the_mean(spoil, perfect):
    total = perfect.sum(axis=(1, 2))
    factor = spoil("overdispersed").sum(axis=(1, 2))[total > 0] / total[total > 0]
    assert factor.mean() == pytest.approx(1, abs=0.05)
    assert np.log(factor).std() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("size", [0.5, 1])
def test_brightest_cut(spoil, perfect, size):
    total = perfect.sum(axis=(1, 2))
    bound = np.quantile(total, 0.9)
    expected = np.where(total > bound, total - size * (total - bound), total)
    np.testing.assert_allclose(spoil("brightest-cut", size=size).sum(axis=(1, 2)), expected, rtol=1e-9)


def test_every_fault_says_what_it_does():
    assert all(0 < len(meaning(name)) < 110 for name in FAULTS)


IMAGE = np.ones((2, 3, 3))


@pytest.mark.parametrize(
    ("arguments", "asked", "message"),
    [
        (("nope", IMAGE, [1, 2], [0, 1]), {}, "unknown fault 'nope'; there are perfect, "),
        (("shifted", IMAGE, [1, 2], [0, 1]), {"size": 1.5}, "from 0 to 1, found 1.5"),
        (("shifted", IMAGE, [1, 2], [0, 1]), {"size": np.nan}, "from 0 to 1, found nan"),
        (("shifted", IMAGE[0], [1, 2], [0, 1]), {}, r"should have the shape \(N, H, W\)"),
        (("shifted", IMAGE[:0], [1, 2], [0, 1]), {}, r"should have the shape \(N, H, W\)"),
        (("shifted", IMAGE * np.inf, [1, 2], [0, 1]), {}, "responses should be finite"),
        (("shifted", IMAGE, [1], [0, 1]), {}, "conditions should have 2 rows, found 1"),
        (("shifted", IMAGE, [1, 2], [0]), {}, r"particle should have the shape \(2,\)"),
        (("shifted", IMAGE, [1, 2], [0, 1]), {"species": [1]}, r"species should have the shape \(2,\)"),
        (
            ("memoriser", IMAGE, [1, 2], [0, 1]),
            {"pool": (IMAGE[:, 1:], [1, 2])},
            r"the pool's images should have the shape \(3, 3\), found \(2, 3\)",
        ),
        (("memoriser", IMAGE, [1, 2], [0, 1]), {"pool": (IMAGE[:0], [])}, "pool should have the shape"),
    ],
)
def test_what_is_wrong_is_named(arguments, asked, message):
    with pytest.raises(ValueError, match=message):
        spoiled(*arguments, **asked)
