"""Flow matching: the representation, the loss and the flow against what is known, and what is drawn."""

import json

import numpy as np
import pytest
import torch

from simbench.baselines.flow import matching
from simbench.baselines.flow.allocation import share_out
from simbench.baselines.flow.representation import Representation
from simbench.baselines.flow.settings import FlowSettings, resolve
from simbench.baselines.flow.simulator import FlowSimulator
from simbench.baselines.flow.training import train
from simbench.baselines.weights import read_weights, write_weights

QUICK = {
    "aim_steps": "3",
    "sum_steps": "4",
    "steps": "5",
    "evaluations": "4",
    "batch": "16",
    "sum_batch": "16",
    "width": "8",
    "context_width": "8",
    "whole_width": "8",
    "sum_width": "8",
    "members": "2",
    "validation": "0.2",
}


class KilledError(Exception):
    pass


@pytest.fixture
def flow_job(counts_job):
    """``flow_job(**changes)``: a small training on the toy detector."""

    def make(**changes):
        return counts_job(QUICK | changes.pop("settings", {}), model="flow", **changes)

    return make


@pytest.mark.parametrize("width", [1e-2, 0.2, 1.0])
def test_counts_come_back_exactly(width):
    draw = np.random.default_rng(0)
    counts = np.concatenate([np.arange(3000), draw.integers(3000, 9000, 1000)]).reshape(2, 40, 50)
    kept = Representation.from_json(Representation.fit(draw.poisson(0.3, (9, 4, 4)), width).to_json())
    inside = draw.uniform(0.02, 0.98, counts.shape)  # single precision blurs an interval's ends
    np.testing.assert_array_equal(kept.decode(kept.encode(counts, inside)), counts)


def test_a_response_is_its_own_share():
    counts = np.random.default_rng(0).poisson(0.05, (200, 900))
    kept = Representation.fit(counts, 0.2)
    x = kept.encode(counts, np.random.default_rng(1).random(counts.shape))
    assert (share_out(kept.weights(x), counts.sum(1)) == counts).mean() > 0.999


def test_the_representation_is_standardised():
    counts = np.random.default_rng(1).poisson(0.5, (2000, 4, 4))
    x = Representation.fit(counts, 0.01).encode(counts, np.full(counts.shape, 0.5))
    assert (x.mean(), x.std()) == pytest.approx((0, 1), abs=1e-4)


def gaussian(deviation, mean):
    """What x at a time is expected to become, where noise N(0, 1) goes to N(mean, deviation^2)."""

    def expects(x, time):
        t, variance = time[:, None, None], deviation**2
        gain = t * variance / ((1 - t) ** 2 + t**2 * variance)
        return mean + gain * (x - t * mean)

    return expects


def test_the_loss_is_least_at_the_known_velocity_of_gaussians():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, 3, 3, generator=generator)
    data = 2 + 0.5 * torch.randn(4000, 3, 3, generator=generator)
    time = 0.7 * torch.rand(4000, generator=generator)  # where the weight is that of a velocity
    x = matching.between(noise, data, time)
    best = gaussian(0.5, 2.0)(x, time)
    found = matching.loss(best, data, time)
    velocity = matching.velocity(best, x, time)
    torch.testing.assert_close(found, ((velocity - (data - noise)) ** 2).mean((1, 2)), rtol=1e-3, atol=1e-4)
    for shift, gain in ((0.05, 1), (-0.05, 1), (0, 1.2), (0, 0.8)):
        assert matching.loss(2 + gain * (best - 2) + shift, data, time).mean() > found.mean()


def test_the_flow_carries_noise_to_the_gaussian():
    noise = torch.randn(1000, 3, 3, generator=torch.Generator().manual_seed(0))
    data = matching.integrate(gaussian(0.5, 2.0), noise, 400)
    torch.testing.assert_close(data, 2 + 0.5 * noise, rtol=0, atol=0.02)  # the map is x -> mean + deviation x


def test_one_step_is_what_noise_is_expected_to_become():
    noise = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(matching.integrate(gaussian(0.5, 2.0), noise, 1), torch.full_like(noise, 2.0))


