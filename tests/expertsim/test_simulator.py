import math

import numpy as np
import pytest
import torch

from simbench.baselines.conditions import Scaler
from simbench.baselines.gan.networks import initialised
from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.weights import write_weights
from simbench.expertsim.simulator import MixtureSimulator, health

NETWORK = {
    "shape": [6, 5],
    "conditions": 2,
    "noise": 4,
    "field": [3, 2],
    "width": 8,
    "depth": 1,
    "rank": 4,
    "log_total": 2.0,
    "log_limit": 9.0,
}
HEADER = {
    "model": "expertsim-3",
    "preset": "compact",
    "detector": "toy",
    "features": ["energy", "place"],
    "min_photons": 1,
    "settings": {},
    "data": {},
    "training": {},
}


def conditions(rows=200):
    draw = np.random.default_rng(5)
    return np.column_stack([draw.uniform(0, 10, rows), draw.normal(size=rows)]).astype(np.float32)


def scaler():
    return Scaler.fit(conditions(), clip=5.0, geometry=None)


def mixture_header(kind="energy", edges=(3.0, 6.0)):
    gate = {"kind": kind, "experts": 3, "inputs": 2, "feature": 0, "edges": list(edges)}
    return HEADER | {"network": NETWORK | {"experts": 3, "gate": gate}, "scaler": scaler().to_json()}


def make(kind="energy", edges=(3.0, 6.0), batch=None):
    """A mixture of three random experts, evened out if it is a learned one."""
    header = mixture_header(kind, edges)
    network = initialised(lambda: MixtureSimulator.blank(header), torch.Generator().manual_seed(0))
    # Blank networks begin alike: each expert has its own random weights here.
    for number, expert in enumerate(network.experts):
        draw = torch.Generator().manual_seed(number)
        for parameter in expert.parameters():
            torch.nn.init.normal_(parameter, std=0.5, generator=draw)
    if kind == "learned":
        with torch.no_grad():
            out = network.gate(torch.from_numpy(scaler()(conditions())))
            network.gate.body[-1].bias -= out.mean(0)
    return MixtureSimulator(network, scaler(), header, batch=batch)


def alone(simulator, expert):
    """The simulator of one expert, asked for everything."""
    header = HEADER | {"model": "gan", "network": NETWORK}
    return GanSimulator(simulator.network.experts[expert], scaler(), header)


@pytest.mark.parametrize("kind", ["learned", "energy", "random"])
def test_rates_are_those_of_the_expert_that_serves(kind):
    simulator, rows = make(kind), conditions()
    noise = simulator.noise(len(rows), seed=1)
    found, expert = simulator.rates(rows, noise), simulator.route(rows)
    assert (np.bincount(expert, minlength=3) > 10).all()
    every = [alone(simulator, number).rates(rows, noise) for number in range(3)]
    for number in range(3):
        served = expert == number
        # Row by row; matrix products of other sizes may round differently, nothing more.
        np.testing.assert_allclose(found[served], every[number][served], rtol=1e-4)
        exact = alone(simulator, number).rates(rows[served], noise[served])
        np.testing.assert_array_equal(found[served], exact)
        others = [np.abs(found[served] / every[k][served] - 1).max() for k in range(3) if k != number]
        assert min(others) > 0.1  # so the comparison can tell experts apart


def test_rows_do_not_depend_on_their_neighbours_or_the_batch():
    simulator, rows = make("learned"), conditions()
    noise = simulator.noise(len(rows), seed=1)
    found = simulator.rates(rows, noise)
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_allclose(simulator.rates(rows[order], noise[order]), found[order], rtol=1e-4)
    np.testing.assert_allclose(make("learned", batch=7).rates(rows, noise), found, rtol=1e-4)


def calls(simulator, rows):
    """How many rows each expert is given, call by call."""
    seen = [[] for _ in simulator.network.experts]
    hooks = [
        expert.register_forward_pre_hook(lambda _, given, n=n: seen[n].append(len(given[0])))
        for n, expert in enumerate(simulator.network.experts)
    ]
    simulator.rates(rows, simulator.noise(len(rows), seed=1))
    for hook in hooks:
        hook.remove()
    return seen


