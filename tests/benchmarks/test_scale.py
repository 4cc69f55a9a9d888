"""A run over many responses: its peak memory, and its time per response against that of 10,000.

The test part has 100,000 responses, or as many as the environment variable SIMBENCH_SCALE says (a million
takes a quarter of an hour, most of it for making the data). Each run reads a dataset five times as large.
"""

import json
import os
import subprocess
import sys

import pytest

from simbench.harness.data.open import make, maker_of
from simbench.harness.hooks import MakeRequest

SMALL, LARGE = 10_000, int(os.environ.get("SIMBENCH_SCALE", "100000"))
CODE = """
import json, re, sys, time
from pathlib import Path
from simbench.harness.run.benchmark import Request, run
from simbench.harness.plugin.registry import load
model, small, large, out = sys.argv[1:]
registry, seconds = load(), {}
run(registry, Request(models=(model,), data=small, runs=1, device="cpu", resume=False), Path(out))  # imports
for data in (small, large):
    begun = time.perf_counter()
    run(registry, Request(models=(model,), data=data, runs=1, device="cpu", resume=False), Path(out))
    seconds[data] = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text()  # ru_maxrss begins with that of the parent
    memory = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
    print(json.dumps([seconds[data], memory]))
"""


@pytest.fixture(scope="module")
def files(registry, tmp_path_factory):
    detector = registry.detectors["proton"]
    maker = maker_of(registry, detector)
    paths = []
    for rows in (SMALL, LARGE):
        paths.append(tmp_path_factory.mktemp("scale") / f"{rows}.h5")
        make(paths[-1], maker, MakeRequest(detector, 5 * rows // 8, 8, seed=5), lambda _: None)
    return [str(path) for path in paths]


@pytest.mark.parametrize("model", ["mc", "expertsim-3"])
def test_memory_and_time(benchmark, files, tmp_path, tell, model):
    command = [sys.executable, "-c", CODE, model, *files, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True, text=True, env=environment), rounds=1
    )
    (small, before), (large, after) = map(json.loads, done.stdout.splitlines())
    tell(
        f"a run over {LARGE} responses, against one over {SMALL}",
        f"{model:<12} {large / LARGE * 1e6:.1f} us a response against {small / SMALL * 1e6:.1f}, "
        f"ratio {large / LARGE / (small / SMALL):.2f}; peak memory {after / 1024:.0f} MB against "
        f"{before / 1024:.0f} MB",
    )
