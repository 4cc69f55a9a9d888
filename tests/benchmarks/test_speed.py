"""Speeds, measured side by side in one run: `make bench`. Read the ratios in brackets, within a group.

Seconds here vary twofold within an hour on a shared machine; a ratio between two rows of one group does not.
Nothing is asserted about time.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from simbench.baselines.montecarlo import MonteCarlo, make_dataset
from simbench.expertsim.simulator import MixtureSimulator
from simbench.harness.benchmark import Request, run
from simbench.harness.hooks import Context
from simbench.harness.metrics import wasserstein
from simbench.harness.projection import Projection
from simbench.harness.registry import load
from simbench.harness.runner import chunks

DETECTORS = ("proton", "neutron")
ROWS = 2048


@pytest.fixture(scope="module")
def registry():
    return load()


@pytest.fixture(scope="module", params=DETECTORS)
def sample(request):
    return request.param, make_dataset(request.param, particles=ROWS // 8, repeats=8, seed=11)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_generate_mc(benchmark, sample, rate):
    detector, data = sample
    benchmark.group = f"generate, {detector}, {ROWS} responses"
    simulator = MonteCarlo(detector)
    benchmark.pedantic(lambda: simulator.generate(data.conditions, seed=1), rounds=5, warmup_rounds=1)
    rate(benchmark, ROWS)


@pytest.mark.parametrize("model", ["gan", "sdi-gan-ir-ar", "expertsim-3"])
def test_generate_network(benchmark, registry, sample, model, rate):
    detector, data = sample
    benchmark.group = f"generate, {detector}, {ROWS} responses"
    simulator = registry.simulators[model].factory(Context(registry.detectors[detector]))
    benchmark.pedantic(lambda: simulator.generate(data.conditions, seed=1), rounds=5, warmup_rounds=1)
    rate(benchmark, ROWS)


@pytest.mark.parametrize("way", ["one expert for all", "routed to its experts"])
@pytest.mark.parametrize("model", ["expertsim-2", "expertsim-5"])
def test_routing_overhead(benchmark, sample, model, way):
    """Rates of a mixture, against those of its first expert for all rows; the photon draw is the same."""
    detector, data = sample
    benchmark.group = f"routing, {detector}, {model}, {ROWS} responses"
    weights = files("simbench.expertsim") / "trained" / f"{detector}-{model}.safetensors"
    mixture = MixtureSimulator.load(Path(str(weights)))
    noise = mixture.noise(ROWS, seed=1)
    if way == "one expert for all":
        mixture.network.gate.choose = lambda *_: np.zeros(ROWS, dtype=np.int64)
    benchmark.pedantic(lambda: mixture.rates(data.conditions, noise), rounds=9, warmup_rounds=2)


def test_make_dataset(benchmark, sample, rate):
    detector, _ = sample
    benchmark.group = f"make a dataset, {ROWS} responses"
    benchmark.pedantic(
        lambda: make_dataset(detector, particles=ROWS // 8, repeats=8, seed=12), rounds=3, warmup_rounds=1
    )
    rate(benchmark, ROWS)


def channel_sums_by_masks(showers, masks):
    """The usual way: one float64 product and sum a channel."""
    images = showers.astype(np.float64)
    return np.stack([(images * mask).sum(axis=(1, 2)) for mask in masks], axis=1)


@pytest.mark.parametrize("way", ["one matrix product, all conventions", "a product and a sum a channel"])
def test_channel_sums(benchmark, registry, sample, way):
    detector, data = sample
    benchmark.group = f"channel sums, {detector}, {ROWS} responses"
    description = registry.detectors[detector]
    if way.startswith("one"):
        projection = Projection(description)
        work = lambda: projection(data.showers)  # noqa: E731
    else:
        masks = description.channel_map().masks
        work = lambda: channel_sums_by_masks(data.showers, masks)  # noqa: E731
    benchmark.pedantic(work, rounds=7, warmup_rounds=1)


@pytest.mark.parametrize("way", ["simbench run", "bare loop"])
def test_harness_overhead(benchmark, registry, tmp_path, way):
    """A whole run of `mc` on 8192 responses of the embedded dataset, against generating and scoring them."""
    benchmark.group = "harness: run mc on 8192 responses"
    detector = registry.detectors["proton"]
    request = Request(models=("mc",), runs=1, limit=8192, resume=False)
    if way == "simbench run":
        run(registry, request, tmp_path)  # makes the embedded dataset, on first use
        benchmark.pedantic(lambda: run(registry, request, tmp_path), rounds=3)
        return
    conditions = make_dataset("proton", particles=1024, repeats=8, seed=13).conditions
    projection, simulator = Projection(detector), MonteCarlo("proton")

    def bare():
        parts = [
            projection(simulator.generate(conditions[rows], seed=i)) for i, rows in chunks(len(conditions))
        ]
        sums = np.concatenate(parts)
        return [wasserstein(column, column) for column in projection.channels(sums, "expertsim").T]

    benchmark.pedantic(bare, rounds=3, warmup_rounds=1)
