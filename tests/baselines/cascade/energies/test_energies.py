"""A cascade of energies: its tree, its likelihood as an integral, its draws, its training."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from simbench.baselines.cascade.energies import Calorimeter, train
from simbench.baselines.cascade.energies.job import EnergyJob
from simbench.baselines.cascade.energies.likelihood import log_factors
from simbench.baselines.cascade.energies.networks import EnergyCascade, Sizes, log_split, log_total
from simbench.baselines.cascade.energies.sampling import Sampler, shares
from simbench.baselines.cascade.energies.settings import EnergySettings, resolve
from simbench.baselines.cascade.energies.showers import Scale
from simbench.baselines.cascade.energies.simulator import EnergySimulator
from simbench.baselines.cascade.energies.tree import KINDS, Tree
from simbench.harness import rng

ODD = Calorimeter(((3, 4), (1, 1), (2, 3)))
TWO = Calorimeter(((1, 1), (1, 1)))


def network(tree, seed=1, **sizes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = EnergyCascade(Sizes(tree.layers, tree.places, (8, 8, 8), **sizes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
    return model.eval()


@pytest.fixture
def showers():
    """Energies of 300 showers in the odd calorimeter, a third of the voxels empty, one shower entirely."""
    draw = np.random.default_rng(4)
    voxels = draw.gamma(0.5, 3.0, (300, ODD.voxels)) * (draw.random((300, ODD.voxels)) < 0.7)
    voxels[7] = 0
    return voxels


def test_the_leaves_are_the_voxels_and_nodes_hold_what_their_children_hold(showers):
    of_the_challenge = Calorimeter(((9, 16),) * 45), Calorimeter(((8, 1), (16, 10), (19, 10), (5, 1), (5, 1)))
    for calorimeter in (ODD, *of_the_challenge):
        tree = Tree(calorimeter)
        assert sorted(tree.voxel) == list(range(calorimeter.voxels))
        starts = np.cumsum([0, *(rings * angles for rings, angles in calorimeter.layers)])
        np.testing.assert_array_equal(tree.layer, np.searchsorted(starts, tree.voxel, side="right") - 1)
        assert sum((depth.kind >= 0).sum() for depth in tree.depths) == calorimeter.voxels - 1
    tree = Tree(ODD)
    energies = tree.energies(showers)
    np.testing.assert_allclose(energies[0][:, 0], showers.sum(axis=1))
    np.testing.assert_array_equal(energies[-1][:, tree.leaf], showers)
    for depth, own, below in zip(tree.depths, energies, energies[1:], strict=False):
        first, second = below[:, depth.left], below[:, depth.right]
        np.testing.assert_allclose(own, np.where(depth.left == depth.right, first, first + second))


def test_rings_lie_inwards_first_and_no_angle_is_different():
    """A voxel's energy is found at the ring and angle that the geometry gives it."""
    tree = Tree(ODD)
    for voxel in range(12):  # of the first layer: angles of 3 rings each
        one = np.zeros((1, ODD.voxels))
        one[0, voxel] = 1.0
        last = max(number for number, depth in enumerate(tree.depths) if (depth.kind == 1).any())
        inner = tree.energies(one)[last + 1][0]
        assert inner.argmax() == voxel % 3
    angles = [depth for depth in tree.depths if (depth.kind == 2).any()]
    last = angles[-1]
    same = {
        int(p)
        for p, layer, kind in zip(last.place, last.layer, last.kind, strict=True)
        if layer == 0 and kind == 2
    }
    assert len(same) == 3  # one for each ring, whatever the angle


def test_the_density_integrates_to_1_over_all_that_can_happen():
    """Two voxels: none is hit, one of them, the other, both."""
    tree, scale = Tree(TWO), Scale((1.0, 0.5), (-0.5, 0.4))
    model = network(tree, components=2, total_components=2)
    incident = 3.0

    def density(*energies):
        found = log_factors(model, tree, scale, np.full(1, incident), np.array([energies], np.float64))
        return float(np.exp(sum(values[0] for values in found.values())))

    none = density(0.0, 0.0)
    logs = np.linspace(-7, 6, 1301)
    voxels = np.exp(logs)
    alone = [
        integrate.simpson([density(*pair) * sum(pair) for pair in pairs], x=logs)
        for pairs in ([(e, 0.0) for e in voxels], [(0.0, e) for e in voxels])
    ]
    # Both: by total and share, for the share's density may have poles at 0 and 1.
    steps = np.linspace(-14, 14, 561)
    share = 1 / (1 + np.exp(-steps))
    totals = np.exp(np.linspace(-6, 5, 221))
    grid = np.stack([totals[:, None] * share, totals[:, None] * (1 - share)], axis=-1).reshape(-1, 2)
    found = log_factors(model, tree, scale, np.full(len(grid), incident), grid)
    values = np.exp(np.sum(list(found.values()), axis=0)).reshape(len(totals), len(share))
    jacobian = totals[:, None] ** 2 * share * (1 - share)
    both = integrate.simpson(integrate.simpson(values * jacobian, x=steps, axis=1), x=np.log(totals))
    assert 0.01 < both < 0.99
    assert none + sum(alone) + both == pytest.approx(1, abs=2e-3)


