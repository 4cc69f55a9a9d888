"""The metrics that every run has."""

from collections.abc import Iterable

from simbench.harness.hooks import hookimpl
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric


@hookimpl
def simbench_metrics() -> Iterable[Metric]:
    """The Wasserstein score, over all responses and by quartile, and the empty-response rate."""
    return (WASSERSTEIN, EMPTY)
