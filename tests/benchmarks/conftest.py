"""Prints responses per second below pytest-benchmark's tables, which show times a call only."""

import pytest

RATES = pytest.StashKey()


@pytest.fixture
def rate(request):
    """Call it with the benchmark and its number of responses, once it has been measured."""

    def note(benchmark, rows):
        rates = request.config.stash.setdefault(RATES, {})
        rates[request.node.name] = rows / benchmark.stats.stats.median

    return note


def pytest_terminal_summary(terminalreporter, config):
    rates = config.stash.get(RATES, {})
    if rates:
        terminalreporter.section("responses per second, one thread")
        for name, value in rates.items():
            terminalreporter.write_line(f"{name:<45} {value:>10,.0f}")
