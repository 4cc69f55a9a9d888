"""ONNX files that were damaged or are odd: refused with a line, or responses as the interface has them."""

import numpy as np
import pytest
from fuzzing import damaged, tried, tries
from hypothesis import given
from hypothesis import strategies as st

from simbench.harness.errors import UserError
from simbench.harness.hooks import Context
from simbench.harness.models.onnx.file import onnx_offer_of
from simbench.harness.run.tasks import check_responses

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

FLOAT = onnx.TensorProto.FLOAT
CONDITIONS = np.array([[1.0, 0.2], [5.0, 0.1], [9.0, 0.4]], np.float32)
SIZE = 24  # pixels of the toy detector


def graph(noise, conditions, output, middle, end, kind=FLOAT, seed=None):
    """noise and conditions by a matrix each to the pixels, then some operators, then a form."""
    draw = np.random.default_rng(0)
    helper = onnx.helper
    weights = [
        onnx.numpy_helper.from_array(
            draw.random((int(size), SIZE)).astype(helper.tensor_dtype_to_np_dtype(kind)), name
        )
        for name, size in (("W", noise[-1] or 3), ("V", conditions[-1] or 2))
    ]
    nodes = [
        helper.make_node("MatMul", ["noise", "W"], ["n"]),
        helper.make_node("MatMul", ["cond", "V"], ["c"]),
        helper.make_node("Add", ["n", "c"], ["x0"]),
    ]
    for place, operator in enumerate(middle):
        attributes = {} if not operator.startswith("Random") or seed is None else {"seed": seed}
        nodes.append(helper.make_node(operator, [f"x{place}"], [f"x{place + 1}"], **attributes))
    last = f"x{len(middle)}"
    if end == "Reshape":
        weights.append(onnx.numpy_helper.from_array(np.array(output[1:] and [-1, *SHAPE], np.int64), "shape"))
        nodes.append(helper.make_node("Reshape", [last, "shape"], ["image"]))
    elif end == "Transpose":
        nodes.append(helper.make_node("Transpose", [last], ["image"], perm=[1, 0]))
    else:
        nodes.append(helper.make_node(end, [last], ["image"]))
    made = helper.make_graph(
        nodes,
        "generator",
        [
            helper.make_tensor_value_info("noise", kind, noise),
            helper.make_tensor_value_info("cond", kind, conditions),
        ],
        [helper.make_tensor_value_info("image", kind, output)],
        weights,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


SHAPE = (6, 4)
OPERATORS = st.sampled_from(
    [
        *("Softplus", "Relu", "Neg", "Exp", "Log", "Sqrt", "Tanh", "Floor", "Reciprocal", "Identity", "Abs"),
        *("Softmax", "Sign", "Sin", "RandomNormalLike", "RandomUniformLike", "Bernoulli"),
    ]
)
DIMENSIONS = st.sampled_from([None, "b", 0, 1, 2, 3, 5])


@pytest.fixture(scope="module")
def valid():
    return graph(["b", 3], ["b", 2], ["b", *SHAPE], ["Softplus"], "Reshape").SerializeToString()


def check(toy, path, what):
    """The file is refused in a line, or gives responses: whichever, nothing else is raised."""
    try:
        offer, _ = onnx_offer_of(f"onnx:{path}")
        simulator = offer.factory(Context(toy.detector))
        responses = [simulator.generate(CONDITIONS, seed=seed) for seed in (1, 1, 2)]
        found = [check_responses(each, len(CONDITIONS), SHAPE) for each in responses]
    except (UserError, ValueError):
        tried[f"onnx, {what}: refused"] += 1
        return None
    np.testing.assert_array_equal(found[0], found[1])
    assert all(isinstance(note, str) for note in simulator.notes)
    tried[f"onnx, {what}: read"] += 1
    return simulator, found


@tries(30)
@given(data=st.data())
def test_damaged_files(toy, valid, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    path.write_bytes(data.draw(damaged(valid)))
    check(toy, path, "damaged")


@tries(30)
@given(data=st.data())
def test_odd_graphs(toy, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    batch = data.draw(DIMENSIONS)
    middle = data.draw(st.lists(OPERATORS, max_size=3))
    kind = data.draw(st.sampled_from([FLOAT, FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16]))
    end = data.draw(st.sampled_from(["Reshape", "Reshape", "Transpose", "Identity"]))
    width, features = data.draw(st.sampled_from([3, 2, None])), data.draw(st.sampled_from([2, 2, None, 3]))
    output = data.draw(
        st.sampled_from([[batch, *SHAPE], [batch, *SHAPE[::-1]], [SIZE, batch], [batch, SIZE]])
    )
    seed = data.draw(st.sampled_from([None, 1.0]))
    made = graph([batch, width], [batch, features], output, middle, end, kind, seed)
    onnx.save(made, path)
    answer = check(toy, path, "odd")
    if answer is None:
        return
    simulator, _ = answer
    assert end != "Transpose" or batch == 1  # whose batch is last
    if seed is not None and any(operator.startswith("Random") for operator in middle):
        assert any("seed of its own" in note for note in simulator.notes)


def test_the_valid_file_is_read(toy, valid, tmp_path):
    """So that the others do not pass by refusing everything."""
    path = tmp_path / "generator.onnx"
    path.write_bytes(valid)
    simulator, found = check(toy, path, "valid")
    assert simulator.faults == ()
    assert (found[0] != found[2]).any()
