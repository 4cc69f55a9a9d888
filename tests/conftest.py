"""For all tests: a cache folder of their own, so that none touches the user's."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("SIMBENCH_CACHE", str(folder))
        yield folder
