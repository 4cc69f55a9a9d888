"""Generation of 10,000 responses by every model and engine, against the generator of the `paper` preset.

The latter takes minutes: it is measured on 128 responses, in turns with the other, and scaled. It carries
random weights, which its speed does not depend on. Its best engine and batch are looked for first.
"""

import time

import numpy as np
import pytest
import torch

from simbench.baselines.engines import onnx_rates, torch_rates
from simbench.baselines.gan.networks import make_generator
from simbench.baselines.montecarlo import make_dataset
from simbench.harness.hooks import Context

MEASURED, ROWS = 128, 10_000
BATCHES = (1, 4, 16, 64)
CASES = [
    (detector, model, engine)
    for detector, models in (
        (
            "proton",
            ("gan", "sdi-gan", "sdi-gan-ir", "sdi-gan-ir-ar", *(f"expertsim-{k}" for k in range(2, 6))),
        ),
        ("neutron", ("gan", "expertsim-3")),
    )
    for model in models
    for engine in ("torch", "onnx")
] + [("proton", "mc", "auto"), ("neutron", "mc", "auto")]


@pytest.fixture(scope="module")
def conditions():
    made = {
        name: make_dataset(name, particles=ROWS // 8, repeats=8, seed=11) for name in ("proton", "neutron")
    }
    return {name: data.conditions for name, data in made.items()}


@pytest.fixture(scope="module")
def paper(registry, tell, tmp_path_factory):
    """By detector, a call that generates 128 responses with the paper's generator in the fastest way."""
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    noise, scaled = (random.normal(size=(MEASURED, width)).astype(np.float32) for width in (10, 9))
    fastest = {}
    for detector in ("proton", "neutron"):
        header = {"shape": list(registry.detectors[detector].shape), "conditions": 9, "noise": 10}
        network = make_generator("paper", header).eval()
        engines = {
            "torch": torch_rates(network, "cpu"),
            "onnx": onnx_rates(network, (10, 9), "cpu", tmp_path_factory.mktemp("graphs")),
        }
        found = []
        for engine, respond in engines.items():
            for batch in BATCHES:

                def generate(respond=respond, batch=batch):
                    for start in range(0, MEASURED, batch):
                        respond(noise[start : start + batch], scaled[start : start + batch])

                respond(noise[:batch], scaled[:batch])
                begun = time.perf_counter()
                generate()
                seconds = (time.perf_counter() - begun) * ROWS / MEASURED
                found.append((seconds, engine, batch, generate))
                tell(
                    f"paper-preset generator, scaled from {MEASURED} to {ROWS} responses",
                    f"{detector:<8} {engine:<6} batch {batch:<3} {seconds:>8.1f} s",
                )
        fastest[detector] = min(found)[-1]
    return fastest


@pytest.mark.parametrize(("detector", "model", "engine"), CASES, ids=["-".join(case) for case in CASES])
def test_against_the_paper_generator(
    registry, conditions, paper, versus, tmp_path_factory, detector, model, engine
):
    cache = tmp_path_factory.getbasetemp() / "cache"
    context = Context(registry.detectors[detector], engine=engine, cache=cache)
    simulator = registry.simulators[model].factory(context)
    versus(
        f"{ROWS} responses: the fastest paper-preset generator takes so many times as long",
        f"{detector} {model} {engine}",
        lambda: simulator.generate(conditions[detector], seed=1),
        paper[detector],
        rounds=5,
        scale=ROWS / MEASURED,
    )


@pytest.mark.parametrize("detector", ["proton", "neutron"])
def test_against_one_generator(registry, conditions, versus, detector):
    """What a mixture costs: the whole of expertsim-3 against the whole of one GAN of the same size."""
    models = [
        registry.simulators[name].factory(Context(registry.detectors[detector]))
        for name in ("sdi-gan-ir-ar", "expertsim-3")
    ]
    single, mixture = (lambda model=model: model.generate(conditions[detector], seed=1) for model in models)
    versus(
        f"{ROWS} responses: expertsim-3 takes so many times as long as sdi-gan-ir-ar",
        detector,
        single,
        mixture,
        9,
    )
