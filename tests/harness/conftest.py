"""A toy detector of 6 x 4 pixels with toy simulators, registered through the hooks that plugins use."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from toy_world import World

from simbench.harness.cli import app as cli
from simbench.harness.cli.common import plugins
from simbench.harness.data import dataset
from simbench.harness.hooks import DatasetMaker, Embedded, Responses, SimulatorOffer, hookimpl
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin import registry
from simbench.harness.plugin.detectors import ChannelMap, Detector, Feature
from simbench.harness.plugin.registry import Registry, Source
from simbench.harness.run import benchmark

settings.register_profile("simbench", deadline=None, derandomize=True, database=None)
settings.load_profile("simbench")

ROWS, COLUMNS = np.indices((6, 4))
DETECTOR = Detector(
    name="toy",
    title="A toy",
    shape=(6, 4),
    unit="photons",
    features=(Feature("energy", "GeV"), Feature("angle", "rad")),
    channels={
        "thirds": ChannelMap(("front", "middle", "back"), np.stack([k == ROWS // 2 for k in range(3)])),
        "halves": ChannelMap(("left", "right"), np.stack([COLUMNS < 2, COLUMNS >= 2])),
    },
    default_channels="thirds",
)


class Generates:
    """A simulator of one function, ``generate(conditions, seed)``."""

    def __init__(self, generate, **attributes):
        self._generate = generate
        for name, value in attributes.items():
            setattr(self, name, value)

    def generate(self, conditions, *, seed):
        return self._generate(conditions, seed)


class Toy:
    detector = DETECTOR
    Generates = Generates

    @staticmethod
    def flat(conditions, seed, scale=1.0):
        mean = scale * np.ones((len(conditions), 6, 4)) * (0.5 + conditions[:, 0, None, None] / 10)
        return np.random.default_rng(seed).poisson(mean).astype(np.int32)

    def bright(self, conditions, seed):
        return self.flat(conditions, seed, 3.0)

    @staticmethod
    def responses(particles=40, repeats=5, seed=0):
        """The brightness of a particle rises with its energy; each response has a photon at least."""
        generator = np.random.default_rng(seed)
        conditions = generator.uniform(0.5, 9.5, (particles, 2)).astype(np.float32).repeat(repeats, axis=0)
        showers = generator.poisson(0.5 + conditions[:, 0, None, None] / 10, (len(conditions), 6, 4))
        showers[:, 0, 0] += 1
        count = particles * repeats
        particle = np.arange(particles).repeat(repeats)
        return Responses(showers.astype(np.uint16), conditions, particle, np.full(count, 22, np.int32))

    def write(self, path, responses=None, *, min_photons=1, detector=DETECTOR):
        blocks = [responses if responses is not None else self.responses()]
        dataset.write(path, detector, blocks, min_photons=min_photons, provenance="made for a test")
        return path

    def offer(self, name, generate=None, *, factory=None, detectors=("toy",), **more):
        make = factory or (lambda context: Generates(generate or self.flat))
        return SimulatorOffer(name, f"The {name}", make, detectors, **more)

    def maker(self, **more):
        def make(request):
            yield self.responses(request.particles, request.repeats, request.seed)

        spec = {"toy": Embedded(particles=20, repeats=3, seed=4)}
        return DatasetMaker("toys", "Toys", ("toy",), make, "made for a test", spec)

    @staticmethod
    def plugin(**records):
        """A plugin object: ``plugin(simulators=[...], metrics=[...])`` has the hooks of those names."""

        def hook(kind, values):
            def simbench_hook():
                return values() if callable(values) else values

            return hookimpl(simbench_hook)

        hooks = {f"simbench_{kind}": hook(kind, values) for kind, values in records.items()}
        return type("Plugin", (), {name: staticmethod(made) for name, made in hooks.items()})()

    def registry(self, *offers, metrics=(WASSERSTEIN, EMPTY)):
        made = Registry()
        plugin = self.plugin(
            simulators=offers, detectors=[DETECTOR], metrics=metrics, datasets=[self.maker()]
        )
        made.add(plugin, Source("toys", "1.2"))
        assert made.problems == []
        return made

    def run(self, made, data, out, **asked):
        defaults = {"models": ("all",), "detector": "toy", "device": "cpu", "runs": 2, "data": str(data)}
        return benchmark.run(made, benchmark.Request(**{**defaults, **asked}), out)


@pytest.fixture(scope="session")
def world():
    """The toy world of the metrics' and the gallery's tests."""
    return World.of(250, 1)


@pytest.fixture(scope="session")
def perfect(world):
    return world.again(7)


@pytest.fixture(scope="session")
def toy():
    return Toy()


@pytest.fixture(scope="session")
def toy_file(toy, tmp_path_factory):
    """200 responses of 40 particles: 40 of them, of 8 particles, are for the test."""
    return toy.write(tmp_path_factory.mktemp("data") / "toy.h5")


@pytest.fixture
def typed(monkeypatch, capsys):
    """Calls the command line as it is; gives (status, output, errors)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["simbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture(scope="session")
def announce():
    """``announce(folder, module, version)``: an installed package whose plugin is a module in a folder."""

    def write(folder, module, version):
        name = module.replace("_", "-")
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[simbench]\n{name} = {module}\n")

    return write


@pytest.fixture
def cli_with(toy, monkeypatch, typed):
    """Calls the command line with toys beside the real plugins; gives (status, output, errors)."""

    def prepare(*offers, metrics=(), problems=()):
        def load():
            made = registry.load()
            plugin = toy.plugin(
                simulators=offers, detectors=[DETECTOR], metrics=metrics, datasets=[toy.maker()]
            )
            made.add(plugin, Source("toys", "1.2"))
            made.problems += problems
            return made

        monkeypatch.setattr(plugins, "load", load)
        return typed

    return prepare


@pytest.fixture(scope="session")
def root():
    return Path(__file__).resolve().parents[2]
