"""Our own plugins as the registry finds them."""

import pytest

from simbench.harness import registry


@pytest.fixture(scope="session")
def ours():
    return registry.load()
