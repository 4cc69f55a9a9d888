"""A mixture as one ONNX graph."""

import numpy as np
import pytest
import torch

from simbench.baselines.conditions import Scaler
from simbench.baselines.export.generator import generator_graph
from simbench.baselines.gan.networks_compact import Generator as Compact
from simbench.expertsim.export import ExportedMixture
from simbench.expertsim.router import Gate
from simbench.expertsim.simulator import MixtureNetwork

pytestmark = pytest.mark.slow

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

EXPERTS = 3
EDGES = {"energy": (-0.5, 0.4), "intensity": (-0.02, 0.02)}


@pytest.fixture(scope="module")
def conditions():
    return np.random.default_rng(4).normal(size=(200, 2)).astype(np.float32)


def mixture(kind, conditions):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        experts = [
            Compact(shape=(6, 5), field=(3, 2), conditions=2, noise=4, width=16, depth=2, rank=8,
                    log_total=number, log_limit=6.0).eval()
            for number in range(EXPERTS)
        ]  # fmt: skip
        gate = Gate(kind=kind, experts=EXPERTS, inputs=2, feature=1, edges=EDGES.get(kind, ()))
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.mul_(3)
    if kind == "intensity":  # thresholds that divide what this regressor gives
        with torch.no_grad():
            given = gate(torch.from_numpy(scaler_of(conditions)(conditions))).numpy()
        gate.edges = np.quantile(given, [0.3, 0.7])
    return MixtureNetwork(gate, experts)


def scaler_of(conditions):
    return Scaler.fit(conditions, clip=5.0, geometry=None)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(5).standard_normal((200, 4)).astype(np.float32)


def expected(network, conditions, noise):
    """Rates and experts, as the simulator has them."""
    scaled = scaler_of(conditions)(conditions)
    chosen = network.gate.choose(conditions, scaled)
    with torch.no_grad():
        every = [each(torch.from_numpy(noise), torch.from_numpy(scaled)).numpy() for each in network.experts]
    return np.stack(every)[chosen, np.arange(len(noise))], chosen


@pytest.mark.parametrize("kind", ["learned", "energy", "intensity"])
def test_every_condition_goes_to_the_gates_expert(kind, conditions, noise):
    network = mixture(kind, conditions)
    with torch.no_grad():
        found = ExportedMixture(scaler_of(conditions), network)(
            torch.from_numpy(noise), torch.from_numpy(conditions)
        )
    rates, chosen = expected(network, conditions, noise)
    assert np.bincount(chosen, minlength=EXPERTS).min() > (0 if kind == "learned" else 10)
    np.testing.assert_array_equal(found[1].numpy(), chosen)
    np.testing.assert_allclose(found[0].numpy(), rates, rtol=1e-5)


def test_router_and_experts_are_one_graph(conditions, noise):
    network = mixture("learned", conditions)
    size = {"shape": (6, 5), "noise": 4}
    header = {"preset": "compact", "features": ["a", "b"], "min_photons": 1, "network": size}
    model = generator_graph(ExportedMixture(scaler_of(conditions), network), header, ("rates", "expert"))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image, rates, expert = session.run(None, {"noise": noise, "conditions": conditions})
    wanted, chosen = expected(network, conditions, noise)
    np.testing.assert_array_equal(expert, chosen)
    np.testing.assert_allclose(rates, wanted, rtol=1e-4)
    assert np.expm1(image).sum(axis=(1, 2)).min() > 0.999
    for rows in (slice(0, 1), slice(3, 5)):  # experts without a row
        feed = {"noise": noise[rows], "conditions": conditions[rows]}
        np.testing.assert_allclose(session.run(["rates"], feed)[0], rates[rows], rtol=1e-4)


def test_a_router_of_bits_cannot_be_exported(conditions):
    with pytest.raises(ValueError, match="router 'random', a hash of the conditions, cannot be exported"):
        ExportedMixture(scaler_of(conditions), mixture("random", conditions))
