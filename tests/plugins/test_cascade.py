"""The shipped cascades: what they were trained on, how probable unseen responses are, and what they draw."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.split import particle_hashes
from simbench.harness.hooks import Context, Likelihood, TrainedOn, TrainingRequest
from simbench.plugins.mc import EMBEDDED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=EMBEDDED)
def shipped(request, ours):
    """Detector, simulator, and responses to particles that no training has seen."""
    name = request.param
    simulator = ours.simulators["cascade"].factory(Context(ours.detectors[name]))
    return name, simulator, make_dataset(name, particles=400, repeats=2, seed=98)


def core_share(showers, least=50):
    """Share of all photons in the 3 x 3 pixels around the brightest, of responses of ``least`` or more."""
    showers = showers[showers.sum((1, 2)) >= least].astype(float)
    i, j = np.unravel_index(showers.reshape(len(showers), -1).argmax(1), showers.shape[1:])
    padded, rows = np.pad(showers, ((0, 0), (1, 1), (1, 1))), np.arange(len(showers))
    core = sum(padded[rows, i + u, j + v] for u in range(3) for v in range(3))
    return core.sum() / showers.sum()


def test_trained_on_the_training_part_of_the_embedded_dataset(shipped):
    name, simulator, unseen = shipped
    trained = simulator.trained_on
    assert trained.dataset == EMBEDDED[name].fingerprint
    assert (trained.split, trained.split_seed, trained.test_fraction) == ("particle", 0, 0.2)
    assert not np.isin(particle_hashes(unseen.conditions), trained.particles).any()


def test_the_weights_are_small_and_tell_how_the_training_went(shipped):
    name, simulator, _ = shipped
    path = files("simbench.baselines") / "trained" / f"{name}-cascade.safetensors"
    assert len(path.read_bytes()) < 3e6
    record = simulator.training_record
    best = min(record["history"], key=lambda entry: entry["validation"])
    assert (record["best_step"], record["validation"]) == (best["step"], best["validation"])
    assert {"preset", "seed", "steps", "likelihood", "parameters"} <= set(record)


def test_unseen_responses_are_as_probable_as_the_record_says(shipped):
    """Level by level, within a quarter: 400 particles are few, and bright ones carry most of the nats."""
    _, simulator, unseen = shipped
    assert isinstance(simulator, Likelihood)
    told = simulator.training_record["likelihood"]["validation"]["nats"]
    levels = simulator.log_prob_levels(unseen.conditions, unseen.showers)
    for name, values in levels.items():
        assert np.isfinite(values).all()
        assert values.mean() == pytest.approx(told[name], rel=0.25), name
    whole = simulator.log_prob(unseen.conditions, unseen.showers)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(whole, np.sum(list(levels.values()), axis=0))


def test_generated_responses_are_as_probable_as_real_ones_and_as_bright(shipped):
    _, simulator, unseen = shipped
    responses = simulator.generate(unseen.conditions, seed=1)
    assert responses.shape == unseen.showers.shape
    sums, expected = responses.sum((1, 2)), unseen.showers.sum((1, 2))
    assert sums.mean() == pytest.approx(expected.mean(), rel=0.15)
    assert np.log(sums).mean() == pytest.approx(np.log(expected).mean(), abs=0.15)
    assert core_share(responses) == pytest.approx(core_share(unseen.showers), rel=0.05)
    real, generated = (simulator.log_prob(unseen.conditions, x).mean() for x in (unseen.showers, responses))
    assert generated == pytest.approx(real, rel=0.15)


def test_a_higher_threshold_is_kept_without_redrawing(ours):
    simulator = ours.simulators["cascade"].factory(Context(ours.detectors["proton"], min_photons=40))
    unseen = make_dataset("proton", particles=100, repeats=1, seed=97)
    responses = simulator.generate(unseen.conditions, seed=3)
    assert responses.sum((1, 2)).min() >= 40
    assert np.isfinite(simulator.log_prob(unseen.conditions, responses)).all()
    below = unseen.showers.sum((1, 2)) < 40
    found = simulator.log_prob(unseen.conditions, unseen.showers)
    np.testing.assert_array_equal(found == -np.inf, below)


def test_the_mixture_shares_out_among_its_experts(ours):
    """What is shipped is small, knows its data, and gives unseen responses the likelihood of its record."""
    simulator = ours.simulators["mixture-of-cascades"].factory(Context(ours.detectors["proton"]))
    assert simulator.footprint["bytes"] < 3e6
    assert simulator.trained_on.dataset == EMBEDDED["proton"].fingerprint
    unseen = make_dataset("proton", particles=400, repeats=2, seed=98)
    told = simulator.training_record["likelihood"]["validation"]["nats"]["all"]
    assert isinstance(simulator, Likelihood)
    found = simulator.log_prob(unseen.conditions, unseen.showers)
    assert found.mean() == pytest.approx(told, rel=0.25)
    drawn = simulator.generate(unseen.conditions, seed=1)
    assert drawn.sum() == pytest.approx(unseen.showers.sum(), rel=0.15)


@pytest.mark.parametrize("value", [0, 1e-30, 1e20, -1e20, 3e38])
@pytest.mark.parametrize("detector", EMBEDDED)
def test_conditions_far_outside_the_training_range_get_a_response(ours, detector, value):
    simulator = ours.simulators["cascade"].factory(Context(ours.detectors[detector]))
    conditions = np.full((4, 9), value, np.float32)
    responses = simulator.generate(conditions, seed=1)
    assert (responses.sum((1, 2)) >= 1).all()
    assert np.isfinite(simulator.log_prob(conditions, responses)).all()


def test_a_detector_of_any_shape_can_be_trained(ours, tmp_path):
    """From the request to a simulator with weights of its own; energies are not taken for counts."""
    data = make_dataset("proton", particles=60, repeats=2, seed=5)
    detector = replace(
        ours.detectors["proton"],
        name="half",
        shape=(28, 30),
        channels={"all": type(ours.detectors["proton"].channel_map())(("all",), np.ones((1, 28, 30), bool))},
        default_channels="all",
        half_size=None,
    )
    showers = data.showers[:, :28] + data.showers[:, 28:]
    request = TrainingRequest(
        detector=detector,
        preset="compact",
        conditions=data.conditions,
        showers=showers,
        particle=data.particle,
        validation_conditions=data.conditions,
        score=lambda conditions, responses: 0.0,
        scores=lambda conditions, responses: {"validation": 0.0},
        trained_on=TrainedOn("half", "particle", 0, 0.2, particle_hashes(data.conditions)),
        min_photons=1,
        seed=0,
        overrides={"steps": "3", "sum_steps": "3", "evaluations": "2", "batch": "32", "width": "8"},
        out=tmp_path,
        device="cpu",
        progress=lambda news: None,
    )
    offer = ours.simulators["cascade"]
    offer.trainer(request)
    simulator = offer.factory(Context(detector, weights=tmp_path))
    assert simulator.generate(data.conditions[:10], seed=1).shape == (10, 28, 30)
    assert simulator.training_record["history"][0]["seconds"] >= 0
    with pytest.raises(ValueError, match="learns counts"):
        offer.trainer(replace(request, showers=showers.astype(np.float32), out=tmp_path / "other"))
