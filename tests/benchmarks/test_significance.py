"""How often ``compare`` raises a false alarm, and how often it sees a fault: the rates of docs/ci.md.

A world of 150 particles with 8 responses each: a particle's mean is log-normal, its responses are Poisson
draws of a gamma-distributed light. Two simulators are compared by WS: both perfect; equally wrong, one by 10
photons too much, the other by as many too few; one perfect and one 4 photons off.
"""

import numpy as np
import pytest

from simbench.harness.metrics.tools.replicates import wasserstein_replicates
from simbench.harness.metrics.wasserstein import wasserstein
from simbench.harness.plugin.metric import Resampling
from simbench.harness.score.significance import Estimate, difference

PARTICLES, REPEATS, PARTS, WORLDS = 150, 8, 20, 300
PARTICLE = np.arange(PARTICLES).repeat(REPEATS)
RESAMPLING = Resampling.of(PARTICLE)
OFFSETS = {"alike": (0, 0), "equal by opposite faults": (10, -10), "one is worse": (0, 4)}


def responses(draw, mean):
    return draw.poisson(mean * draw.gamma(4, 1 / 4, mean.shape)).astype(float)


def estimate(reference, runs, parts):
    """By bootstrap, or by a jackknife over parts of the particles."""
    values = tuple(wasserstein(reference, run) for run in runs)
    if not parts:
        replicates = [wasserstein_replicates(reference, run, RESAMPLING) for run in runs]
        return Estimate(values, np.stack(replicates), PARTICLES)
    kept = [PARTICLE % parts != part for part in range(parts)]
    replicates = [[wasserstein(reference[rows], run[rows]) for rows in kept] for run in runs]
    return Estimate(values, np.array(replicates), PARTICLES, parts)


@pytest.mark.parametrize("parts", [0, PARTS], ids=["bootstrap", "jackknife"])
@pytest.mark.parametrize("runs", [1, 2, 5])
def test_false_alarms_and_power(benchmark, tell, runs, parts):
    def rates():
        for name, offsets in OFFSETS.items():
            found = []
            for world in range(WORLDS):
                draw = np.random.default_rng(world)
                mean = np.exp(draw.normal(3, 1, PARTICLES)).repeat(REPEATS)
                reference = responses(draw, mean)
                sides = [
                    estimate(reference, [responses(draw, mean) + offset for _ in range(runs)], parts)
                    for offset in offsets
                ]
                found.append(difference(*sides))
            p = np.array([one.p for one in found])
            true = np.std([one.change for one in found])
            claimed = np.sqrt(np.mean([one.error**2 for one in found]))
            yield name, (p <= 0.05).mean(), (p <= 0.01).mean(), claimed / true

    table = benchmark.pedantic(lambda: list(rates()), rounds=1)
    for name, five, one, ratio in table:
        tell(
            "compare: share of pairs called different at 5 % and at 1 %, and claimed over true error",
            f"{'jackknife' if parts else 'bootstrap'}, {runs} run{'s' * (runs > 1)}, {name:<25} "
            f"{100 * five:>5.1f} % {100 * one:>5.1f} %   {ratio:.2f}",
        )
        assert five < 0.12 or name == "one is worse"
