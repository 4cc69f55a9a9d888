"""For all tests: a cache folder of their own, so that none touches the user's."""

import json
import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """One for all workers of a parallel session: files appear whole in it, and are made alike by all."""
    with pytest.MonkeyPatch.context() as patch:
        own = tmp_path_factory.getbasetemp()
        folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
        folder.mkdir(exist_ok=True)
        patch.setenv("SIMBENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def golden():
    """Numbers of JetNet 0.2.5, prdc 0.2, scikit-learn 1.9.1 and the CaloChallenge's evaluation."""
    folder = Path(__file__).parent / "golden"
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
