"""What the benchmark itself costs: a run, against a bare loop that generates and scores the same."""

import pytest

from simbench.harness import rng
from simbench.harness.data.open import load_rows, open_data, split_rows
from simbench.harness.data.sums import Projection
from simbench.harness.data.unit import joined
from simbench.harness.hooks import Context
from simbench.harness.metrics.wasserstein import empty_rate, wasserstein_score
from simbench.harness.processes.workers import one_thread
from simbench.harness.run.benchmark import run
from simbench.harness.run.request import Request
from simbench.harness.run.runner import chunks
from simbench.harness.score.evaluate import scored

RUNS = 5


@pytest.mark.parametrize("model", ["expertsim-3", "mc"])
def test_overhead(registry, versus, tmp_path, model):
    """On the whole test part of the embedded data; both read it, for both must know the conditions."""
    detector = registry.detectors["proton"]
    request = Request(models=(model,), runs=RUNS, resume=False, device="cpu")

    def bare():
        with one_thread(), open_data(registry, detector, "embedded", lambda *_: None) as data:
            projection = Projection(detector)
            _, rows = split_rows(data, "particle", 0, data.min_photons)
            part = load_rows(data, rows, projection)
        simulator = registry.simulators[model].factory(Context(detector))
        for number in range(RUNS):
            unit = joined(
                [
                    projection(
                        simulator.generate(part.conditions[block], seed=rng.derive(0, model, number, index))
                    )
                    for index, block in chunks(len(rows))
                ]
            )
            found = scored(part, unit, "expertsim", 1)
            assert list(wasserstein_score(found))
            assert list(empty_rate(found))

    bare()  # makes the embedded dataset, on first use
    versus(
        f"harness, {RUNS} runs of 20,000 responses: simbench run takes so many times as long as a bare loop",
        model,
        bare,
        lambda: run(registry, request, tmp_path),
        rounds=5,
    )
