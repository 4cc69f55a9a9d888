"""Hand-made results: small, and every number in them chosen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simbench.harness.folder import REFERENCE, RunFolder, Unit, save_unit, unit_path

HOSTILE = "a|b `c` *d* _e_ <b>[red]&#$%^~{}\\ é漢 [/]\x1b[31m\nend"

Make = Callable[..., dict[str, Any]]


def make_model(name: str, mean: float = 3.1, std: float | None = 0.023, **more: Any) -> dict[str, Any]:
    quarter = {"mean": mean, "std": std}
    empty_bin = {"mean": None, "std": None}
    entry = {
        "name": name,
        "status": "ok",
        "error": None,
        "title": name.upper(),
        "family": "gan",
        "reference": "",
        "plugin": {"name": "simbench.plugins.gan", "version": "0.1.0"},
        "marks": [],
        "ws": {
            "mean": mean,
            "std": std,
            "runs": [mean],
            "channels": {"pmtc": {"mean": mean + 1, "std": std}, "pmt1": {"mean": mean - 1, "std": std}},
        },
        "empty": {"mean": 0.0, "std": 0.0, "runs": [0.0]},
        "quartiles": {
            "bounds": [2.0, 5.0, 18.5],
            "counts": [6000, 4500, 4600, 4900],
            "ws": [quarter, empty_bin, quarter, quarter],
        },
    }
    return {**entry, **more}


def make_failed(name: str, status: str = "failed", error: str | None = "ValueError: no") -> dict[str, Any]:
    kept = ("name", "title", "family", "reference", "plugin", "marks")
    entry = {key: value for key, value in make_model(name).items() if key in kept}
    return {**entry, "status": status, "error": error}


def make_result(
    *models: dict[str, Any], detector: str = "proton", runs: int = 5, **protocol: Any
) -> dict[str, Any]:
    return {
        "schema": 1,
        "protocol": {
            "detector": detector,
            "dataset": "0123456789abcdef" * 4,
            "min_photons": 1,
            "split": "particle",
            "split_seed": 0,
            "test_fraction": 0.2,
            "limit": None,
            "channels": "expertsim",
            "chunk_size": 4096,
            "metrics": {"ws": 1, "empty": 1},
            **protocol,
        },
        "settings": {"seed": 0, "runs": runs, "device": "cpu", "threads": 2, "data": "embedded"},
        "dataset": {
            "responses": 100000,
            "test_responses": 20000,
            "test_particles": 2500,
            "provenance": "Parametrised shower Monte Carlo; it is not Geant.",
        },
        "environment": {"simbench": "0.1.0"},
        "metrics": {
            "ws": {"title": "Wasserstein score", "unit": "photons", "better": "lower", "version": 1},
            "empty": {"title": "Empty-response rate", "unit": "fraction", "better": "lower", "version": 1},
        },
        "models": list(models),
    }


@pytest.fixture(name="model")
def model_maker() -> Make:
    return make_model


@pytest.fixture(name="failed")
def failed_maker() -> Make:
    return make_failed


@pytest.fixture(name="result")
def result_maker() -> Make:
    return make_result


@pytest.fixture(scope="session")
def hostile() -> str:
    """A name with everything in it that some format reads as markup, and a terminal escape."""
    return HOSTILE


@pytest.fixture
def full() -> dict[str, Any]:
    """Every kind of row: ok, marked, one run, floor, failed with a hostile error, skipped."""
    return make_full()


def make_full() -> dict[str, Any]:
    return make_result(
        make_model("gan", 3.1, marks=["trained on other data"]),
        make_model("expertsim-3", 2.2),
        make_model("one-run", 4.5678, None),
        make_model("mc", 0.5, 0.033, family="reference"),
        make_failed(HOSTILE, error=HOSTILE),
        make_failed("other", "skipped", "does not serve detector proton"),
    )


ROWS = np.array([3, 10, 20])  # of which the images are kept


def make_unit(seed: int, experts: int = 0, scale: float = 1.0, count: int = 200) -> Unit:
    """Responses of 8 x 6 pixels around a spot, most of them faint, all with a photon in the first pixel."""
    random = np.random.default_rng(seed)
    x, y = np.indices((8, 6))
    spot = np.exp(-((x - 3) ** 2 + (y - 2) ** 2) / 4)
    images = random.poisson(scale * random.lognormal(0, 1.5, (count, 1, 1)) * spot)
    images[:, 0, 0] = 1
    first = (x + y) % 2 == 0
    maps = np.stack([first, ~first, np.ones_like(x), x, y, x * x, y * y])
    columns = ("expertsim/pmtc", "expertsim/pmt1", "photons", "x", "y", "xx", "yy")
    return Unit(
        np.einsum("nij,kij->nk", images, maps).astype(np.float64),
        columns,
        images[ROWS],
        ROWS,
        random.integers(0, experts, count) if experts else None,
    )


def history(steps: int = 5, **losses: float) -> dict[str, Any]:
    """What a training leaves behind, with ``losses`` growing by the step."""
    entries = [
        {"step": s, "epoch": 0, "losses": {k: v * s for k, v in losses.items()}, "validation": 9.0 - s}
        for s in range(1, steps + 1)
    ]
    return {"preset": "compact", "seed": 0, "steps": steps, "best_step": steps, "history": entries}


def make_folder(path: Path, result: dict[str, Any]) -> RunFolder:
    """A run folder with responses for every model that is ok; those with ``experts`` route."""
    (path / "units").mkdir(parents=True)
    save_unit(path / "units" / REFERENCE, make_unit(0), {})
    for seed, model in enumerate(result["models"], 1):
        if model["status"] == "ok":
            unit = make_unit(seed, len(model.get("experts", ())), scale=1 + 0.1 * seed)
            save_unit(unit_path(path / "units", model["name"], "run0"), unit, {})
    (path / "result.json").write_text(json.dumps(result))
    return RunFolder(path)


def make_rich() -> dict[str, Any]:
    """Every kind of row, with timing, training and routing, and the command that made it."""
    full = make_full()
    gan, expertsim, _, mc, *_ = full["models"]
    for seconds, model in ((3.0, gan), (9.0, expertsim), (30.0, mc)):
        record = {"seconds_per_10k": seconds, "runs": [seconds] * 3, "threads": 2, "noisy": False}
        model["timing"] = {"cpu": {**record, "spread": 0.01}}
    expertsim["experts"] = [
        {"share": 0.75, "mean": 12.0, "std": 20.0},
        {"share": 0.25, "mean": 3.0, "std": 1},
    ]
    expertsim["training"] = history(generator=0.5, diversity=-0.1)
    gan["training"] = history(generator=0.4)
    full["command"] = "simbench run --models all --detector proton --out 'runs/a b'"
    return full


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return make_folder(tmp_path / "run", make_rich())


@pytest.fixture(name="make_rich", scope="session")
def rich_maker() -> Callable[[], dict[str, Any]]:
    return make_rich


@pytest.fixture(name="make_folder", scope="session")
def folder_maker() -> Callable[[Path, dict[str, Any]], RunFolder]:
    return make_folder
