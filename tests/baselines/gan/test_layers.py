"""The ladder for energies in layers of rings, on a toy calorimeter of three layers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simbench.baselines.gan.networks_layers import LayerSummary, RingSums, maximum, spot_draw
from simbench.baselines.gan.simulator import GanSimulator
from simbench.baselines.gan.training import train
from simbench.baselines.spots import Rings, draw
from simbench.harness import rng

RINGS = Rings(((0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (0.0, 4.0)), (4, 4, 1), threshold=0.1)
SHARES = np.array([0.2, 0.1, 0.4, 0.2, 0.1])
MODELS = ("gan", "sdi-gan-ir-ar")


def toy(particles, seed):
    """Energies of 90 % of the incident energy, four showers of each."""
    energy = np.exp(np.random.default_rng(seed).uniform(np.log(100), np.log(10_000), particles)).repeat(4)
    keys = rng.keys(seed, np.arange(len(energy)))
    showers = draw(0.9 * energy[:, None] * SHARES, keys, RINGS, np.full(5, 5.0))
    return energy[:, None].astype(np.float32), showers[:, None], np.arange(particles).repeat(4)


@pytest.fixture
def layered_job(toy_job):
    conditions, showers, particle = toy(100, 1)
    validation, reference, _ = toy(30, 2)

    def score(conditions, responses):
        first, second = (RINGS.sums(x) / conditions for x in (responses, reference))
        return {"validation": float(np.abs(first.mean(0) - second.mean(0)).sum())}

    def make(**changes):
        values = {
            "preset": "layers",
            "detector": "toy-layers",
            "shape": (1, 17),
            "channel_masks": np.ones((1, 1, 17), bool),
            "feature_names": ("incident_energy",),
            "conditions": conditions,
            "showers": showers,
            "particle": particle,
            "validation_conditions": validation,
            "score": score,
            "min_photons": 0,
            "rings": RINGS,
        }
        return toy_job(**(values | changes))

    return make


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_training_learns_energies_and_profiles(layered_job, model):
    settings = {"steps": "300", "evaluations": "3", "batch": "64", "ema": "0.9", "ema_late": "0.95"}
    simulator = GanSimulator.load(train(layered_job(model=model, settings=settings | {"width": "32"})))
    assert simulator.header["preset"] == "layers"
    assert simulator.header["scaler"]["logs"] == [0]
    for energy in (300.0, 6000.0):
        drawn = simulator.generate(np.full((400, 1), energy, np.float32), seed=1)
        assert (drawn.shape, drawn.dtype) == ((400, 1, 17), np.float32)
        assert (drawn[drawn > 0] >= np.float32(RINGS.threshold)).all()
        sums = RINGS.sums(drawn)
        assert sums.sum(1).mean() == pytest.approx(0.9 * energy, rel=0.08)
        np.testing.assert_allclose(sums.sum(0) / sums.sum(), SHARES, atol=0.05)


def test_a_killed_training_ends_with_the_same_bytes(layered_job, tmp_path):
    settings = {"steps": "8", "evaluations": "4", "batch": "32", "ema_from": "2"}
    job = layered_job(model="sdi-gan-ir-ar", settings=settings, out=tmp_path / "killed")
    whole = train(replace(job, out=tmp_path / "whole")).read_bytes()

    def killed(conditions, responses, calls=[]):  # noqa: B006 - counts its calls
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return job.score(conditions, responses)

    with pytest.raises(KeyboardInterrupt):
        train(replace(job, score=killed))
    assert (job.out / "checkpoint.pt").exists()
    assert train(job).read_bytes() == whole


def test_a_mixture_parts_the_energies(layered_job):
    from simbench.expertsim.simulator import MixtureSimulator
    from simbench.expertsim.training import train as train_mixture

    settings = {"steps": "6", "start": "200", "evaluations": "2"}
    simulator = MixtureSimulator.load(train_mixture(layered_job(model="expertsim-2", settings=settings)))
    faint, bright = (np.full((20, 1), energy, np.float32) for energy in (150.0, 8000.0))
    assert set(simulator.route(faint)) != set(simulator.route(bright))
    assert np.isfinite(simulator.generate(bright, seed=1)).all()


def test_onnx_runtime_gives_the_same_showers(layered_job, tmp_path):
    path = train(layered_job())
    conditions = np.geomspace(100, 1e4, 50, dtype=np.float32)[:, None]
    torch_, onnx = (GanSimulator.load(path, engine=engine, graphs=tmp_path) for engine in ("torch", "onnx"))
    noise = torch_.noise(50, 1)
    rates = torch_.rates(conditions, noise)
    assert rates.shape == (50, 5)
    np.testing.assert_allclose(onnx.rates(conditions, noise), rates, rtol=1e-4)


def test_cells_are_layers_of_equal_edges():
    sums = RingSums.of(RINGS, np.ones(5), layers=2)
    np.testing.assert_array_equal(sums.cell.argmax(1), [0, 1, 0, 1, 2])
    assert (sums.cell.sum(1) == 1).all()
    np.testing.assert_array_equal(RingSums.of(RINGS, np.ones(5), layers=1).cell.argmax(1), [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(sums.layer.argmax(1), [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(sums.number.argmax(1), [0, 1, 0, 1, 0])


def test_the_place_of_a_shower_by_hand():
    found = maximum(RINGS, np.array([[1, 0, 0, 3, 0], [2, 0, 0, 2, 0], [0, 0, 0, 0, 5.0]]))
    radius = [(0.5 + 3 * 1.5) / 4 / 4, (2 * 0.5 + 2 * 1.5) / 4 / 4, 0.5]
    np.testing.assert_allclose(found, np.column_stack([[0.5, 0, 1], radius]), rtol=1e-6)


def test_what_is_expected_of_a_total_is_a_power_of_the_energy():
    conditions, showers, _ = toy(200, 3)
    scaled = np.log(conditions) - 5
    found = LayerSummary.of(RINGS, scaled.astype(np.float32), showers)
    assert found.slope[0] == pytest.approx(1, abs=0.03)
    assert found.log_total == pytest.approx(np.log(0.9) + 5, abs=0.05)
    np.testing.assert_allclose(found.spot, 5, rtol=0.1)


def test_spots_of_a_training_fluctuate_as_those_of_a_simulator():
    """Mean m, variance 2 s m; the gradient is that of the mean."""
    known = LayerSummary(RINGS, (5.0,) * 5, 0.0, (1.0,))
    means = torch.tensor([0.0, 1.0, 20.0, 300.0, 5000.0]).repeat(20_000, 1).requires_grad_()
    drawn = spot_draw(known, torch.Generator().manual_seed(0))(means)
    drawn.sum().backward()
    assert (means.grad == 1).all()
    values = drawn.detach().double()
    assert not values[:, 0].any()
    torch.testing.assert_close(values.mean(0)[1:], means[0, 1:].double(), rtol=0.05, atol=0)
    torch.testing.assert_close(values.var(0)[1:], 10 * means[0, 1:].double(), rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"rings": None},
            "the layers preset serves energies in layers of rings, detector 'toy-layers' has none",
        ),
        ({"showers": np.zeros((400, 1, 17), np.float32)}, "how energy fluctuates is seen between sectors"),
    ],
)
def test_impossible_jobs_are_refused(layered_job, change, message):
    with pytest.raises(ValueError, match=message):
        train(layered_job(**change))
