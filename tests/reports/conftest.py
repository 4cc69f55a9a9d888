"""Hand-made results: small, and every number in them chosen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import chromium

from simbench.harness.data.unit import Unit
from simbench.harness.record.folder import REFERENCE, RunFolder, save_unit, unit_path

HOSTILE = "a|b `c` *d* _e_ <b>[red]&#$%^~{}\\ é漢 [/]\x1b[31m\nend"

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


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


@pytest.fixture(name="point", scope="session")
def point_maker() -> Make:
    return make_point


@pytest.fixture(name="sweep", scope="session")
def sweep_maker() -> Make:
    return make_sweep


@pytest.fixture(scope="session")
def hostile_sweep() -> dict[str, Any]:
    """Every text that a plugin may give is hostile, and a training has failed."""
    parameters = {HOSTILE: HOSTILE, "number": 0.5}
    points = [
        make_point(parameters, model=HOSTILE, marks=[HOSTILE], shares=(0.9, 0.1)),
        make_point({**parameters, "number": ""}, model=HOSTILE, error=HOSTILE),
    ]
    return make_sweep(HOSTILE, *points, title=HOSTILE, caption=HOSTILE, reference=HOSTILE, command=HOSTILE)


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


def make_point(
    parameters: dict[str, Any],
    mean: float = 3.0,
    std: float | None = 0.03,
    *,
    model: str = "expertsim-3",
    seed: int = 0,
    shares: tuple[float, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """A training that was scored, or with an ``error`` one that failed."""
    point = {"name": f"{model}-{seed}", "model": model, "seed": seed, "parameters": parameters}
    point |= {"overrides": {}, "status": "failed" if more.get("error") else "ok", "error": None}
    if point["status"] == "ok":
        training = {"steps": 100, "best_step": 90, "validation": mean + 1, "seconds": 90.0}
        point |= {"ws": {"mean": mean, "std": std, "runs": [mean]}, "marks": [], "training": training}
        if shares:
            point["experts"] = [{"share": share, "mean": 5.0, "std": 2.0} for share in shares]
    return {**point, **more}


def make_sweep(name: str, *points: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A finished sweep of the parameters of its points."""
    result = make_result(**{key: more.pop(key) for key in ("detector", "runs", "limit") if key in more})
    del result["models"]
    return {
        **result,
        "sweep": name,
        "title": f"The sweep {name}",
        "caption": "What it is",
        "reference": "a paper",
        "detector": result["protocol"]["detector"],
        "preset": "compact",
        "budget": 1.0,
        "parameters": list(dict.fromkeys(key for point in points for key in point["parameters"])),
        "finished": True,
        "command": f"simbench sweep {name} --out 'a b'",
        "floor": make_model("mc", 0.5, 0.033, family="reference"),
        "points": list(points),
        **more,
    }


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
