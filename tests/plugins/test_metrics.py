"""The metrics that come with simbench."""

from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN


def test_offers(ours):
    assert list(ours.metrics)[:2] == [WASSERSTEIN, EMPTY]
    assert ours.metrics.sources["ws"].name == "simbench.plugins.metrics"
