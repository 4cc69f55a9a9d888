"""The entrance from Python, with toys beside the real plugins."""

from functools import partial

import pytest

from simbench.harness import evaluate


@pytest.fixture
def toys(toy, cli_with):
    return cli_with(toy.offer("flat"), toy.offer("bright", toy.bright), toy.offer("twin", toy.bright))


@pytest.fixture
def score(toys, toy_file):
    """``evaluate`` on the toy data, two runs by two metrics."""
    return partial(evaluate, detector="toy", data=toy_file, runs=2, metrics="ws,empty", device="cpu")
