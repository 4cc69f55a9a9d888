"""Trainings of mixtures: two kinds are told apart, their number is found, and a killed one goes on."""

import json

import numpy as np
import pytest

from simbench.baselines.cascade.mixture import moves
from simbench.baselines.cascade.mixture.learner import paired
from simbench.baselines.cascade.mixture.settings import MixtureSettings, resolve
from simbench.baselines.cascade.mixture.simulator import MixtureSimulator
from simbench.baselines.cascade.mixture.training import train

pytestmark = pytest.mark.slow


class KilledError(Exception):
    pass


def _record(path):
    return json.loads((path.parent / "record.json").read_text())["training"]


def test_the_gate_parts_two_kinds(two_kinds):
    """Nine of ten responses are of the kind that a condition announces, and so say the gate's shares."""
    job, board = two_kinds(settings={"experts": "2", "sum_steps": "240"})
    simulator = MixtureSimulator.load(train(job))
    shares = simulator.shares(job.conditions)[:, 1]  # experts start in the order of their photon sums
    announced = job.conditions[:, 0] > 0
    assert shares[announced].mean() == pytest.approx(0.9, abs=0.12)
    assert shares[~announced].mean() == pytest.approx(0.1, abs=0.12)
    drawn = simulator.generate(job.conditions, seed=1)
    white = drawn.reshape(-1, 16)[:, np.indices((4, 4)).sum(0).ravel() % 2 == 1].sum(1)
    assert (white > 0).mean() == pytest.approx((~board).mean() / 2, abs=0.12)


@pytest.mark.parametrize(
    "start", [{"experts": "1"}, {"experts": "8", "rounds": "12", "steps": "144"}], ids=["from 1", "from 8"]
)
def test_the_number_of_kinds_is_found(two_kinds, start):
    """Two; of some seeds three, for faint and bright responses of a kind may gain by being told apart."""
    job, _ = two_kinds(settings={"search": "0.95", **start})
    record = _record(train(job))
    assert record["found"] in (2, 3)
    first = record["trials"][0]
    assert (first["kind"], first["from"]) == (("birth", 1) if start["experts"] == "1" else ("death", 8))
    assert all(abs(trial["gain"]) > 0 and trial["error"] > 0 for trial in record["trials"])


def test_a_killed_training_ends_with_the_same_weights(two_kinds, tmp_path):
    """In the aim's training, and in the middle of a trial."""
    settings = {"experts": "2", "search": "0.9", "steps": "24", "sum_steps": "12", "evaluations": "7"}
    whole = train(two_kinds(40, settings, out=tmp_path / "whole")[0]).read_bytes()
    for last in (2, 14):

        def kill(news, last=last):
            if news.step >= last:
                raise KilledError

        out = tmp_path / f"killed-{last}"
        with pytest.raises(KilledError):
            train(two_kinds(40, settings, out=out, progress=kill)[0])
        assert train(two_kinds(40, settings, out=out)[0]).read_bytes() == whole


def test_the_likelihood_of_the_record_is_that_of_the_weights(two_kinds):
    job, _ = two_kinds(40, {"experts": "3", "steps": "8", "sum_steps": "8"})
    path = train(job)
    held_out = job.validation(0.3)
    simulator = MixtureSimulator.load(path)
    found = simulator.log_prob_levels(job.conditions[held_out], job.showers[held_out])
    told = _record(path)["likelihood"]["validation"]["nats"]
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(
        {name: told[name] for name in found}, abs=1e-4
    )


def test_a_birth_leaves_the_distribution_as_it_is(toy_mixture):
    simulator = toy_mixture((4, 4), 2)
    scaled = simulator._inputs(np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32))
    before = np.exp(simulator._gate.log_joint(scaled))
    move = moves.birth(before.mean(0), 1, parts=3)
    after = np.exp(_gate(simulator, move).log_joint(scaled))
    assert move.origin.tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(after[:, 0], before[:, 0], rtol=1e-4)
    np.testing.assert_allclose(after[:, 1:].sum(1), before[:, 1], rtol=1e-4)
    load = after[:, 1:].sum(2).mean(0)
    assert load.max() < 3 * load.min()


def test_a_death_leaves_the_sums_to_the_heir(toy_mixture):
    """Exactly so if their shares of a bin do not depend on the condition: they were one expert before."""
    simulator = toy_mixture((4, 4), 3)
    scaled = simulator._inputs(np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32))
    birth = moves.birth(np.exp(simulator._gate.log_joint(scaled)).mean(0), 2)
    simulator._gate = _gate(simulator, birth)
    before = np.exp(simulator._gate.log_joint(scaled))
    move = moves.death(before.mean(0), expert=2, heir=3)
    after = np.exp(_gate(simulator, move, birth).log_joint(scaled))
    assert move.origin.tolist() == [0, 1, 3]
    np.testing.assert_allclose(after[:, :2], before[:, :2], rtol=1e-3)
    np.testing.assert_allclose(after[:, 2], before[:, 2:].sum(1), rtol=1e-3)


def _gate(simulator, move, before=None):
    """The gate after a move, and after another one before it."""
    from simbench.baselines.cascade.density.sums import SumNetworks
    from simbench.baselines.cascade.mixture.gate import Gate

    weights = simulator.model.sums.state_dict()
    if before is not None:
        weights = before.of_gate(weights)
    networks = SumNetworks(2, move.source.size, 8, 2, dropout=0)
    networks.load_state_dict(move.of_gate(weights))
    return Gate(networks, simulator._bins)


def test_the_error_of_a_difference_is_that_of_particles():
    draw = np.random.default_rng(1)
    each = draw.normal(size=1000)
    mean, error = paired(np.repeat(each, 4), np.repeat(np.arange(1000), 4))
    assert (mean, error) == pytest.approx((each.mean(), each.std(ddof=1) / np.sqrt(1000)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"experts": "0"}, "setting experts: expected a number above 0, found 0"),
        ({"search": "1"}, "setting search: expected a number below 1, found 1"),
        ({"pool": "many"}, "setting pool: expected int, found 'many'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(two_kinds, settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        train(two_kinds(40, settings)[0])


def test_every_setting_of_its_own_is_described_and_can_be_set():
    for name in ("experts", "search", "rounds", "pool"):
        assert f"        {name}: " in MixtureSettings.__doc__
        value = getattr(MixtureSettings(), name)
        assert getattr(resolve("compact", {name: str(value)}), name) == value
