"""A plugin whose simulators do what the file ``orders`` beside it says; tests install it on their own path.

Every process that makes or asks a simulator says so in the file ``log``.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import toy_data

from simbench.harness.hooks import SimulatorOffer, hookimpl

HERE = Path(__file__).parent
NAMES = ("whole", "real", "matrix", "routed")
DETECTOR = toy_data.detector("grid", "A grid")


def write(path):
    return toy_data.write(path, DETECTOR)


def log(*words):
    with (HERE / "log").open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


def follow(order, responses):
    if order == "die":
        os._exit(7)
    if order == "wait once" and not (HERE / "waiting").exists():
        (HERE / "pids").write_text(f"{os.getpid()} {os.getppid()}")
        (HERE / "pids").rename(HERE / "waiting")
        time.sleep(600)
    while order == "endless":
        pass
    if order == "slow":
        time.sleep(0.4)
    if order == "raise":
        raise RuntimeError("out of\nluck")
    if order == "shape":
        return responses[:, 1:]
    if order in ("nan", "negative"):
        responses = responses.astype(np.float32)
        responses[3, 2, 1] = {"nan": np.nan, "negative": -1}[order]
    return responses


class Simulated:
    def __init__(self, name):
        self.name = name
        orders = json.loads((HERE / "orders").read_text()) if (HERE / "orders").exists() else {}
        self.order = orders.get(name)
        log("made", name, os.getpid(), os.environ.get("OMP_NUM_THREADS"))
        if self.order == "factory":
            raise ValueError("no such weights")
        if self.order == "endless factory":
            time.sleep(600)
        self.training_record = {"history": [{"loss": {1}}]} if self.order == "record" else {}

    def generate(self, conditions, *, seed):
        log("asked", self.name, os.getpid(), seed)
        generator = np.random.default_rng(seed)
        responses = generator.poisson(conditions[:, :, None] / 3, (len(conditions), 6, 4))
        if self.name == "real":
            responses = (responses * generator.uniform(0.5, 1.5, responses.shape)).astype(np.float32)
        if self.name == "matrix":  # a product large enough for several threads
            large = np.random.default_rng(1).uniform(0, 1e-3, (2, 600, 600)).astype(np.float32)
            responses = (responses * (large[0] @ large[1])[0, :24].reshape(6, 4)).astype(np.float32)
        return follow(self.order, responses.astype(np.float32 if self.name == "real" else responses.dtype))


class Routed(Simulated):
    def route(self, conditions):
        return (conditions[:, 0] > 5).astype(np.int64)


@hookimpl
def simbench_detectors():
    yield DETECTOR


@hookimpl
def simbench_simulators():
    for name in NAMES:
        kind = Routed if name == "routed" else Simulated
        yield SimulatorOffer(name, f"The {name}", lambda context, kind=kind, name=name: kind(name), ("grid",))