def test_totals_are_kept_and_shares_rounded():
    counts = share_out(np.array([[5.0, 3.0, 1.9, 0.1], [0, 0, 0, 0], [0, 7, 0, 0]]), np.array([10, 6, 3]))
    np.testing.assert_array_equal(counts, [[5, 3, 2, 0], [2, 2, 1, 1], [0, 3, 0, 0]])
    draw = np.random.default_rng(2)
    weights, totals = draw.gamma(0.1, size=(300, 40)), draw.integers(0, 5000, 300)
    found = share_out(weights, totals)
    np.testing.assert_array_equal(found.sum(1), totals)
    assert np.abs(found - weights * (totals / weights.sum(1))[:, None]).max() < 1.01


@pytest.fixture
def simulator(flow_job):
    return FlowSimulator.load(train(flow_job()))


def test_responses_do_not_depend_on_how_many_are_drawn_together(simulator):
    conditions = np.random.default_rng(4).normal(size=(60, 2)).astype(np.float32)
    whole = simulator.generate(conditions, seed=2)
    for batch in (1, 7):
        simulator.batch = batch
        np.testing.assert_array_equal(simulator.generate(conditions, seed=2), whole)
    np.testing.assert_array_equal(simulator.generate(conditions[:20], seed=2), whole[:20])
    assert (simulator.generate(conditions, seed=3) != whole).any()
    assert simulator.generate(conditions[:0], seed=2).shape == (0, *whole.shape[1:])


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30, 3e38])
def test_conditions_far_outside_the_training_range_get_a_response(simulator, value):
    responses = simulator.generate(np.full((3, 2), value, np.float32), seed=1, min_photons=4)
    assert (responses >= 0).all()
    assert (responses.sum((1, 2)) >= 4).all()


def test_bad_conditions_are_one_line(simulator):
    with pytest.raises(ValueError, match=r"^conditions must have the shape \(N, 2\), found \(3, 5\)"):
        simulator.generate(np.zeros((3, 5)), seed=1)


def test_a_killed_training_ends_with_the_same_weights(flow_job, tmp_path):
    whole = train(flow_job(out=tmp_path / "whole")).read_bytes()
    for last in (3, 6, 10):  # in the training of the sum, at its end, and in that of the image

        def kill(news, last=last):
            if news.step >= last:
                raise KilledError

        out = tmp_path / f"killed-{last}"
        with pytest.raises(KilledError):
            train(flow_job(out=out, progress=kill))
        assert train(flow_job(out=out)).read_bytes() == whole


def test_torch_is_left_as_it_was(flow_job):
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    FlowSimulator.load(train(flow_job())).generate(np.zeros((3, 2), np.float32), seed=1)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_learning_lowers_the_loss_and_the_record_tells_it(flow_job):
    path = train(flow_job(settings={"steps": "150", "width": "16", "lr": "0.01"}))
    record = json.loads((path.parent / "record.json").read_text())
    history, training = record["history"], record["training"]
    assert history[-1]["levels"]["image"] < 0.9 * history[0]["levels"]["image"]
    best = min(history, key=lambda entry: entry["validation"])
    assert (training["best_step"], training["validation"]) == (best["step"], best["validation"])
    assert set(training["loss"]) == set(training["likelihood"]) == {"validation", "training"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "preset compact only"),
        ({"settings": {"stepz": "1"}}, "unknown setting 'stepz'"),
        ({"settings": {"steps_ode": "0"}}, "steps_ode: expected a number above 0, found 0"),
        ({"settings": {"steps_ode": "2.5"}}, "steps_ode: expected int, found '2.5'"),
        ({"settings": {"noise": "1.5"}}, "noise: expected a number of at most 1, found 1.5"),
        ({"settings": {"noise": "nan"}}, "noise: expected a finite number"),
        ({"showers": np.zeros((400, 6, 5), np.float32)}, "learns counts"),
    ],
)
def test_what_cannot_be_trained_is_one_line(flow_job, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        train(flow_job(**changes))
    assert "\n" not in str(error.value)


def test_weights_of_another_kind_are_refused(flow_job, tmp_path):
    header, arrays = read_weights(train(flow_job()))
    header["network"]["steps"] = 0
    write_weights(tmp_path / "weights.safetensors", arrays, header)
    with pytest.raises(ValueError, match="no usable weights of a flow: ValueError: a flow takes at least"):
        FlowSimulator.load(tmp_path)


def test_every_setting_of_its_own_is_described_and_can_be_set():
    for name in ("faint", "noise", "width", "depth", "context_width", "whole_width", "steps_ode"):
        assert f"        {name}: " in FlowSettings.__doc__
        value = getattr(FlowSettings(), name)
        assert getattr(resolve("compact", {name: str(value)}), name) == value