def test_each_expert_is_called_once_on_its_part():
    simulator, rows = make(), conditions()
    number = np.bincount(simulator.route(rows), minlength=3)
    assert calls(simulator, rows) == [[n] for n in number]
    assert [len(seen) for seen in calls(make(batch=10), rows)] == [math.ceil(n / 10) for n in number]


def test_an_expert_without_rows_is_not_called():
    simulator, rows = make(edges=(5.0, 99.0)), conditions()
    first = int((rows[:, 0] <= 5).sum())
    assert calls(simulator, rows) == [[first], [200 - first], []]
    assert simulator.generate(rows, seed=1).shape == (200, 6, 5)


@pytest.mark.parametrize("kind", ["learned", "energy", "intensity", "random"])
def test_no_conditions_give_no_responses(kind):
    simulator, none = make(kind), np.zeros((0, 2), np.float32)
    assert simulator.generate(none, seed=1).shape == (0, 6, 5)
    assert simulator.route(none).shape == (0,)
    assert calls(simulator, none) == [[], [], []]


@pytest.mark.parametrize("kind", ["learned", "energy", "intensity", "random"])
def test_routes_are_in_range_and_deterministic(kind):
    simulator, rows = make(kind), conditions()
    expert = simulator.route(rows)
    assert expert.shape == (200,)
    assert expert.dtype == np.int64
    assert set(expert.tolist()) <= {0, 1, 2}
    np.testing.assert_array_equal(simulator.route(rows), expert)
    np.testing.assert_array_equal(simulator.route(rows.tolist()), expert)


def test_energy_routes_by_physical_units():
    rows = np.array([[2.9, 0], [3.0, 0], [3.1, 0], [6.1, 0]], np.float32)
    np.testing.assert_array_equal(make().route(rows), [0, 0, 1, 2])


def write(path, network, header):
    write_weights(path, {name: tensor.numpy() for name, tensor in network.state_dict().items()}, header)


@pytest.mark.parametrize("kind", ["learned", "energy", "intensity", "random"])
def test_a_file_brings_the_mixture_back(kind, tmp_path):
    simulator, rows = make(kind), conditions()
    write(tmp_path / "weights.safetensors", simulator.network, mixture_header(kind))
    before = torch.random.get_rng_state()
    for place in (tmp_path, tmp_path / "weights.safetensors"):
        again = MixtureSimulator.load(place)
        assert isinstance(again, MixtureSimulator)
        np.testing.assert_array_equal(again.route(rows), simulator.route(rows))
        np.testing.assert_array_equal(again.generate(rows, seed=2), simulator.generate(rows, seed=2))
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_file_of_another_kind_is_named(tmp_path):
    simulator = make()
    gan, mixture = tmp_path / "gan.safetensors", tmp_path / "mixture.safetensors"
    header = HEADER | {"network": NETWORK, "scaler": scaler().to_json()}
    write(gan, simulator.network.experts[0], header)
    write(mixture, simulator.network, mixture_header())
    assert GanSimulator.load(gan).generate(conditions(), seed=1).shape == (200, 6, 5)
    for kind, path in ((MixtureSimulator, gan), (GanSimulator, mixture)):
        with pytest.raises(ValueError, match="holds no usable weights of this kind") as caught:
            kind.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_with_an_expert_missing_is_refused(tmp_path):
    simulator, path = make(), tmp_path / "weights.safetensors"
    del simulator.network.experts[2]
    write(path, simulator.network, mixture_header())
    with pytest.raises(ValueError, match=r"no usable weights of this kind: .*experts\.2"):
        MixtureSimulator.load(path)


def test_health_by_hand():
    expert, sums = np.array([0, 1, 1, 2, 1]), np.array([10, 1, 2, 7, 4])
    found = health(expert, sums, 3)
    assert found["experts"]["share"] == [0.2, 0.6, 0.2]
    entropy = -(2 * 0.2 * math.log(0.2) + 0.6 * math.log(0.6))
    assert found["experts"]["entropy"] == pytest.approx(entropy, abs=1e-5)
    assert found["experts"]["intensity"] == pytest.approx([10, 7 / 3, 7], abs=1e-3)
    assert "warnings" not in found


