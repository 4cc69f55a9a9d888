"""Errors of mean images by hand, against a loop over particles, and however the blocks are cut."""

import numpy as np
import pytest

from simbench.harness.metrics import pixel as module
from simbench.harness.metrics.pixel import pixel


def blocks(reference, generated, size):
    starts = range(0, len(reference), size)
    return [(reference[start : start + size], generated[start : start + size]) for start in starts]


def test_worked_by_hand():
    reference = np.array([[[0, 2]], [[2, 2]], [[4, 0]]], np.uint16)
    generated = np.array([[[1, 0]], [[3, 0]], [[0, 0]]], np.uint16)
    # particle 0: +1, -2; particle 7: -4, 0
    found = pixel(blocks(reference, generated, 3), [0, 0, 7])
    assert found.mae == (1 + 2 + 4 + 0) / 4
    assert found.rmse == pytest.approx(np.sqrt((1 + 4 + 16) / 4))
    assert found.difference.tolist() == [[-2 / 3, -4 / 3]]
    assert found.overall_mae == pytest.approx(1)
    assert found.overall_rmse == pytest.approx(np.sqrt((4 / 9 + 16 / 9) / 2))


@pytest.mark.parametrize("size", [1, 7, 2000])
def test_is_the_loop_over_particles(world, perfect, size):
    order = np.random.default_rng(0).permutation(2000)[:1500]
    first, second, particle = world.responses[order], perfect[order], world.particle[order]
    found = pixel(iter(blocks(first, second, size)), particle)
    steps = [
        second[particle == one].mean(axis=0) - first[particle == one].mean(axis=0)
        for one in np.unique(particle)
    ]
    assert found.mae == pytest.approx(np.abs(steps).mean(), rel=1e-9)
    assert found.rmse == pytest.approx(np.sqrt(np.square(steps).mean()), rel=1e-9)
    np.testing.assert_allclose(found.difference, second.mean(axis=0) - first.mean(axis=0), atol=1e-12)


def test_ignored_conditions_are_seen_in_the_particles_only(world, perfect, blind):
    right, wrong = (pixel(blocks(world.responses, x, 500), world.particle) for x in (perfect, blind))
    assert wrong.mae > 2 * right.mae
    assert wrong.overall_mae < 3 * right.overall_mae


def test_of_many_particles_some_are_taken(world, perfect, monkeypatch):
    monkeypatch.setattr(module, "NUMBERS", 40 * 120)
    whole = blocks(world.responses, perfect, 333)
    found = pixel(whole, world.particle)
    assert found.mae != pixel(whole, world.particle, seed=1).mae
    monkeypatch.undo()
    everything = pixel(whole, world.particle)
    assert found.mae == pytest.approx(everything.mae, rel=0.5)
    assert found.overall_mae == everything.overall_mae


IMAGE = np.ones((1, 2, 2))


@pytest.mark.parametrize(
    ("given", "particle", "message"),
    [
        ([], [0], "should have 1 rows, one for each particle, found 0"),
        ([(IMAGE, IMAGE)], [0, 1], "should have 2 rows, one for each particle, found 1"),
        ([(IMAGE, IMAGE)] * 2, [0], "should have 1 rows, one for each particle, found more"),
        ([(IMAGE, IMAGE[:, :1])], [0], "pairs of one shape"),
        ([(IMAGE, IMAGE), (IMAGE[:, :1], IMAGE[:, :1])], [0, 1], "pairs of one shape"),
        ([(IMAGE, IMAGE * np.nan)], [0], "finite"),
        ([(IMAGE, IMAGE)], [0.5], "whole numbers"),
    ],
)
def test_what_is_wrong_is_named(given, particle, message):
    with pytest.raises(ValueError, match=message):
        pixel(given, particle)
