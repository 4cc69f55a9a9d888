"""The metrics that come with simbench: what each says of a perfect simulator, and of wrong ones."""

from dataclasses import replace

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.metrics.tools.repeats import repeat_number
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Resampling, Scored
from simbench.harness.plugin.observables import NAMES, observe
from simbench.harness.score.evaluate import NotMeasuredError, measure

pytestmark = pytest.mark.slow

FEATURES = ("Energy", "Vx", "Vy", "Vz", "Px", "Py", "Pz", "mass", "charge")
UNBIASED = ("energy-conditional", "fpd", "kpd", "conditional")
ON_REQUEST = ("auc-image", "fpd-jetnet", "prdc", "response", "pixel", "memorisation")


def sums(showers):
    middle = showers.shape[1] // 2
    halves = showers[:, :middle], showers[:, middle:]
    return np.stack([half.sum(axis=(1, 2), dtype=np.int64) for half in halves], axis=1)


def against(scored, showers):
    """The same reference beside other responses."""
    reference = next(iter(scored.blocks()))[0]
    return replace(
        scored,
        generated=sums(showers),
        generated_photons=showers.sum(axis=(1, 2), dtype=np.int64),
        generated_observables=observe(showers).astype(np.float32),
        generated_image=showers.sum(axis=0, dtype=np.int64),
        blocks=lambda: iter([(reference, showers)]),
    )


@pytest.fixture(scope="module")
def world():
    """Of 250 particles with 16 responses each, every other response is the reference's: (scored, others)."""
    sample = make_dataset("proton", particles=250, repeats=16, seed=3)
    particle = np.arange(250, dtype=np.int64).repeat(16)
    half = repeat_number(particle) % 2 == 0
    reference, others = sample.showers[half], sample.showers[~half]
    scored = Scored(
        reference=sums(reference),
        generated=sums(others),
        reference_photons=reference.sum(axis=(1, 2), dtype=np.int64),
        generated_photons=others.sum(axis=(1, 2), dtype=np.int64),
        channels=("left", "right"),
        min_photons=1,
        particle=particle[half],
        conditions=sample.conditions[half].astype(np.float32),
        features=FEATURES,
        observed=NAMES,
        reference_observables=observe(reference).astype(np.float32),
        training=observe(sample.showers[half][::-2]).astype(np.float32),
        blocks=lambda: iter([(reference, others)]),
    )
    return against(scored, others), others


@pytest.fixture(scope="module")
def by_name(ours):
    return {metric.name: metric for metric in ours.metrics}


@pytest.fixture(scope="module")
def wrong(world):
    """Simulators that are wrong in one way each."""
    scored, others = world
    ignorant = others.reshape(250, 8, *others.shape[1:])[np.random.default_rng(0).permutation(250)]
    dim = np.random.default_rng(1).binomial(others.astype(np.int64), 0.7).astype(others.dtype)
    return {
        "blind": against(scored, ignorant.reshape(others.shape)),
        "dim": against(scored, dim),
    }


def overall(metric, scored):
    (value,) = (v for v in measure(metric, scored) if (v.subset, v.channel) == ("all", "mean"))
    return value


def test_offers(ours):
    assert list(ours.metrics)[:2] == [WASSERSTEIN, EMPTY]
    assert ours.metrics.sources["ws"].name == "simbench.plugins.metrics"
    assert tuple(metric.name for metric in ours.metrics if not metric.default) == ON_REQUEST
    assert all(metric.meaning and metric.cost for metric in list(ours.metrics)[2:])


def test_every_metric_measures_a_perfect_simulator(ours, world):
    for metric in ours.metrics:
        assert overall(metric, world[0]).value is not None, metric.name


@pytest.mark.parametrize("name", UNBIASED)
def test_the_unbiased_ones_are_zero_within_their_error(by_name, world, name):
    found = overall(by_name[name], world[0])
    assert abs(found.value) < 4 * found.error


def test_a_perfect_simulator_is_not_told_apart(by_name, world):
    found = overall(by_name["auc"], world[0])
    assert abs(found.value - 0.5) < 4 * found.error


@pytest.mark.parametrize("name", ["ws-conditional", "energy-conditional", "auc", "conditional", "pixel"])
def test_a_simulator_that_ignores_its_conditions_is_seen(by_name, world, wrong, name):
    right, blind = (overall(by_name[name], scored).value for scored in (world[0], wrong["blind"]))
    assert blind > max(1.05 * right, right + 0.002)