def test_entropy_of_an_even_load_is_the_logarithm_of_the_number():
    found = health(np.repeat(np.arange(5), 20), np.ones(100, dtype=np.int64), 5)
    assert found["experts"]["entropy"] == pytest.approx(math.log(5), abs=1e-5)


@pytest.mark.parametrize(
    ("number", "warned"),
    [
        ([500, 500], []),
        ([800, 200], []),
        ([801, 199], [0]),
        ([970, 20, 10], [0, 2]),
        ([490, 490, 20], []),
        ([19, 491, 490], [0]),
        ([500, 0, 500], [1]),
        ([0, 1000], [0, 1]),
    ],
)
def test_warnings_name_the_busy_and_the_idle(number, warned):
    expert = np.repeat(np.arange(len(number)), number)
    found = health(expert, np.ones(1000, dtype=np.int64), len(number))
    lines = found.get("warnings", [])
    assert [line.split()[1] for line in lines] == [str(expert + 1) for expert in warned]
    for line, which in zip(lines, warned, strict=True):
        bound = "more than 80%" if number[which] > 500 else "less than 2%"
        share = f"{number[which] / 1000:.1%}"
        assert line == f"expert {which + 1} of {len(number)} serves {share} of the responses ({bound})"


def test_an_idle_expert_has_no_intensity():
    found = health(np.array([1, 1]), np.array([3, 4]), 2)["experts"]
    assert found == {"share": [0.0, 1.0], "entropy": 0.0, "intensity": [None, 3.5]}
    assert math.copysign(1, found["entropy"]) == 1


def test_health_of_nothing():
    found = health(np.zeros(0, np.int64), np.zeros(0, np.int64), 2)["experts"]
    assert found == {"share": [0.0, 0.0], "entropy": 0.0, "intensity": [None, None]}


def test_a_simulator_tells_its_health():
    simulator, rows = make(), conditions()
    responses = simulator.generate(rows, seed=1)
    expert = simulator.route(rows)
    found = simulator.health(rows, responses)["experts"]
    np.testing.assert_allclose(found["share"], np.bincount(expert) / 200, atol=1e-5)
    expected = [responses[expert == k].sum() / (expert == k).sum() for k in range(3)]
    np.testing.assert_allclose(found["intensity"], expected, atol=1e-3)


def test_a_simulator_tells_how_many_draws_go_elsewhere():
    simulator, rows = make("learned"), conditions()
    probability = torch.softmax(simulator.network.gate(torch.from_numpy(simulator._scaler(rows))), 1)
    chosen = torch.from_numpy(simulator.route(rows))
    expected = 1 - probability.gather(1, chosen[:, None]).mean().item()
    found = simulator.health(rows, simulator.generate(rows, seed=1))["experts"]["elsewhere"]
    assert found == pytest.approx(expected, abs=1e-5)
    assert 0.1 < found < 0.9
    rule = make("energy")
    assert rule.health(rows, rule.generate(rows, seed=1))["experts"]["elsewhere"] is None


def test_copies_are_warned_of_and_experts_that_differ_are_not():
    simulator, rows = make(), conditions()
    before = simulator.health(rows, simulator.generate(rows, seed=1))
    assert before["experts"]["difference"] > 0.2
    assert not any("alike" in line for line in before.get("warnings", []))
    simulator.network.experts[2].load_state_dict(simulator.network.experts[0].state_dict())
    found = simulator.health(rows, simulator.generate(rows, seed=1))
    assert found["experts"]["difference"] == 0
    (line,) = [line for line in found["warnings"] if "alike" in line]
    assert line == (
        "experts 1 and 3 of 3 are alike: on the conditions that they serve they differ by 0% of what other "
        "noise changes (less than 20%)"
    )


def test_differences_are_taken_on_what_a_pair_serves():
    """Two experts that differ everywhere but on their own conditions are alike."""
    simulator, rows = make(), conditions()
    third = simulator.route(rows) == 2
    simulator.network.experts[1].load_state_dict(simulator.network.experts[0].state_dict())
    found = simulator.differences(rows[~third])
    assert found[0, 1] == 0
    assert found.keys() == {(0, 1)}
    assert simulator.differences(rows).keys() == {(0, 1), (0, 2), (1, 2)}
    assert simulator.differences(rows[third]) == {}
    assert simulator.differences(rows[:0]) == {}
