"""Distances between samples and other scores: pure functions of arrays, one idea a module.

Imports only ``plugin`` (the record :class:`~simbench.harness.plugin.metric.Metric`) and the root's modules.
"""

from ..plugin.metric import Metric, Resampling, Scored, Value
from .wasserstein import EMPTY, WASSERSTEIN, empty_rate, quartile_bins, quartile_bounds, wasserstein

__all__ = [
    "EMPTY",
    "WASSERSTEIN",
    "Metric",
    "Resampling",
    "Scored",
    "Value",
    "empty_rate",
    "quartile_bins",
    "quartile_bounds",
    "wasserstein",
]
