"""The Monte Carlo reference as a plugin: simulator, dataset maker, embedded datasets."""

from importlib.metadata import version

import numpy as np
import pytest

from simbench.harness.data.dataset import Dataset
from simbench.harness.data.open import embedded_path, former, make, open_data, split_rows
from simbench.harness.hooks import Context, MakeRequest, SimulatorOffer
from simbench.harness.plugin.detectors import Detector
from simbench.harness.plugin.registry import Registry, Source
from simbench.harness.run.benchmark import run
from simbench.harness.run.request import Request
from simbench.plugins import mc, metrics, zdc

pytestmark = pytest.mark.slow

NAMES = ("proton", "neutron")


@pytest.fixture(scope="module", params=NAMES)
def small(request, ours, tmp_path_factory):
    """A detector's name and a file of 200 x 8 responses."""
    path = tmp_path_factory.mktemp("mc") / "small.h5"
    make(path, ours.datasets["mc"], MakeRequest(ours.detectors[request.param], 200, 8, seed=3))
    return request.param, path


def test_offers(ours):
    offer = ours.simulators["mc"]
    assert isinstance(offer, SimulatorOffer)
    assert offer.family == "reference"
    assert offer.detectors == NAMES
    assert offer.trainer is None
    assert not offer.slow
    assert ours.simulators.sources["mc"] == Source("simbench.plugins.mc", version("simbench-hep"))
    for name, size in (("mc", 100_000), ("spectators", 20_000)):
        maker = ours.datasets[name]
        assert maker.detectors == NAMES
        assert "not Geant" in maker.provenance
        assert maker.shares_particles
        for spec in maker.embedded.values():
            assert spec.particles * spec.repeats == size
            assert spec.repeats >= 8
            assert len(spec.fingerprint) == 64


def test_it_serves_only_the_calorimeters(ours):
    proton = ours.detectors["proton"]
    other = Detector("other", "", proton.shape, "photons", proton.features, proton.channels, "expertsim")
    assert not ours.simulators["mc"].serves(other)
    assert ours.simulators["mc"].serves(proton)


def test_a_file_is_whole(small):
    name, path = small
    with Dataset(path) as data:
        assert data.detector == name
        assert len(data) == 1600
        assert data.min_photons == 1
        assert data.check() == []
        assert data.photons().min() >= 1
        np.testing.assert_array_equal(data.particle, np.arange(200).repeat(8))


def test_simulates_what_the_detector_is_like(ours, small):
    name, path = small
    detector = ours.detectors[name]
    with open_data(ours, detector, str(path)) as data:
        conditions = data.conditions[:64]
    simulator = ours.simulators["mc"].factory(Context(detector))
    first = simulator.generate(conditions, seed=5)
    assert first.shape == (64, *detector.shape)
    assert first.dtype.kind in "iu"
    assert first.min() >= 0
    np.testing.assert_array_equal(first, simulator.generate(conditions, seed=5))
    assert (first != simulator.generate(conditions, seed=6)).any()
    assert simulator.generate(conditions[:0], seed=5).shape == (0, *detector.shape)


def test_the_threshold_is_handed_on(ours, small):
    name, path = small
    with Dataset(path) as data:
        bright = data.conditions[data.photons() >= 100][:40]
    simulator = ours.simulators["mc"].factory(Context(ours.detectors[name], min_photons=60))
    reached = simulator.generate(bright, seed=0).sum(axis=(1, 2)) >= 60
    default = ours.simulators["mc"].factory(Context(ours.detectors[name], min_photons=0))
    assert reached.mean() > 0.9
    assert reached.mean() > (default.generate(bright, seed=0).sum(axis=(1, 2)) >= 60).mean()


def test_equal_seeds_of_dataset_and_simulator_give_different_responses(ours, small):
    """Or the floor of every table would be zero."""
    name, path = small
    with Dataset(path) as data:
        conditions, showers, photons = data.conditions, data.read(0, len(data)), data.photons()
    generated = ours.simulators["mc"].factory(Context(ours.detectors[name])).generate(conditions, seed=3)
    bright = photons > 30
    assert bright.sum() > 100
    assert not (showers[bright] == generated[bright]).all(axis=(1, 2)).any()


def test_the_floor_is_below_a_simulator_that_is_a_fifth_too_bright(small, tmp_path):
    name, path = small

    class TooBright:
        def __init__(self, context):
            self._mc = next(iter(mc.simbench_simulators())).factory(context)

        def generate(self, conditions, *, seed):
            return (1.2 * self._mc.generate(conditions, seed=seed)).astype(np.float32)

    registry = Registry()
    for plugin in (zdc, metrics, mc):
        registry.add(plugin, Source(plugin.__name__, "0"))
    extra = type("Plugin", (), {})()
    offer = SimulatorOffer("too-bright", "Too bright", TooBright)
    extra.simbench_simulators = mc.hookimpl(lambda: [offer])
    registry.add(extra, Source("extra", "0"))
    assert registry.problems == []
    asked = Request(models=("mc", "too-bright"), detector=name, data=str(path), runs=2, device="cpu")
    floor, bright = (model["ws"]["mean"] for model in run(registry, asked, tmp_path)["models"])
    assert 0 < floor < bright


def test_the_datasets_of_version_1_are_known_by_their_fingerprint(ours):
    old = "fc6f70e1ec2b4fd495a0c87b01f5ea683315c5fd57b92f7a43e68ea90853f80c"
    assert "Monte Carlo 1" in former(ours, old)
    assert former(ours, mc.EMBEDDED["proton"].fingerprint) is None


@pytest.mark.parametrize("name", NAMES)
def test_frozen_spectators(ours, name):
    path = embedded_path(ours, ours.detectors[name], lambda done, total: None, "spectators")
    with Dataset(path) as data:
        assert data.fingerprint == mc.SPECTATORS[name].fingerprint
        assert len(data) == 20_000
        assert set(data.pdg) == {{"neutron": 2112, "proton": 2212}[name]}


@pytest.mark.parametrize("name", NAMES)
def test_frozen_embedded_dataset(ours, name):
    """The slow one (a hundred thousand responses): weights and published scores hang on this fingerprint.

    If it fails, the Monte Carlo's physics or its random streams have changed: all weights trained on the
    embedded data are out of date then. A fingerprint that differs is also a warning, and so an error here.
    """
    detector = ours.detectors[name]
    path = embedded_path(ours, detector, lambda done, total: None)
    with Dataset(path) as data:
        assert data.fingerprint == mc.EMBEDDED[name].fingerprint
        assert len(data) == 100_000
        assert np.bincount(data.particle).tolist() == [8] * 12_500
        assert data.stream().hit.shape[1] == 8
        assert (data.stream().particle >= 0).sum() == 12_500
        assert 0.45 < (data.conditions[:, 6] > 0).mean() < 0.55
        training, test = split_rows(data, "particle", 0, 1)
        assert (len(training), len(test)) == (80_000, 20_000)