def test_the_excess_is_told_by_energy_and_by_species(by_name, world):
    """What answers the wrong particle in the upper half of energies only is told there, and not below."""
    scored, others = world
    spread = scored.conditions[:, 0] > np.median(scored.conditions[:, 0])
    mixed = others.copy()
    mixed[spread] = others[spread][np.random.default_rng(0).permutation(int(spread.sum()))]
    told = {(v.subset, v.channel): v.value for v in measure(by_name["conditional"], against(scored, mixed))}
    by_energy = [value for (subset, _), value in told.items() if subset == "by energy"]
    assert len(by_energy) == 8
    assert min(by_energy[4:]) > 3 * max(by_energy[:4])
    kinds = [channel for subset, channel in told if subset == "particle ws by species"]
    assert kinds == [channel for subset, channel in told if subset == "by species"]
    assert "mass 0, charge 0" in kinds
    assert told["particle ws", "photon_sum"] > 0


@pytest.mark.parametrize("name", ["fpd", "kpd", "separation", "ws-observables", "correlation"])
def test_what_pools_all_particles_does_not_see_that(by_name, world, wrong, name):
    """The very same responses in another order: far below what a simulator that is too dim has."""
    blind, dim = (overall(by_name[name], wrong[which]).value for which in ("blind", "dim"))
    assert dim > 4 * blind
    if name not in UNBIASED:
        assert blind == pytest.approx(overall(by_name[name], world[0]).value, rel=1e-9)


@pytest.mark.parametrize("name", ["ws-conditional", "energy-conditional", "auc", "conditional", "response"])
def test_a_simulator_that_is_too_dim_is_seen(by_name, world, wrong, name):
    right, dim = (overall(by_name[name], scored).value for scored in (world[0], wrong["dim"]))
    assert dim > right


def test_precision_and_recall_are_told(by_name, world):
    channels = {value.channel for value in measure(by_name["prdc"], world[0])}
    assert channels == {"mean", "precision", "recall", "density", "coverage"}


def test_copies_are_told(by_name, world):
    scored = replace(world[0], training=world[0].generated_observables)
    found = {value.channel: value.value for value in measure(by_name["memorisation"], scored)}
    assert found["copies"] == 1
    assert found["mean"] > 0.7
    assert found["reference_copies"] < 0.6


def test_quarters_are_those_of_the_expected_sum(by_name, world):
    found = {(v.subset, v.channel): v.value for v in measure(by_name["ws-conditional"], world[0])}
    quarters = [found[f"q{place}", "mean"] for place in (1, 2, 3, 4)]
    assert quarters[3] > 3 * quarters[0]
    # unlike the quarters by the reference's own sum, these are fair to a perfect simulator
    own = {(v.subset, v.channel): v.value for v in measure(WASSERSTEIN, world[0])}
    assert sum(quarters) < 0.7 * sum(own[f"q{place}", "mean"] for place in (1, 2, 3, 4))


def test_the_short_cut_of_the_bootstrap_is_the_metric(by_name, world):
    scored = world[0]
    whole = Resampling(scored.particle, np.ones((250, 2)))
    metric = by_name["ws-conditional"]
    np.testing.assert_allclose(
        metric.resampled(scored, whole), [overall(metric, scored).value] * 2, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("ws-conditional", "particle"),
        ("auc", "conditions"),
        ("fpd", "generated_observables"),
        ("pixel", "blocks"),
        ("memorisation", "training"),
    ],
)
def test_what_is_missing_is_said(by_name, world, name, missing):
    with pytest.raises(NotMeasuredError, match="not measured"):
        measure(by_name[name], replace(world[0], **{missing: None}))


def test_particles_with_one_response_leave_some_columns_empty(by_name, world):
    lone = world[0].take(np.arange(0, 2000, 8))
    assert overall(by_name["conditional"], lone).value is None
    assert overall(by_name["ws-conditional"], lone).value > 0  # by the neighbours in energy


def test_arrays_are_left_alone(ours, world):
    scored = world[0]
    for name in ("reference", "generated_observables", "conditions"):
        getattr(scored, name).flags.writeable = False
    for metric in ours.metrics:
        measure(metric, scored)
