"""How much sooner a run ends with a second worker: `make bench`, read the ratio in brackets.

Nine models, one thread a process, on the embedded proton data; needs two cores that nobody else uses. One
worker, too, is a process beside the command's, so the ratio compares nothing but their number.
"""

import pytest

from simbench.harness.plugin.registry import load
from simbench.harness.run.benchmark import run
from simbench.harness.run.placement import Placement
from simbench.harness.run.request import Request

NINE = 9
RUNS = 2


@pytest.mark.parametrize("workers", [1, 2])
def test_nine_models(benchmark, tmp_path, workers):
    benchmark.group = f"run of nine models, {RUNS} generation seeds"
    registry = load()
    detector = registry.detectors["proton"]
    names = [offer.name for offer in registry.simulators if not offer.slow and offer.serves(detector)]
    request = Request(
        models=names[:NINE],
        runs=RUNS,
        device="cpu",
        resume=False,
        placement=Placement("processes", workers),
    )
    assert len(request.models) == NINE
    run(registry, Request(models=("mc",), runs=1, limit=1, device="cpu"), tmp_path)  # makes the dataset
    benchmark.pedantic(lambda: run(registry, request, tmp_path / "out"), rounds=2)
