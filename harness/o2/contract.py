"""The form that O2 asks of a generator of the ZDC, made from a graph and scales in this package's own.

O2 (``Detectors/ZDC/simulation/src/Detector.cxx``) gives the mass in MeV and the charge in thirds of e, reads
the first output with x fastest, (batch, Ny, Nx), and truncates its ``expm1`` to whole photons. So a graph of
ours, whose first output is log(1 + n) as (batch, Nx, Ny), gets an end that turns it over and raises n by a
2^-19th: what float32 loses on the way stays above n, for all n up to 300,000, and 0 stays exactly 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..models.onnx.declared import o2_units
from ..models.onnx.scales import Scales
from ..plugin.detectors import Detector

NOISE = 10  # numbers that O2 draws for a particle
RAISED = 1 + 2.0**-19
STEP = 4096.0  # of the noise's sum: a standard normal number has some thousand fractions
_END = """<ir_version: 8, opset_import: ["" : 18]>
    o2 (float[batch, pixels] image, float[batch, z] noise, float[batch, 1] hit)
        => (float[batch, {sides}] log_photons) {{
        turned = Reshape (image, shape)
        precise = Cast <to = 11> (turned)
        more = Exp (precise)
        real = Sub (more, one)
        whole = Round (real)
        {gate}
        raised = Mul ({lit}, factor)
        above = Add (raised, one)
        logarithm = Log (above)
        single = Cast <to = 1> (logarithm)
        log_photons = {last} (single)
    }}"""
_GATE = """
        numbers = Cast <to = 11> (noise)
        sum = MatMul (numbers, steps)
        floor = Floor (sum)
        uniform = Sub (sum, floor)
        chance = Cast <to = 11> (hit)
        below = Less (uniform, chance)
        flag = Cast <to = 11> (below)
        flags = Reshape (flag, each)
        kept = Mul (whole, flags)
"""


def o2_scales(scales: Scales, detector: Detector) -> Scales:
    """The scales of conditions in O2's units that give what ``scales`` give of ours."""
    mean, scale = (
        tuple(float(value * factor) for value, factor in zip(values, o2_units(detector), strict=True))
        for values in (scales.mean, scales.scale)
    )
    return Scales(mean, scale)


def o2_graph(model: Any, shape: tuple[int, int], hit: Any = None, *, turned: bool = True) -> Any:
    """An ``onnx.ModelProto`` whose first output is log(1 + n), as O2 takes it: one output, turned.

    Not ``turned`` it is row by row, as ALICE's own generators are, which O2 of today misreads.

    With ``hit``, a graph of conditions to the probability of light (batch, 1), the answer is empty as often
    as that says: by a uniform number from the noise, the fraction of a sum of its ten numbers in steps so
    fine that it tells nothing of them.
    """
    import onnx
    from onnx import compose

    graph = model.graph
    first, noise = graph.output[0].name, graph.input[0]
    nx, ny = shape
    constants = {"one": 1.0, "factor": RAISED, "shape": np.array([-1, nx, ny])}
    lit = "whole"
    if hit is not None:
        count = noise.type.tensor_type.shape.dim[1].dim_value
        constants |= {
            "steps": STEP * np.sqrt(np.arange(2, 2 + count))[:, None],
            "each": np.array([-1, 1, 1]),
        }
        lit = "kept"
    form = {"sides": f"{nx}, {ny}", "last": "Identity"}
    if turned:
        form = {"sides": f"{ny}, {nx}", "last": "Transpose <perm = [0, 2, 1]>"}
    end = onnx.parser.parse_model(_END.format(**form, lit=lit, gate=_GATE if hit is not None else ""))
    end.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    end = compose.add_prefix(end, "o2/", rename_outputs=False)
    joined = {"o2/image": first, "o2/noise": noise.name, "o2/hit": "hit/hit"}
    parts = [end.graph]
    if hit is not None:
        classifier = compose.add_prefix(hit, "hit/")
        joined[f"hit/{hit.graph.input[0].name}"] = graph.input[1].name
        joined["o2/hit"] = classifier.graph.output[0].name
        parts.insert(0, classifier.graph)
    for part in parts:
        for node in part.node:
            node.input[:] = [joined.get(name, name) for name in node.input]
        graph.node.extend(part.node)
        graph.initializer.extend(part.initializer)
    output = end.graph.output[0]
    output.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.output[:]
    graph.output.append(output)
    onnx.checker.check_model(model, full_check=True)
    return model


def o2_classifier(hits: Sequence[Any]) -> Any:
    """One graph for O2 of a classifier for each calorimeter: the probability of light in any, (batch, 1).

    Given the particle, the calorimeters' responses are independent: 1 - the product of 1 - p.
    """
    import onnx
    from onnx import compose

    names = [f"p{number}" for number in range(len(hits))]
    darks = [f"d{number} = Sub (one, {name})" for number, name in enumerate(names)]
    product = "\n".join(
        [
            "all0 = Identity (d0)",
            *(f"all{n} = Mul (all{n - 1}, d{n})" for n in range(1, len(hits))),
        ]
    )
    inputs = ", ".join(f"float[batch, 1] {name}" for name in names)
    model = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 18]>
        hit ({inputs}) => (float[batch, 1] hit) {{
            {chr(10).join(darks)}
            {product}
            hit = Sub (one, all{len(hits) - 1})
        }}"""
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), "one"))
    entry = onnx.helper.make_tensor_value_info("conditions", onnx.TensorProto.FLOAT, ["batch", 9])
    nodes, joined = [], {}
    for name, hit in zip(names, hits, strict=True):
        part = compose.add_prefix(hit, f"{name}/").graph
        joined[name] = part.output[0].name
        for node in part.node:
            node.input[:] = ["conditions" if each == part.input[0].name else each for each in node.input]
        nodes += list(part.node)
        model.graph.initializer.extend(part.initializer)
    own = list(model.graph.node)
    for node in own:
        node.input[:] = [joined.get(each, each) for each in node.input]
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *own])
    del model.graph.input[:]
    model.graph.input.append(entry)
    onnx.checker.check_model(model, full_check=True)
    return model
