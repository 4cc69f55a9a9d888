"""Ratios of two pieces of work measured in turns, and rates, printed below pytest-benchmark's tables."""

import time

import numpy as np
import pytest
import torch

from simbench.harness.plugin.registry import load

LINES = pytest.StashKey()


@pytest.fixture(scope="session")
def registry():
    return load()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tell(request):
    """A line of the summary, under a title."""
    lines = request.config.stash.setdefault(LINES, {})
    return lambda title, line: lines.setdefault(title, []).append(line)


@pytest.fixture
def rate(request, tell):
    """Call it with the benchmark and its number of responses, once it has been measured."""

    def note(benchmark, rows):
        value = rows / benchmark.stats.stats.median
        tell("responses per second, one thread", f"{request.node.name:<45} {value:>10,.0f}")

    return note


@pytest.fixture
def versus(benchmark, tell):
    """Measure ``work`` and ``other`` in turns and tell how many times as long the other takes.

    ``scale`` times the other's seconds count, where it does a part of the same work only.
    """

    def measure(title, name, work, other, rounds=5, scale=1.0):
        others = []

        def in_turn():
            begun = time.perf_counter()
            other()
            others.append(scale * (time.perf_counter() - begun))

        work()  # the first time is another thing: imports, caches
        benchmark.pedantic(work, setup=in_turn, rounds=rounds)
        own = np.array(benchmark.stats.stats.data)
        ratios = np.array(others) / own
        benchmark.extra_info["ratio"] = float(np.median(ratios))
        tell(
            title,
            f"{name:<34} {np.median(ratios):>9.4g} ({ratios.min():.4g} to {ratios.max():.4g})   "
            f"{np.median(own):.4g} s against {np.median(others):.4g} s",
        )

    return measure


def pytest_terminal_summary(terminalreporter, config):
    for title, lines in config.stash.get(LINES, {}).items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
