import numpy as np
import pytest

from simbench.baselines.cascade.density.surroundings import (
    CHILDREN_AROUND,
    DRAWN_BEFORE,
    framed,
    near,
    neighbours,
    patches,
    straight,
)
from simbench.baselines.cascade.density.tree import Tree, children, colour
from simbench.baselines.conditions import Geometry

SHAPES = [(56, 30), (44, 44), (5, 7), (1, 1), (1, 9), (16, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_levels_lead_from_one_cell_to_the_pixels_and_keep_every_photon(shape):
    tree = Tree(shape)
    assert (tree.shapes[0], tree.shapes[-1]) == ((1, 1), shape)
    images = np.random.default_rng(1).integers(0, 5, (3, *shape))
    maps = tree.maps(images)
    assert [m.shape[1:] for m in maps] == list(tree.shapes)
    for level in range(tree.depth):
        assert (maps[level].sum((1, 2)) == images.sum((1, 2))).all()
        b, i, j = np.nonzero(np.ones_like(maps[level]))
        np.testing.assert_array_equal(children(maps[level + 1], b, i, j).sum(1), maps[level].ravel())


@pytest.mark.parametrize("shape", SHAPES)
def test_just_the_children_within_the_image_exist(shape):
    tree = Tree(shape)
    for level in range(tree.depth):
        present = tree.present(level)
        assert present.sum() == np.prod(tree.shapes[level + 1])
        assert present.any(1).all()


def test_the_names_are_those_of_the_levels_maps():
    assert Tree((5, 7)).names == ("sum", "2x2", "3x4", "5x7")
    assert Tree((56, 30)).shapes[Tree((56, 30)).top] == (7, 4)


def test_a_shape_without_pixels_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Tree((0, 4))


def test_a_round_sees_only_what_earlier_rounds_have_drawn():
    """Whatever later rounds, and the parent's own children, hold: what a parent is told does not change."""
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 9, (1, 8, 8))
    i, j = np.indices((4, 4)).reshape(2, -1)
    b, rounds = np.zeros(16, int), colour(i, j)
    told = neighbours(framed(counts), rounds, b, i, j)
    round_of_child = colour(np.arange(8)[:, None] // 2, np.arange(8)[None] // 2)
    for round_ in range(4):
        changed = np.where(round_of_child >= round_, 100, counts[0])[None]
        here = rounds == round_
        again = neighbours(framed(changed), rounds, b, i, j)
        np.testing.assert_array_equal(again[here], told[here])
    assert (told[rounds == 0] == 0).all()
    assert list(DRAWN_BEFORE.sum(1)) == [0, 8, 24, 32]


def test_patches_are_the_surroundings():
    counts = np.arange(30).reshape(1, 5, 6)
    found = patches(framed(counts), np.array([0]), np.array([2]), np.array([2]), CHILDREN_AROUND)
    np.testing.assert_allclose(found.reshape(6, 6)[:5], np.log1p(counts[0]), rtol=1e-6)
    assert (found.reshape(6, 6)[5] == 0).all()


def test_the_impact_is_where_the_straight_line_meets_the_face():
    geometry = Geometry((11.2, 6.0), (24.35, 0.0), 11252.0)
    conditions = np.zeros((2, 9))
    conditions[:, 6] = 100, -100
    conditions[:, 4] = 24.35 / 11252 * 100
    place = straight(conditions, geometry, (56, 30))
    np.testing.assert_allclose(place, [[28, 15], [28, 15]], atol=1e-3)
    tree, none = Tree((56, 30)), np.array([0])
    root = near(
        tree, 0, np.tile(place, 2), none, none, none
    )  # one cell of 64 x 64 pixels, not all of them there
    np.testing.assert_allclose(root, [[28 / 64 - 0.5, 15 / 64 - 0.5] * 2], atol=0.01)
    np.testing.assert_array_equal(straight(conditions, None, (5, 7)), [[2.5, 3.5]] * 2)
    far = straight(np.array([[1, 0, 0, 0, 1e30, 0, 1e-30, 0, 0]]), geometry, (56, 30))
    assert np.isfinite(far).all()
