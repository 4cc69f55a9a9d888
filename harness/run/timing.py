"""Seconds for 10,000 responses, from conditions in host memory to responses in host memory.

Only generation is on the clock: scaling, noise, network, photon draw and transfers, but not the making of the
simulator, nor scoring. The harness synchronises the device itself; simulators do nothing for the clock.

After every repeat a fixed workload is timed too: the ratio of the two is what may be compared between
machines that are not the same, such as those of a CI service.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..plugin.description import describe
from ..plugin.simulators import Simulator
from ..record.protocol import CHUNK

VERSION = 2  # of what is measured: a timing of another is made anew
RESPONSES = 10_000
REPEATS = 5
WARM_UP = 512  # responses generated off the clock, to load, compile and fill caches
SLOW = 60.0  # seconds after which no further repeat is begun
BRIEF = (CHUNK, 3, 5.0)  # the same of a timing in passing: responses, repeats, and seconds for 10,000
NOISY = 0.2  # relative spread above which a timing is marked


def measure(
    simulator: Simulator,
    conditions: npt.NDArray[np.float32],
    device: str,
    advance: Callable[[int], None],
    brief: bool = False,
) -> dict[str, Any]:
    """Time a simulator on 10,000 responses: the first conditions of the test part, repeated cyclically.

    Returns:
        ``seconds_per_10k`` (the median over the repeats), ``spread`` (half the range over the median),
        ``repeats`` (each one's seconds), ``workload`` (seconds of :func:`work` after each), ``threads``,
        ``noisy``; and ``brief``, of a timing of fewer responses and repeats, scaled to 10,000.
    """
    responses, most, slow = BRIEF if brief else (RESPONSES, REPEATS, SLOW)
    asked = np.ascontiguousarray(np.resize(conditions, (responses, conditions.shape[1])))
    simulator.generate(asked[:WARM_UP].copy(), seed=rng.derive(0, "warm-up"))
    work()  # off the clock, as the simulator's first responses are
    seconds: list[float] = []
    workload: list[float] = []
    while len(seconds) < most and sum(seconds) < slow:
        spent = 0.0
        for start in range(0, responses, CHUNK):
            chunk = asked[start : start + CHUNK].copy()
            seed = rng.derive(0, "timing", len(seconds), start)
            _synchronise(device)
            begun = time.perf_counter()
            simulator.generate(chunk, seed=seed)
            _synchronise(device)
            spent += time.perf_counter() - begun
        seconds.append(spent * RESPONSES / responses)
        begun = time.perf_counter()
        work()
        workload.append(time.perf_counter() - begun)
        advance(responses)
    median = float(np.median(seconds))
    spread = (max(seconds) - min(seconds)) / 2 / median
    return {
        "seconds_per_10k": median,
        "spread": spread,
        "repeats": seconds,
        "workload": workload,
        "threads": describe(simulator).execution.get("threads") or threads(),
        "noisy": spread > NOISY,
        **({"brief": True} if brief else {}),
    }


def work() -> float:
    """The reference workload: what generators do, in fixed amounts; the number it gives means nothing.

    Matrix products, elementary functions and sorting of float32, and Poisson draws: about a tenth of a second
    on one core. Ratios to it are compared between versions, so it never changes.
    """
    generator = np.random.default_rng(0)
    values = generator.random((768, 768), dtype=np.float32)
    for _ in range(6):
        values = np.tanh(values @ values / 400)
    values = np.sort(values, axis=None)
    return float(values.sum()) + float(generator.poisson(3.0, 1_000_000).sum())


def threads() -> int:
    """How many threads PyTorch uses here, whatever was asked for; our networks tell ONNX Runtime the same."""
    import torch  # seconds to import

    return int(torch.get_num_threads())


def _synchronise(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
