"""For all tests: a cache folder of their own, so that none touches the user's."""

import os

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
