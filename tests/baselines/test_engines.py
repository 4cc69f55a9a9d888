"""PyTorch and ONNX Runtime behind the same simulator: the same weights and noise give the same rates."""

import numpy as np
import pytest
import torch

from simbench.baselines import engines
from simbench.baselines.conditions import Scaler
from simbench.baselines.engines import choose_engine, onnx_rates, torch_rates
from simbench.baselines.gan.networks import initialised, make_generator
from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.gan.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


def conditions(rows):
    return np.random.default_rng(5).uniform(-1, 1, (rows, 2)).astype(np.float32)


def test_auto_is_a_rule_of_preset_and_device():
    assert choose_engine("auto", "compact", "cpu") == "torch"
    assert choose_engine("auto", "paper", "cpu") == "onnx"
    assert choose_engine("auto", "paper", "cuda") == "torch"
    assert choose_engine("onnx", "compact", "cuda") == "onnx"
    with pytest.raises(ValueError, match="unknown engine 'jax'; expected auto, torch or onnx"):
        choose_engine("jax", "compact", "cpu")


def test_engines_agree_on_rates_and_on_nearly_all_counts(toy_job, graphs):
    weights = train(toy_job())
    by_torch = GanSimulator.load(weights)
    by_onnx = GanSimulator.load(weights, engine="onnx", graphs=graphs)
    assert (by_torch.execution["engine"], by_onnx.execution["engine"]) == ("torch", "onnx")
    noise = by_torch.noise(700, seed=4)
    expected = by_torch.rates(conditions(700), noise)
    np.testing.assert_allclose(by_onnx.rates(conditions(700), noise), expected, rtol=1e-4)
    first, second = (each.generate(conditions(700), seed=4) for each in (by_torch, by_onnx))
    assert (first != second).any(axis=(1, 2)).mean() < 0.01
    np.testing.assert_array_equal(second, by_onnx.generate(conditions(700), seed=4))
    assert by_onnx.generate(conditions(0), seed=4).shape == (0, 6, 5)


def test_the_engines_agree_on_the_paper_preset(graphs):
    network = {"shape": [44, 44], "conditions": 9, "noise": 10}
    seeded = torch.Generator().manual_seed(1)
    generator = initialised(lambda: make_generator("paper", network), seeded).eval()
    last = [layer for layer in generator.modules() if isinstance(layer, torch.nn.Conv2d)][-1]
    torch.nn.init.constant_(last.bias, 0.05)  # untrained, it may well give nothing but dark pixels
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(3, width)).astype(np.float32) for width in (10, 9)]
    expected = torch_rates(generator, "cpu")(*inputs)
    assert expected.max() > 0
    found = onnx_rates(generator, (10, 9), "cpu", graphs)(*inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_graph_is_exported_once_for_equal_weights(toy_job, graphs, monkeypatch):
    exported = []
    export = engines.export_graph
    monkeypatch.setattr(engines, "export_graph", lambda *args: exported.append(args) or export(*args))
    weights = train(toy_job(seed=77))
    simulators = [GanSimulator.load(weights, engine="onnx", graphs=graphs) for _ in range(2)]
    first, second = (each.generate(conditions(20), seed=1) for each in simulators)
    np.testing.assert_array_equal(first, second)
    assert len(exported) == 1
    other = {name: tensor + 1 for name, tensor in simulators[0].network.state_dict().items()}
    simulators[0].set_weights(other)
    assert (simulators[0].generate(conditions(20), seed=1) != first).any()
    assert len(exported) == 2
    assert not [path for path in graphs.iterdir() if path.suffix != ".onnx"]  # nothing half-written


def test_a_folder_for_graphs_is_needed(toy_job):
    simulator = GanSimulator.load(train(toy_job()), engine="onnx")
    with pytest.raises(ValueError, match="no folder is given"):
        simulator.generate(conditions(2), seed=1)


def test_onnx_on_a_gpu_that_is_not_there_is_refused(graphs):
    network = make_generator("paper", {"shape": [44, 44], "conditions": 9, "noise": 10}).eval()
    with pytest.raises(ValueError, match="no CUDAExecutionProvider here; install onnxruntime-gpu"):
        onnx_rates(network, (10, 9), "cuda", graphs)


def test_how_it_computes_is_told():
    rows = np.random.default_rng(0).normal(size=(3, 9)).astype(np.float32)
    scaler = Scaler.fit(rows, clip=None, geometry=None)
    network = {"shape": [44, 44], "conditions": 9, "noise": 10}
    header = {"preset": "paper", "network": network, "features": ["f"] * 9, "min_photons": 1}
    simulator = GanSimulator(torch.nn.Identity(), scaler, header, engine="auto", batch=3)
    assert simulator.execution == {"engine": "onnx", "batch": 3}
