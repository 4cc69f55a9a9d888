"""The network tells what it should and nothing else, the same each time, and leaves PyTorch as it was."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from simbench.harness.errors import TooFewError
from simbench.harness.metrics.image_classifier import auc_image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(world):
    def tell(generated, **options):
        reference = options.pop("reference", world.responses)
        edges = (0, 700, 1600, 2000)
        pairs = ((reference[a:b], generated[a:b]) for a, b in pairwise(edges) if a < len(generated))
        asked = {"particle": world.particle, "conditions": world.conditions, "steps": 100, **options}
        return auc_image(pairs, **asked)

    return tell


def test_equal_distributions_are_not_told_apart(told, perfect):
    found = told(perfect)
    assert abs(found.auc - 0.5) < 4 * found.error < 0.15
    assert found.rows == (2000, 2000)


def test_conditions_tell_a_simulator_that_ignores_them(told, blind):
    assert told(blind).auc > 0.7


def test_what_no_observable_sees_is_seen(told, perfect):
    """Photons of odd columns are moved to the column before, in pixels far from the core too."""
    striped = perfect.copy()
    striped[:, :, ::2] += striped[:, :, 1::2]
    striped[:, :, 1::2] = 0
    assert told(striped).auc > 0.9


def test_same_seed_same_numbers_and_nothing_left_behind(told, blind):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    first, again, other = (told(blind, steps=10, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_cap_keeps_whole_particles(told, perfect):
    assert told(perfect, rows=1001, steps=1).rows == (1000, 1000)


def test_what_is_wrong_is_named(world, told, perfect):
    with pytest.raises(
        ValueError, match=r"of one shape \(n, H, W\), found \(700, 12, 10\) and \(700, 11, 10\)"
    ):
        told(perfect[:, 1:])
    with pytest.raises(ValueError, match="blocks should have 2000 responses, found 700"):
        told(perfect[:700])
    with pytest.raises(ValueError, match="the generated responses should be finite and not negative"):
        told(-perfect.astype(float))
    with pytest.raises(ValueError, match="the reference responses should be finite and not negative"):
        told(perfect, reference=np.where(perfect > 3, np.nan, 0.0))
    with pytest.raises(ValueError, match=r"particle should have the shape \(2000,\)"):
        told(perfect, particle=world.particle[1:])
    with pytest.raises(TooFewError, match="at least 4 particles, found 1"):
        told(perfect, particle=np.zeros(2000, int))
