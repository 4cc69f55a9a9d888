"""A plugin with a sweep: tests install it on a path of their own, so that other processes find it too.

Its trainer does what the file ``orders`` beside it says: a point's name, and how that is to go wrong.
"""

import fcntl
import json
import os
import time
from pathlib import Path

import numpy as np
import toy_data

from simbench.harness.hooks import Progress, SimulatorOffer, Sweep, SweepPoint, TrainedOn, hookimpl

HERE = Path(__file__).parent
DETECTOR = toy_data.detector("tiny", "A tiny one")


def write(path):
    return toy_data.write(path, DETECTOR)


def plan(request):
    if request.preset == "paper":
        raise ValueError("tiny has no preset\n'paper'")
    for scale in (1, 2, 3):
        steps = {"scale": str(scale), "steps": str(round(100 * request.budget))}
        for seed in request.seeds:
            overrides = {**request.overrides, **steps}
            yield SweepPoint(f"scale-{scale}-seed-{seed}", "tiny", seed, overrides, {"scale": scale})


def train(request):
    name = request.out.parent.name
    weights = request.out / "weights.json"
    if weights.exists():
        return weights
    orders = json.loads((HERE / "orders").read_text()) if (HERE / "orders").exists() else {}
    go_wrong(orders.get(name))
    request.progress(Progress(1, 1, {"loss": 1.0}, 2.0))
    on = request.trained_on
    told = {
        "settings": dict(request.overrides),
        "seed": request.seed,
        "trained_on": [on.dataset, on.split, on.split_seed, on.test_fraction],
        "threads": os.environ["OMP_NUM_THREADS"],
    }
    request.out.mkdir(parents=True, exist_ok=True)
    weights.write_text(json.dumps(told))
    return weights


def go_wrong(order):
    if order == "raise":
        raise RuntimeError("out of\nluck")
    if order == "exit":
        os._exit(7)
    if order == "interrupt":
        raise KeyboardInterrupt
    if order == "wait":
        with (HERE / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (HERE / "waiting").touch()
            time.sleep(600)


class Tiny:
    def __init__(self, context):
        self.told = json.loads((context.weights / "weights.json").read_text())
        self.trained_on = TrainedOn(*self.told["trained_on"])
        self.training_record = {
            "preset": "compact",
            "seed": self.told["seed"],
            "steps": int(self.told["settings"]["steps"]),
            "best_step": 1,
            "validation": 2.5,
            "history": [{"step": 1, "epoch": 1.0, "seconds": 90.0, "losses": {}, "validation": 2.5}],
        }

    def generate(self, conditions, *, seed):
        generator = np.random.default_rng([seed, self.told["seed"]])
        mean = float(self.told["settings"]["scale"]) * conditions[:, :, None] / 3
        return generator.poisson(mean, (len(conditions), 6, 4)).astype(np.int32)

    def route(self, conditions):
        return (conditions[:, 0] > 5).astype(np.int64)


@hookimpl
def simbench_detectors():
    yield DETECTOR


@hookimpl
def simbench_simulators():
    yield SimulatorOffer("tiny", "A tiny model", Tiny, ("tiny",), trainer=train)
    yield SimulatorOffer("fixed", "Learns nothing", Tiny, ("tiny",))


@hookimpl
def simbench_sweeps():
    yield Sweep("scales", "Scales", ("scale",), plan, "Brightness alone.", "a test")
