"""Hand-made results: small, and every number in them chosen."""

from collections.abc import Callable
from typing import Any

import pytest

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


@pytest.fixture
def hostile() -> str:
    """A name with everything in it that some format reads as markup, and a terminal escape."""
    return HOSTILE


@pytest.fixture
def full(hostile: str) -> dict[str, Any]:
    """Every kind of row: ok, marked, one run, floor, failed with a hostile error, skipped."""
    return make_result(
        make_model("gan", 3.1, marks=["trained on other data"]),
        make_model("expertsim-3", 2.2),
        make_model("one-run", 4.5678, None),
        make_model("mc", 0.5, 0.033, family="reference"),
        make_failed(hostile, error=hostile),
        make_failed("other", "skipped", "does not serve detector proton"),
    )