def test_the_likelihood_has_the_gradient_of_its_differences():
    draw = torch.Generator().manual_seed(3)
    outputs = torch.randn(6, 9, generator=draw, dtype=torch.float64, requires_grad=True)
    share = torch.rand(6, generator=draw, dtype=torch.float64) * 0.8 + 0.1
    pattern = torch.tensor([0, 1, 2, 2, 2, 2])
    assert torch.autograd.gradcheck(
        lambda x: log_split(x, pattern, share.log(), (1 - share).log()), (outputs,)
    )
    totals = torch.randn(6, 7, generator=draw, dtype=torch.float64, requires_grad=True)
    hit = torch.tensor([True, False, True, True, False, True])
    assert torch.autograd.gradcheck(lambda x: log_total(x, share, hit), (totals,))


def test_shares_are_drawn_as_the_density_says():
    outputs = np.array([0.3, -0.5, 0.8, 0.2, 1.0, 1.5, -0.4, -1.2, 0.1], np.float32)
    found = shares(np.tile(outputs, (20_000, 1)), rng.keys(5, np.arange(20_000)))
    p = np.exp(outputs[:3]) / np.exp(outputs[:3]).sum()
    both = (found > 0).all(axis=0)
    counts = [(found[1] == 0).sum(), (found[0] == 0).sum(), both.sum()]
    assert stats.chisquare(counts, 20_000 * p).pvalue > 1e-3
    weight = np.exp(outputs[3::3]) / np.exp(outputs[3::3]).sum()
    total, mean = np.exp(outputs[5::3]), 1 / (1 + np.exp(-outputs[4::3]))

    def below(x):
        return sum(
            w * stats.beta.cdf(x, t * m + 1e-3, t * (1 - m) + 1e-3)
            for w, t, m in zip(weight, total, mean, strict=True)
        )

    assert stats.kstest(found[0, both], below).pvalue > 1e-3
    np.testing.assert_allclose(found.sum(axis=0), 1)


def test_a_shower_depends_on_its_row_alone_and_keeps_its_energy():
    tree, scale = Tree(ODD), Scale((3.0, 1.0), (-0.5, 0.4))
    sampler = Sampler(network(tree), tree, scale)
    incident, keys = np.geomspace(1, 1e3, 60), rng.keys(9, np.arange(60))
    whole = sampler.draw(incident, keys)
    assert whole.shape == (60, ODD.voxels)
    assert np.isfinite(whole).all()
    assert (whole >= 0).all()
    np.testing.assert_allclose(sampler.draw(incident[20:23], keys[20:23]), whole[20:23], rtol=1e-3, atol=1e-9)
    assert (sampler.draw(incident, rng.keys(10, np.arange(60))) != whole).any(axis=1).all()


QUICK = {
    "steps": "8",
    "evaluations": "4",
    "batch": "16",
    "total_batch": "32",
    "validation": "0.2",
    "width": "8",
}


@pytest.fixture
def job(showers, tmp_path):
    """``job(**changes)``: a small training in the odd calorimeter."""

    def make(**changes):
        values = {
            "model": "cascade",
            "preset": "compact",
            "detector": "odd",
            "shape": (1, ODD.voxels),
            "geometry": None,
            "feature_names": ("incident_energy",),
            "conditions": (2 * showers.sum(axis=1, keepdims=True) + 1).astype(np.float32),
            "showers": showers.astype(np.float32)[:, None],
            "particle": np.arange(300) // 3,
            "min_photons": 0,
            "seed": 3,
            "out": tmp_path / "out",
            "overrides": QUICK | changes.pop("settings", {}),
            "provenance": {"dataset": "toy"},
            "calorimeter": ODD,
        }
        return EnergyJob(**(values | changes))

    return make


def test_a_killed_training_ends_with_the_same_weights(job, tmp_path):
    whole = train(job(out=tmp_path / "whole")).read_bytes()

    class KilledError(Exception):
        pass

    def kill(news):
        if news.step >= 5:
            raise KilledError

    with pytest.raises(KilledError):
        train(job(progress=kill))
    assert train(job()).read_bytes() == whole


def test_learning_raises_the_likelihood_and_the_record_tells_it(job):
    path = train(job(settings={"steps": "200"}))
    record = json.loads((path.parent / "record.json").read_text())
    levels = [entry["levels"] for entry in record["history"]]
    assert list(levels[0]) == ["total", *KINDS]
    assert sum(levels[-1].values()) < sum(levels[0].values()) - 1
    simulator = EnergySimulator.load(path, ODD)
    held_out = job().validation(0.2)
    found = simulator.log_prob_levels(job().conditions[held_out], job().showers[held_out])
    told = record["training"]["likelihood"]["validation"]["nats"]
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(
        {name: told[name] for name in found}, abs=1e-3
    )


def test_weights_of_other_layers_are_refused(job):
    with pytest.raises(ValueError, match="other layers"):
        EnergySimulator.load(train(job()), TWO)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "preset compact only"),
        ({"settings": {"steps": "0"}}, "above 0"),
        ({"settings": {"ema": "1"}}, "below 1"),
        ({"conditions": np.zeros((300, 1), np.float32)}, "incident energy, above 0"),
        ({"showers": np.full((300, 1, ODD.voxels), -1, np.float32)}, "0 or more"),
        ({"showers": np.full((300, 1, ODD.voxels), np.nan, np.float32)}, "finite"),
        ({"showers": np.zeros((300, 1, ODD.voxels), np.float32)}, "at least 4 showers with energy"),
        ({"calorimeter": TWO}, "2 voxels"),
    ],
)
def test_what_cannot_be_trained_is_one_line(job, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        train(job(**changes))
    assert "\n" not in str(error.value)


def test_every_setting_is_described_and_can_be_set():
    for name, value in dataclasses.asdict(EnergySettings()).items():
        assert f"        {name}: " in EnergySettings.__doc__
        assert getattr(resolve("compact", {name: str(value)}), name) == value
