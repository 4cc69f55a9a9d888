"""What the benchmark itself costs: a run, against a bare loop that generates and scores the same."""

import numpy as np
import pytest

from simbench.harness import rng
from simbench.harness.benchmark import Request, run
from simbench.harness.hooks import Context
from simbench.harness.metrics import Scored, empty_rate, wasserstein_score
from simbench.harness.projection import Projection
from simbench.harness.runner import chunks
from simbench.harness.sources import load_part, open_data, split_rows
from simbench.harness.workers import one_thread

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
            part = load_part(data, rows, projection)
        simulator = registry.simulators[model].factory(Context(detector))
        for number in range(RUNS):
            sums = np.concatenate(
                [
                    projection(
                        simulator.generate(part.conditions[block], seed=rng.derive(0, model, number, index))
                    )
                    for index, block in chunks(len(rows))
                ]
            )
            scored = Scored(
                reference=projection.channels(part.sums, "expertsim"),
                generated=projection.channels(sums, "expertsim"),
                reference_photons=projection.photons(part.sums),
                generated_photons=projection.photons(sums),
                channels=detector.channel_map().names,
                min_photons=1,
            )
            assert list(wasserstein_score(scored))
            assert list(empty_rate(scored))

    bare()  # makes the embedded dataset, on first use
    versus(
        f"harness, {RUNS} runs of 20,000 responses: simbench run takes so many times as long as a bare loop",
        model,
        bare,
        lambda: run(registry, request, tmp_path),
        rounds=5,
    )
