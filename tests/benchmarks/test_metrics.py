"""What each default metric costs: CPU seconds and memory, for 20,000 responses and for many.

Many are 100,000, or as many as the environment variable SIMBENCH_SCALE says. The responses are those of a
small Monte Carlo sample again and again, as those of other particles: what metrics do hangs on how many there
are, not on what they are. Memory is what a metric holds at its peak, besides what it is given.
"""

import os
import time
import tracemalloc

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.sums import Projection
from simbench.harness.plugin.metric import Scored
from simbench.harness.processes.workers import one_thread
from simbench.harness.score.evaluate import measure_all

SMALL, LARGE = 20_000, int(os.environ.get("SIMBENCH_SCALE", "100000"))
PARTICLES, REPEATS = 500, 16  # half of the repeats is the reference's


@pytest.fixture(scope="module")
def sample(registry):
    """``sample(rows)``: that many responses beside as many of a perfect simulator."""
    detector = registry.detectors["proton"]
    made = make_dataset("proton", particles=PARTICLES, repeats=REPEATS, seed=4)
    units = [Projection(detector)(made.showers[side::2]) for side in (0, 1)]
    owner = np.arange(PARTICLES).repeat(REPEATS // 2)

    def of(rows):
        place = np.arange(rows) % len(owner)
        again = np.arange(rows) // len(owner)
        return Scored(
            *(unit.channels("expertsim")[place] for unit in units),
            *(unit.photons[place] for unit in units),
            channels=units[0].conventions["expertsim"],
            min_photons=1,
            particle=owner[place] + PARTICLES * again,
            conditions=made.conditions[::2][place].astype(np.float32),
            features=detector.feature_names,
            observed=units[0].observed,
            reference_observables=units[0].observables[place],
            generated_observables=units[1].observables[place],
        )

    return of


def test_cost(benchmark, registry, sample, tell):
    metrics = [metric for metric in registry.metrics if metric.default]
    found = {}

    def work():
        for rows in (SMALL, LARGE):
            scored = sample(rows)
            for metric in metrics:
                measure_all(metric, scored.take(np.arange(rows) < 2_000))  # imports
                tracemalloc.start()
                begun = time.process_time()
                with one_thread():
                    measure_all(metric, scored)
                seconds = time.process_time() - begun
                found[metric.name, rows] = seconds, tracemalloc.get_traced_memory()[1] / 2**20
                tracemalloc.stop()

    benchmark.pedantic(work, rounds=1)
    for metric in metrics:
        cells = [
            f"{found[metric.name, rows][0]:>7.2f} s {found[metric.name, rows][1]:>6.0f} MB"
            for rows in (SMALL, LARGE)
        ]
        tell(
            f"default metrics, {SMALL} and {LARGE} responses: CPU time and memory",
            f"{metric.name:<20} {' '.join(cells)}",
        )
