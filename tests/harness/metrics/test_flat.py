"""What metrics hold hardly grows with the number of responses; what lies in mapped files does not count."""

import tracemalloc

import numpy as np
import pytest

from simbench.harness import mapped
from simbench.harness.metrics.tools import grouped
from simbench.harness.plugin import metric as plugin_metric
from simbench.harness.plugin.metric import Scored
from simbench.harness.processes.workers import one_thread
from simbench.harness.score.evaluate import measure_all
from simbench.plugins import metrics

METRICS = {metric.name: metric for metric in metrics.METRICS}
SMALL, LARGE = 20_000, 60_000
REPEATS = 8
MOST = 60  # bytes a response, seven columns in double precision


def scored(rows):
    """Counts in 5 channels and 15 observables of responses that hang on their particle."""
    random = np.random.default_rng(5)
    particle = np.arange(rows) // REPEATS
    bright = random.integers(5, 200, rows // REPEATS)[particle]
    sides = [random.poisson(bright[:, None] / 5, (rows, 5)).astype(np.float64) for _ in range(2)]
    seen = [
        (side.sum(axis=1, keepdims=True) + random.normal(size=(rows, 15))).astype(np.float32)
        for side in sides
    ]
    return Scored(
        *sides,
        *(side.sum(axis=1) for side in sides),
        channels=tuple("abcde"),
        min_photons=1,
        particle=particle,
        conditions=np.column_stack([bright, particle % 3, particle % 2]).astype(np.float32),
        features=("energy", "mass", "charge"),
        observed=tuple(f"observable {place}" for place in range(15)),
        reference_observables=seen[0],
        generated_observables=seen[1],
    )


@pytest.fixture(scope="module")
def samples():
    return [scored(rows) for rows in (SMALL, LARGE)]


@pytest.mark.parametrize(
    "name", ["ws", "ws-conditional", "energy-conditional", "fpd", "separation", "conditional"]
)
def test_a_metric_holds_few_bytes_a_response(samples, monkeypatch, name):
    monkeypatch.setattr(mapped, "LARGE", 1)
    monkeypatch.setattr(plugin_metric, "_HELD", 200_000)  # what is held at a time is full in both
    monkeypatch.setattr(grouped, "_ROWS", 10_000)
    with one_thread():  # imports
        measure_all(METRICS[name], samples[0].take(np.arange(SMALL) < 2_000))
    peaks = []
    for sample in samples:
        tracemalloc.start()
        try:
            with one_thread():
                measure_all(METRICS[name], sample)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / (LARGE - SMALL) < MOST
