"""The gate on our own shipped weights: noise on them is a regression, another seed is none."""

from importlib.resources import files

import numpy as np
import pytest

from simbench.baselines.weights import FILE_NAME, read_weights, write_weights
from simbench.harness.plugin.registry import load
from simbench.harness.record.folder import RunFolder
from simbench.harness.run import benchmark
from simbench.harness.score.compare import NO_CHANGE, REGRESSION, compare

pytestmark = pytest.mark.slow

SHIPPED = files("simbench.baselines") / "trained" / "proton-gan.safetensors"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """``run(seed, noise)``: shipped weights with this much noise, relative to each array's deviation."""
    folder = tmp_path_factory.mktemp("guard")
    registry = load()
    header, arrays = read_weights(SHIPPED)
    (folder / "weights").mkdir()

    def with_weights(seed, noise=0.0):
        generator = np.random.default_rng(1)
        noisy = {
            name: (a + noise * a.std() * generator.normal(size=a.shape)).astype(a.dtype)
            if a.dtype.kind == "f"
            else a
            for name, a in arrays.items()
        }
        write_weights(folder / "weights" / FILE_NAME, noisy, header)
        asked = benchmark.Request(
            models=(f"gan@{folder / 'weights'}",),
            runs=2,
            seed=seed,
            device="cpu",
        )
        out = folder / f"seed{seed}-noise{noise}"
        benchmark.run(registry, asked, out)
        return RunFolder(out)

    return with_weights


@pytest.mark.parametrize(("seed", "noise", "verdict"), [(1, 0.0, NO_CHANGE), (0, 0.2, REGRESSION)])
def test_the_gate_tells_worse_weights_from_another_seed(run, seed, noise, verdict):
    found = compare(run(0), run(seed, noise), load().metrics.records, {"ws": 2})
    assert found.changes[0].metric == "ws"
    assert found.changes[0].verdict == verdict
    assert found.status == (3 if verdict == REGRESSION else 0)
