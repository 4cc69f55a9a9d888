"""Small chunks, and the test part of the toy data."""

import pytest

from simbench.harness.data.split import selected
from simbench.harness.run import runner


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(runner, "CHUNK", 16)  # 40 test rows: chunks of 16, 16 and 8


@pytest.fixture(scope="session")
def test_part(toy, toy_file):
    """The 40 test responses, found without the harness's own way to them."""
    made = toy.responses()
    test = selected(made.particle, "particle", 0, 0.2)
    return made.showers[test], made.conditions[test]
