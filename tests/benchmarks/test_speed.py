"""Speeds of the parts: routing, the Monte Carlo, the making of data; nothing is asserted about time.

Seconds vary twofold within an hour on a shared machine; a ratio of two things measured in turns does not.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from simbench.baselines.montecarlo import MonteCarlo, make_dataset
from simbench.expertsim.simulator import MixtureSimulator

DETECTORS = ("proton", "neutron")
ROWS = 4096


@pytest.fixture(scope="module", params=DETECTORS)
def sample(request):
    return request.param, make_dataset(request.param, particles=ROWS // 8, repeats=8, seed=11)


@pytest.mark.parametrize("model", ["expertsim-2", "expertsim-5"])
def test_routing_overhead(sample, versus, model):
    """Rates of a mixture, against those of its first expert for all rows; the photon draw is the same."""
    detector, data = sample
    weights = files("simbench.expertsim") / "trained" / f"{detector}-{model}.safetensors"
    one, routed = (MixtureSimulator.load(Path(str(weights))) for _ in range(2))
    one.network.gate.choose = lambda *_: np.zeros(ROWS, dtype=np.int64)
    noise = routed.noise(ROWS, seed=1)
    versus(
        f"rates of {ROWS} responses: routed to experts, they take so many times as long as from one",
        f"{detector} {model}",
        lambda: one.rates(data.conditions, noise),
        lambda: routed.rates(data.conditions, noise),
        rounds=15,
    )


def test_monte_carlo(benchmark, sample, rate):
    detector, data = sample
    simulator = MonteCarlo(detector)
    benchmark.pedantic(lambda: simulator.generate(data.conditions, seed=1), rounds=5, warmup_rounds=1)
    rate(benchmark, ROWS)


def test_make_dataset(benchmark, sample, rate):
    detector, _ = sample
    benchmark.pedantic(
        lambda: make_dataset(detector, particles=ROWS // 8, repeats=8, seed=12), rounds=3, warmup_rounds=1
    )
    rate(benchmark, ROWS)
