"""A trained generator as one ONNX graph, from what ALICE's O2 gives a generator to what it expects of one.

Inputs are ``noise`` (batch, Z) and ``conditions`` (batch, F) in physical units: the scales that go with the
graph are means 0 and scales 1. What the network is told of a particle (where it meets the face, its magnetic
rigidity, its kind) is no linear function of the conditions, so the graph computes it itself, in float64. The
first output is ``image`` (batch, H, W), log(1 + photons) with the photons drawn (see photon_graph.py); it is
the only one that O2 takes. ``rates`` (batch, H, W), from which they are drawn, come second, for comparisons.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ..conditions import BEAM_MOMENTUM, BINS, MASS_EDGES, Geometry, Scaler
from ..engines import export_graph
from .photon_graph import IR_VERSION, OPSET, photon_graph


class Conditions(nn.Module):
    """:class:`simbench.baselines.conditions.Scaler` in PyTorch: conditions (B, F) to features (B, K)."""

    def __init__(self, scaler: Scaler) -> None:
        super().__init__()
        self.geometry, self.clip = scaler.geometry, scaler.clip
        self.mean: Tensor
        self.scale: Tensor
        self.nodes: Tensor
        self.register_buffer("mean", torch.from_numpy(scaler.mean))
        self.register_buffer("scale", torch.from_numpy(scaler.scale))
        self.register_buffer("nodes", torch.arange(BINS + 1, dtype=torch.double))

    def forward(self, conditions: Tensor) -> Tensor:
        """(B, K) float32; all steps before are in float64."""
        features = conditions.double()
        if self.geometry is not None:
            features = self._zdc_features(features, self.geometry)
        scaled = (features - self.mean) / self.scale
        if self.clip is not None:
            scaled = scaled.clamp(-self.clip, self.clip)
        return scaled.float()

    def _zdc_features(self, conditions: Tensor, geometry: Geometry) -> Tensor:
        """:func:`simbench.baselines.conditions.zdc_features`, line by line."""
        energy, vx, vy, vz, px, py, pz, mass, charge = conditions.unbind(1)
        half_x, half_y = geometry.half_size
        along = pz.abs().clamp(min=1e-9)
        behind = torch.where(pz < 0, vz, -vz)
        flight = geometry.distance + behind
        axis_x, axis_y = (vx + px / along * flight) / half_x, (vy + py / along * flight) / half_y
        face_x, face_y = axis_x - geometry.centre[0] / half_x, axis_y - geometry.centre[1] / half_y
        inside = 1 - torch.maximum(face_x.abs(), face_y.abs())
        axis_x, axis_y = axis_x.clamp(-8, 8), axis_y.clamp(-8, 8)
        momentum = (px**2 + py**2 + pz**2).sqrt().clamp(min=1e-9)
        bend = charge * BEAM_MOMENTUM / momentum
        vertex = behind / 1e-3
        columns = [
            energy.clamp(min=1e-3).log(),
            energy / BEAM_MOMENTUM,
            axis_x,
            axis_y,
            (axis_x**2 + axis_y**2).sqrt(),
            face_x.clamp(-2, 2),
            face_y.clamp(-2, 2),
            torch.tanh(5 * inside),
            torch.tanh(25 * inside),
            charge,
            bend.clamp(-8, 8),
            bend.clamp(-40, 40),
            mass.clamp(min=0).sqrt(),
            mass,
            vertex.sign() * (vertex.abs() + (vertex**2 + 1).sqrt()).log(),  # arcsinh
            (behind != 0).double(),
            *(((mass > low) & (mass <= high)).double() for low, high in pairwise(MASS_EDGES)),
        ]
        place = (energy / BEAM_MOMENTUM).clamp(0, 1)[:, None] * BINS
        weights = (1 - (place - self.nodes).abs()).clamp(min=0)
        signs = [(charge == 0) & (mass > 0), charge > 0, charge < 0]
        return torch.cat(
            [torch.stack(columns, 1), *(weights * sign.double()[:, None] for sign in signs)], dim=1
        )


class ExportedGenerator(nn.Module):
    """Noise (B, Z) and conditions (B, F) in physical units to rates (B, H, W)."""

    def __init__(self, scaler: Scaler, network: nn.Module) -> None:
        super().__init__()
        self.conditions, self.network = Conditions(scaler), network

    def forward(self, noise: Tensor, conditions: Tensor) -> Tensor:
        """The rates."""
        rates: Tensor = self.network(noise, self.conditions(conditions))
        return rates


def generator_graph(
    generator: nn.Module, header: Mapping[str, Any], outputs: Sequence[str] = ("rates",)
) -> Any:
    """The whole graph, an ``onnx.ModelProto``.

    Args:
        generator: noise (B, Z) and conditions (B, F) to ``outputs``, the first of which are rates.
        header: of the weights file.
        outputs: names of what the generator gives.
    """
    import onnx

    network = header["network"]
    inputs = int(network["noise"]), len(header["features"])
    model = onnx.load_model_from_string(
        export_graph(generator.eval(), inputs, outputs, opset_version=OPSET, optimize=False)
    )
    shape = (int(network["shape"][0]), int(network["shape"][1]))
    drawing = header["preset"] == "compact"  # the networks of the other preset give photons, not rates
    draw = photon_graph(shape, inputs[0], int(header["min_photons"]) if drawing else None)
    _strip(model)
    _append(model, draw)
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "simbench", ""
    model.graph.name = "generator"
    onnx.checker.check_model(model, full_check=True)
    return model


def _strip(model: Any) -> None:
    """Remove what an exporter tells of its machine: the paths of its source files, line by line."""
    del model.metadata_props[:]
    for part in (
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
    ):
        part.doc_string = ""
        del part.metadata_props[:]
    del model.graph.value_info[:]


def _append(model: Any, draw: Any) -> None:
    """Let a graph end with the photon draw: its image becomes the first output."""
    from onnx import compose

    draw = compose.add_prefix(draw, "draw/", rename_inputs=False, rename_outputs=False)
    graph = model.graph
    graph.node.extend(draw.graph.node)
    graph.initializer.extend(draw.graph.initializer)
    outputs = [*draw.graph.output, *graph.output]
    del graph.output[:]
    graph.output.extend(outputs)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
