"""Our own networks as ONNX graphs: no plugin, the plugins share it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simbench.harness.hooks import Check, Exported, Routing
from simbench.harness.models.onnx.read import open_session

from ._trained import TrainedModel

if TYPE_CHECKING:
    from torch import nn

    from simbench.baselines.gan.simulator import GanSimulator

AGREEMENT = 1e-4  # of rates, relative
FAINTEST = {"compact": 1e-6, "paper": 0.1}  # photons: fainter rates are compared as if they were this
ROUTED_ELSE = 0.01  # share of conditions between two experts that may go to the other one


def exported(trained: TrainedModel, conditions: npt.NDArray[np.float32]) -> Exported:
    """The graph of a model with stored weights, compared with the model itself.

    Raises:
        ValueError: the model cannot be exported; says why.
    """
    from simbench.baselines.conditions import Scaler
    from simbench.baselines.export.generator import ExportedGenerator, generator_graph

    simulator = trained._simulator
    if simulator.header["preset"] == "layers":
        raise ValueError("O2's graphs hold photon counts: a model of energies in layers cannot be exported")
    scaler = Scaler.from_json(simulator.header["scaler"])
    outputs = ["rates"]
    generator: nn.Module
    if isinstance(trained, Routing):
        from simbench.expertsim.export import ExportedMixture

        generator = ExportedMixture(scaler, simulator.network)
        outputs.append("expert")
    else:
        generator = ExportedGenerator(scaler, simulator.network)
    graph = generator_graph(generator, simulator.header, outputs).SerializeToString()
    features = len(simulator.header["features"])
    return Exported(
        graph=graph,
        noise=int(simulator.header["network"]["noise"]),
        mean=(0.0,) * features,
        scale=(1.0,) * features,
        checks=tuple(_compared(graph, simulator, trained, conditions)),
        facts=_facts(simulator),
        limits=_limits(simulator.header),
    )


def _compared(
    graph: bytes, simulator: "GanSimulator", trained: TrainedModel, conditions: npt.NDArray[np.float32]
) -> list[Check]:
    noise = simulator.noise(len(conditions), 1)
    session = open_session(graph, "cpu")
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"noise": noise, "conditions": conditions}), strict=True))
    expected = simulator.rates(conditions, noise)
    checks = []
    same = np.ones(len(conditions), dtype=bool)
    if isinstance(trained, Routing):
        same = found["expert"] == trained.route(conditions)
        share = float((~same).mean())
        text = f"experts of {len(same)} conditions: {int(same.sum())} chosen alike"
        checks.append(Check(text, share <= ROUTED_ELSE))
    faintest = FAINTEST[simulator.header["preset"]]
    difference = np.abs(found["rates"] - expected) / np.maximum(expected, faintest)
    worst = float(difference[same].max(initial=0))
    text = f"rates of {int(same.sum())} responses, pixel by pixel: relative difference at most {worst:.1e}"
    return [*checks, Check(f"{text} ({AGREEMENT:g} allowed)", worst <= AGREEMENT)]


def _facts(simulator: "GanSimulator") -> dict[str, str]:
    header = simulator.header
    training: dict[str, Any] = header["training"]
    facts = {"preset": str(header["preset"]), "parameters": f"{simulator.parameters:,}"}
    if "experts" in header["network"]:
        facts["experts"] = f"{header['network']['experts']}, one a condition, with the router in the graph"
    facts["training"] = (
        f"{training['steps']:,} steps, seed {training['seed']}; the weights are those of step "
        f"{training['best_step']:,}, the best on a validation part (score {training['validation']:.2f})"
    )
    facts["photon threshold"] = f"{header['min_photons']} or more photons in every training response"
    return facts


def _limits(header: dict[str, Any]) -> tuple[str, ...]:
    if header["preset"] == "compact":
        drawn = "drawn in the graph, Poisson in every pixel"
    else:
        drawn = "the network's real numbers, rounded at random in the graph"
    return (
        f"Photons are {drawn}, with a hash of the noise as the only chance: the same noise gives the same "
        "photons, so every response needs ten new standard normal numbers.",
        "Conditions go in unscaled (means 0, scales 1 in scales.txt): what the network is told of a particle "
        "is no linear function of them, and the graph computes it. Scales of another generator spoil it.",
    )
