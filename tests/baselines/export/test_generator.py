"""Generators as ONNX graphs: the features computed in them, and each kind of network."""

import numpy as np
import pytest
import torch

from simbench.baselines.conditions import Geometry, Scaler
from simbench.baselines.export.generator import Conditions, ExportedGenerator, generator_graph
from simbench.baselines.gan.networks import blank_generator
from simbench.baselines.gan.networks_compact import Generator as Compact
from simbench.baselines.montecarlo import make_dataset

pytestmark = pytest.mark.slow

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

ZP = Geometry((11.2, 6.0), (24.35, 0.0), 11252.0)
ODD = np.float32(
    [
        [513.3, 1.454e-08, 3.651e-08, -2.731e-03, 0.035456, -0.0518206, -513.3, 0, 0],
        [6500, 0, 0, 0, 0, 0, 0, 0.938272, 1],
        [0, 1e3, -1e3, 5, 300, -200, 1e-12, 1.0, -1],
        [1e-4, -1e-5, 1e-5, 1e-9, 1e-4, 1e-4, 6499, 0.000511, 1],
        [99999, 0, 0, -1e-3, 1, 1, 99999, 1.15, 0],
        [2000, 0, 0, 1e-3, 0.1, 0.1, -2000, 1e-5, -2],
    ]
)


@pytest.fixture(scope="module")
def conditions():
    made = make_dataset("proton", particles=300, repeats=1, seed=3).conditions
    return np.concatenate([made, ODD])


def run(model, conditions, noise=10, seed=1):
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    z = np.random.default_rng(seed).standard_normal((len(conditions), noise)).astype(np.float32)
    return z, session.run(None, {"noise": z, "conditions": conditions})


def header(preset, shape, features=9, noise=10):
    names = [f"f{number}" for number in range(features)]
    return {
        "preset": preset,
        "features": names,
        "min_photons": 1,
        "network": {"shape": shape, "noise": noise},
    }


def small(shape, conditions, noise=10):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Compact(
            shape=shape, field=(3, 2), conditions=conditions, noise=noise, width=16, depth=2, rank=8,
            log_total=1.0, log_limit=6.0,
        ).eval()  # fmt: skip


@pytest.mark.parametrize("geometry", [ZP, None])
@pytest.mark.parametrize("clip", [5.0, None])
def test_features_are_those_of_the_scaler(conditions, geometry, clip):
    scaler = Scaler.fit(conditions[:200], clip=clip, geometry=geometry)
    found = Conditions(scaler)(torch.from_numpy(conditions)).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scaler(conditions), rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def shown(conditions):
    """A graph whose rates show the features that its network gets, and the scaler of these."""
    scaler = Scaler.fit(conditions[:200], clip=5.0, geometry=ZP)
    width = len(scaler.mean)

    class Back(torch.nn.Module):
        def forward(self, noise, scaled):
            return (scaled + 6 + 0 * noise[:, :1]).view(-1, 1, width)

    return scaler, generator_graph(ExportedGenerator(scaler, Back()), header("compact", (1, width)))


def test_features_in_onnx_are_those_of_the_scaler_too(conditions, shown):
    scaler, model = shown
    _, (_, rates) = run(model, conditions)
    np.testing.assert_allclose(rates[:, 0] - 6, scaler(conditions), atol=2e-6)


def test_the_graph_is_plain_and_tells_nothing_of_this_machine(shown):
    _, model = shown
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert model.ir_version == 8
    assert not model.functions
    assert [each.name for each in model.graph.input] == ["noise", "conditions"]
    assert [each.name for each in model.graph.output] == ["image", "rates"]
    for each in (*model.graph.input, *model.graph.output):
        assert each.type.tensor_type.shape.dim[0].dim_param == "batch"
    text = model.SerializeToString()
    for word in (b".py", b"site-packages", b"stack_trace"):
        assert word not in text


def test_a_graph_of_a_detector_of_another_kind():
    conditions = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    scaler = Scaler.fit(conditions, clip=None, geometry=None)
    network = small((6, 5), 2, noise=4)
    model = generator_graph(ExportedGenerator(scaler, network), header("compact", (6, 5), 2, 4))
    z, (image, rates) = run(model, conditions, 4)
    with torch.no_grad():
        expected = network(torch.from_numpy(z), torch.from_numpy(scaler(conditions))).numpy()
    np.testing.assert_allclose(rates, expected, rtol=1e-4)
    counts = np.expm1(image.astype(np.float64))
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-4)
    assert counts.sum(axis=(1, 2)).min() > 0.999


def test_the_paper_network_gives_photons_which_are_rounded(conditions):
    scaler = Scaler.fit(conditions[:200], clip=None, geometry=None)
    network = blank_generator("paper", {"shape": [44, 44], "conditions": 9, "noise": 10}).eval()
    with torch.no_grad():
        network.body[-2].bias += 1
    model = generator_graph(ExportedGenerator(scaler, network), header("paper", (44, 44)))
    z, (image, rates) = run(model, conditions[:8])
    with torch.no_grad():
        expected = network(torch.from_numpy(z), torch.from_numpy(scaler(conditions[:8]))).numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-6 * expected.max())
    counts = np.rint(np.expm1(image.astype(np.float64)))
    assert (np.abs(counts - rates) <= 1 + 1e-5 * rates).all()
