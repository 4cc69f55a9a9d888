"""``simbench train``: what a trainer is asked, and what is said of it."""

import numpy as np
import pytest
from cli_answers import fails, files_in

from simbench.harness.data.split import particle_hashes, selected
from simbench.harness.hooks import Progress

pytestmark = pytest.mark.slow


@pytest.fixture
def train(toy, cli_with, toy_file, tmp_path):
    """``simbench train`` with a trainer that does what it is told; gives the answer and the request."""

    def train_with(*options, then=lambda request: request.out / "weights", model="learns"):
        requests = []

        def trainer(request):
            requests.append(request)
            return then(request)

        call = cli_with(toy.offer("flat"), toy.offer("learns", trainer=trainer))
        head = ("train", model, "--detector", "toy", "--data", toy_file, "--device", "cpu")
        answer = call(*head, "--out", tmp_path / "out", *options)
        return answer, requests

    return train_with


def test_training_sees_no_test_particle(toy, train, tmp_path):
    (status, out, err), (request,) = train("--seed", "4", "--set", "epochs=3", "--set", "rate = 1e-3")
    assert (status, err) == (0, "")
    assert str(tmp_path / "out" / "weights") in out
    assert f"simbench run --models learns@{tmp_path / 'out'} --detector toy" in out
    made = toy.responses()
    test = selected(made.particle, "particle", 0, 0.2)
    forbidden = particle_hashes(made.conditions[test])
    for conditions in (request.conditions, request.validation_conditions):
        assert not set(particle_hashes(conditions)) & set(forbidden)
    assert not set(request.trained_on.particles) & set(forbidden)
    assert set(request.trained_on.particles) == set(particle_hashes(made.conditions[~test]))
    assert not set(particle_hashes(request.conditions)) & set(particle_hashes(request.validation_conditions))
    # 32 particles of 5 responses: 3 for validation, 29 to learn from.
    assert request.conditions.shape == (145, 2)
    assert request.showers.shape == (145, 6, 4)
    assert request.particle.shape == (145,)
    assert request.validation_conditions.shape == (15, 2)
    for particle in np.unique(request.particle):
        mine = made.particle == particle
        np.testing.assert_array_equal(request.showers[request.particle == particle], made.showers[mine])
        np.testing.assert_array_equal(request.conditions[request.particle == particle], made.conditions[mine])
    assert (request.seed, request.device, request.preset, request.min_photons) == (4, "cpu", "compact", 1)
    assert dict(request.overrides) == {"epochs": "3", "rate": "1e-3"}
    assert request.detector.name == "toy"
    assert (request.trained_on.split, request.trained_on.split_seed) == ("particle", 0)
    assert request.trained_on.test_fraction == 0.2


def test_what_was_trained_is_no_leak_on_its_own_split(toy, train, toy_file, tmp_path):
    _, (request,) = train("--split-seed", "3")
    offer = toy.offer(
        "learns", factory=lambda context: toy.Generates(toy.flat, trained_on=request.trained_on)
    )
    own = toy.run(toy.registry(offer), toy_file, tmp_path / "a", split_seed=3)
    other = toy.run(toy.registry(offer), toy_file, tmp_path / "b", split_seed=0)
    assert own["models"][0]["status"] == "ok"
    assert own["models"][0]["marks"] == []
    assert "leak" in other["models"][0]["error"]


def test_the_validation_score(toy, train):
    _, (request,) = train()
    made = toy.responses()
    hashes = particle_hashes(request.validation_conditions)
    rows = np.array([particle_hashes(row[None])[0] in hashes for row in made.conditions])
    showers = made.showers[rows]
    np.testing.assert_array_equal(made.conditions[rows], request.validation_conditions)
    assert request.score(request.validation_conditions, showers) == 0
    # Doubled responses: every sorted channel sum moves by itself, and there are three channels.
    twice = showers.astype(np.float32) * 2
    doubled = request.scores(request.validation_conditions, twice)
    assert doubled["ws"] == pytest.approx(showers.sum() / 15 / 3, rel=1e-12)
    assert doubled["validation"] == request.score(request.validation_conditions, twice) > 0
    with pytest.raises(ValueError, match="all 15 validation conditions"):
        request.score(request.validation_conditions[:3], showers[:3])


def test_min_photons_of_a_training(train):
    _, (request,) = train("--min-photons", "15")
    assert request.min_photons == 15
    assert request.showers.sum(axis=(1, 2)).min() >= 15


def test_a_trainer_that_refuses(train, tmp_path):
    def refuse(request):
        raise ValueError("setting 'epochs' should be\na number")

    answer, _ = train(then=refuse)
    fails(answer, "cannot train learns: setting 'epochs' should be a number")
    assert files_in(tmp_path) == []


def test_a_trainer_may_tell_of_its_progress(train):
    def tell(request):
        request.progress(Progress(1, 2, {"g": 0.5}))
        request.progress(Progress(2, 2, {"g": 0.4}, 1.25))
        return request.out

    assert train(then=tell)[0][0] == 0


def test_a_mixture_and_what_is_amiss_are_told_at_the_end(train):
    experts = {"share": [0.25, 0.75], "intensity": [12.4, None], "entropy": 0.5623, "elsewhere": 0.4059}

    def tell(request):
        request.progress(Progress(1, 2, {}, 2.0, ("of before",), {**experts, "elsewhere": None}))
        request.progress(Progress(2, 2, {}, 1.25, ("all experts are alike",), experts))
        return request.out

    status, _, errors = train(then=tell)[0]
    assert status == 0
    assert "experts 25% (12) 75% (-) entropy 0.56, 41% of draws elsewhere\n" in errors
    assert "warning: all experts are alike\n" in errors
    assert "of before" not in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "epochs"], ["--set should be NAME=VALUE, found 'epochs'"]),
        (["--device", "absent"], ["unknown device 'absent'"]),
        (["--split", "absent"], ["unknown split 'absent'"]),
        (["--data", "absent.h5"], ["absent.h5", "no such file"]),
        (["--detector", "proton"], ["detector should be proton, found toy"]),
    ],
)
def test_training_used_wrongly(train, tmp_path, options, words):
    answer, requests = train(*options)
    fails(answer, *words)
    assert requests == []
    assert files_in(tmp_path) == []


def test_training_what_does_not_learn(train):
    fails(train(model="flat")[0], "'flat'", "learns")
    fails(train(model="absent")[0], "unknown model 'absent'")
