"""Our own plugins as the registry finds them, and a cache folder of the tests' own."""

import pytest

from simbench.harness import registry


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SIMBENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def ours():
    return registry.load()
