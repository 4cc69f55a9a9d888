"""Our own plugins as the registry finds them, and files as users have them."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.cli import app as cli
from simbench.harness.data.dataset import Dataset
from simbench.harness.data.importing import import_files
from simbench.harness.hooks import ReadRequest
from simbench.harness.plugin import registry


@pytest.fixture(scope="session")
def ours():
    return registry.load()


@pytest.fixture(scope="session")
def command():
    """Calls the command line; gives its status."""

    def call(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["simbench", *map(str, arguments)])
            with pytest.raises(SystemExit) as stop:
                cli.main()
        return stop.value.code or 0

    return call


@pytest.fixture(scope="session")
def user_files():
    spec = importlib.util.spec_from_file_location("user_files", Path(__file__).with_name("user_files.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def samples():
    """By detector, 60 particles with 4 responses each, of which a fifth are empty; all on side C."""
    made = {}
    for name in ("proton", "neutron"):
        sample = make_dataset(name, particles=60, repeats=4, seed=5)
        showers = sample.showers.copy()
        showers[::5] = 0
        conditions = sample.conditions.copy()
        conditions[conditions[:, 6] > 0] *= (1, 1, 1, -1, 1, 1, -1, 1, 1)
        made[name] = showers, conditions, sample.pdg
    return made


@pytest.fixture
def imported(ours, tmp_path):
    """``imported(kind, files, detector)``: imports and gives (what the import says, the open dataset)."""
    opened = []

    def call(kind, files, detector, min_photons=1):
        out = tmp_path / "imported" / f"{len(opened)}.h5"
        request = ReadRequest(ours.detectors[detector], tuple(files), min_photons)
        said = import_files(ours.readers[kind], request, out)
        opened.append(Dataset(out))
        return said, opened[-1]

    yield call
    for data in opened:
        data.__exit__(None, None, None)


@pytest.fixture(scope="session")
def holds():
    """``holds(data, showers, conditions, pdg)``: a dataset holds just these, less the empty responses."""

    def check(data, showers, conditions, pdg, min_photons=1):
        kept = showers.sum(axis=(1, 2), dtype=np.float64) >= min_photons
        np.testing.assert_array_equal(data.read(0, len(data)), showers[kept])
        np.testing.assert_array_equal(data.conditions, conditions[kept])
        np.testing.assert_array_equal(data.pdg, pdg[kept])
        _, expected = np.unique(conditions[kept], axis=0, return_inverse=True)
        groups = set(zip(expected.ravel().tolist(), data.particle.tolist(), strict=True))
        assert len(groups) == len(set(expected.ravel().tolist())) == data.particle.max() + 1
        assert data.check() == []

    return check
