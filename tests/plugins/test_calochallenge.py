"""A detector of another kind, from its file to its scores: one feature, energies instead of counts."""

import json
import sys

import numpy as np
import pytest

from simbench.harness.cli import app as cli
from simbench.harness.data.dataset import Dataset

pytestmark = pytest.mark.slow

TOY = """
import numpy as np


class Toy:
    def __init__(self, context):
        self.shape = context.detector.shape

    def generate(self, conditions, *, seed):
        generator = np.random.default_rng(seed)
        shape = (len(conditions), *self.shape)
        return generator.exponential(conditions[:, :, None] / 400, shape).astype("f4")


class Same(Toy):
    pass


class Bright(Toy):
    def generate(self, conditions, *, seed):
        return 2 * super().generate(conditions, seed=seed)


class Negative(Toy):
    def generate(self, conditions, *, seed):
        return -super().generate(conditions, seed=seed)
"""


def simbench(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["simbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_a_run_scores_it(monkeypatch, capsys, user_files, tmp_path):
    generator = np.random.default_rng(0)
    energies = 2.0 ** generator.integers(8, 23, 600)
    showers = generator.exponential(energies[:, None] / 400, (600, 368))
    (files,) = user_files.calochallenge(tmp_path / "dataset_1_photons_1.hdf5", showers, energies)
    model = tmp_path / "toys.py"
    model.write_text(TOY)
    models = [part for name in ("Toy", "Bright", "Negative") for part in ("--models", f"{model}:{name}")]
    out = tmp_path / "out"
    detector = ("--detector", "calochallenge-photons")
    status = simbench(
        monkeypatch,
        "run",
        *models,
        *detector,
        "--data",
        files,
        "--runs",
        2,
        "--out",
        out,
        "--quiet",
        "--tables",
        "all",
    )
    assert status == 1  # one is negative
    said = capsys.readouterr().out
    assert "Scores: calochallenge-photons" in said
    result = json.loads((out / "result.json").read_text())
    toy, bright, negative = result["models"]
    assert result["protocol"]["channels"] == "layers"
    assert result["protocol"]["min_photons"] == 0
    assert set(toy["ws"]["channels"]) == {"layer0", "layer1", "layer2", "layer3", "layer12"}
    assert 0 < toy["ws"]["mean"] < bright["ws"]["mean"] / 3
    assert (negative["status"], toy["status"], bright["status"]) == ("failed", "ok", "ok")
    assert "negative" in negative["error"]
    assert (out / "report.html").exists()
    dataset = tmp_path / "photons.h5"
    assert simbench(monkeypatch, "data", "import", "calochallenge", files, *detector, "--out", dataset) == 0
    assert "600 responses of 15 particles" in capsys.readouterr().out
    assert simbench(monkeypatch, "data", "check", dataset) == 0
    assert simbench(monkeypatch, "data", "info", dataset) == 0
    assert "calochallenge-photons, responses of 1 x 368" in capsys.readouterr().out
    with Dataset(dataset) as data:
        assert data.fingerprint == result["protocol"]["dataset"]


def test_models_of_other_detectors_say_so(monkeypatch, capsys, user_files, tmp_path):
    (files,) = user_files.calochallenge(tmp_path / "a.hdf5", np.ones((50, 368)), np.full(50, 256.0))
    arguments = ("--detector", "calochallenge-photons", "--data", files, "--out", tmp_path / "out")
    assert simbench(monkeypatch, "run", "--models", "mc", *arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert simbench(monkeypatch, "train", "gan", *arguments) == 2
    assert "simbench: error: " in capsys.readouterr().err
