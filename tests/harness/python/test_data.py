"""``load_data``: the parts of a run's split as arrays, and as PyTorch wants them."""

import numpy as np
import pytest

from simbench.harness import UserError, load_data
from simbench.harness.data.split import selected


@pytest.fixture
def data(toys, toy_file):
    return load_data("toy", toy_file)


def test_the_test_part_is_that_of_a_run(data, toy):
    made = toy.responses()
    test = selected(made.particle, "particle", 0, 0.2)
    np.testing.assert_array_equal(data.test.responses, made.showers[test])
    np.testing.assert_array_equal(data.test.conditions, made.conditions[test])
    np.testing.assert_array_equal(data.test.photons, made.showers[test].sum(axis=(1, 2)))


def test_no_two_parts_share_a_particle_and_none_is_lost(data):
    parts = [set(part.particle) for part in (data.train, data.validation, data.test)]
    assert [len(part) for part in parts] == [29, 3, 8]
    assert len(set.union(*parts)) == 40


def test_responses_are_read_at_the_first_look(data, monkeypatch):
    opened = []
    monkeypatch.setattr("simbench.harness.python.data.Dataset.blocks", lambda *_: opened.append(1) or [[0]])
    assert opened == []
    assert data.train.responses is data.train.responses
    assert opened == [1]


def test_names_and_units(data):
    assert data.features == ("energy", "angle")
    assert data.units == {"energy": "GeV", "angle": "rad", "response": "photons"}
    assert "A toy: 6 x 4 photons; train 145, validation 15, test 40 responses" in str(data)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"detector": "none"}, "unknown detector 'none'"),
        ({"split": "none"}, "unknown split 'none'"),
        ({"min_photons": 0}, "--min-photons 0 is below"),
    ],
)
def test_wrong_use(toys, toy_file, arguments, words):
    with pytest.raises(UserError, match=words):
        load_data(**{"detector": "toy", "data": toy_file, **arguments})


def test_pairs_for_torch_through_a_worker(data):
    torch_data = pytest.importorskip("torch.utils.data")
    part = data.train.torch()
    assert part.weights.unique().tolist() == [1.0]
    batches = list(torch_data.DataLoader(part, batch_size=50, num_workers=1))
    assert [len(conditions) for conditions, _ in batches] == [50, 50, 45]
    conditions, responses = batches[1]
    np.testing.assert_array_equal(conditions, data.train.conditions[50:100])
    np.testing.assert_array_equal(responses, data.train.responses[50:100])
    assert responses.dtype == conditions.dtype


def test_bright_particles_are_drawn_more_often_by_the_root_of_their_mean(data):
    part = data.train
    means = {one: part.photons[part.particle == one].mean() for one in set(part.particle)}
    roots = np.array([means[one] ** 0.5 for one in part.particle])
    expected = 0.25 * roots / roots.mean() + 0.75
    np.testing.assert_allclose(part.torch(bright=0.25).weights, expected)
    with pytest.raises(ValueError, match="bright should be a share"):
        part.bright_weights(1.5)
