"""O2's path and its check: each fact by a toy graph that keeps it, and by one that does not."""

import re

import numpy as np
import pytest

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.models.onnx.declared import is_zdc
from simbench.harness.models.onnx.model import OnnxSimulator
from simbench.harness.models.onnx.reading import Reading
from simbench.harness.models.onnx.scales import Scales, read_scales
from simbench.harness.o2.agreement import same_ws
from simbench.harness.o2.check import steps
from simbench.harness.o2.classifier import classifier_steps
from simbench.harness.o2.contract import o2_classifier, o2_graph, o2_scales
from simbench.harness.o2.path import O2Path, truncated
from simbench.harness.o2.scales_file import scales_text
from simbench.plugins.zdc import simbench_detectors

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

DETECTORS = {detector.name: detector for detector in simbench_detectors()}
PLAIN = Scales((0.0,) * 9, (1.0,) * 9)
OURS = o2_scales(PLAIN, DETECTORS["proton"])
# Where a straight line meets the face, in pixels, and 50 photons there: (batch, Nx, Ny) as ours.
_SPOT = """<ir_version: 8, opset_import: ["" : {opset}]>
    spot (float[{batch}, {noise}] noise, float[{batch}, 9] conditions)
        => ({kind}[{batch}, {nx}, {ny}] image) {{
        vx = Gather <axis = 1> (conditions, one_i)
        vy = Gather <axis = 1> (conditions, two_i)
        px = Gather <axis = 1> (conditions, four_i)
        py = Gather <axis = 1> (conditions, five_i)
        pz = Gather <axis = 1> (conditions, six_i)
        size = Abs (pz)
        slope_x = Div (px, size)
        slope_y = Div (py, size)
        far_x = Mul (slope_x, distance)
        far_y = Mul (slope_y, distance)
        x = Add (vx, far_x)
        y = Add (vy, far_y)
        in_x = Mul (x, per_x)
        in_y = Mul (y, per_y)
        at_x = Add (in_x, middle_x)
        at_y = Add (in_y, middle_y)
        whole_x = Floor (at_x)
        whole_y = Floor (at_y)
        column_x = Unsqueeze (whole_x, axes)
        column_y = Unsqueeze (whole_y, axes)
        same_x = Equal (column_x, grid_x)
        same_y = Equal (column_y, grid_y)
        here = And (same_x, same_y)
        single = Cast <to = 1> (here)
        logs = Mul (single, log51)
        image = Cast <to = {cast}> (logs)
    }}"""


def spot(detector, *, noise=10, batch="batch", kind="float", cast=1, opset=18):
    """A generator that puts 50 photons where a straight line meets the face; in this package's own form."""
    nx, ny = detector.shape
    text = _SPOT.format(noise=noise, batch=batch, nx=nx, ny=ny, kind=kind, cast=cast, opset=opset)
    model = onnx.parser.parse_model(text)
    half_x, half_y = detector.half_size
    values = {
        "one_i": np.array(1),
        "two_i": np.array(2),
        "four_i": np.array(4),
        "five_i": np.array(5),
        "six_i": np.array(6),
        "axes": np.array([1, 2]),
        "distance": np.float32(detector.distance),
        "per_x": np.float32(nx / (2 * half_x)),
        "per_y": np.float32(ny / (2 * half_y)),
        "middle_x": np.float32(nx / 2 - detector.centre[0] * nx / (2 * half_x)),
        "middle_y": np.float32(ny / 2),
        "grid_x": np.arange(nx, dtype=np.float32).reshape(1, nx, 1),
        "grid_y": np.arange(ny, dtype=np.float32).reshape(1, 1, ny),
        "log51": np.float32(np.log(51)),
    }
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in values.items()
    )
    return model


@pytest.fixture(scope="module")
def conditions():
    """Photons on the neutron calorimeter's face, and what else there is."""
    return make_dataset("neutron", particles=200, repeats=1, seed=5).conditions


@pytest.fixture
def files(tmp_path):
    """Writes a graph and its scales; gives their paths."""

    def write(model, scales=OURS, metadata=()):
        onnx.helper.set_model_props(model, dict(metadata))
        graph, text = tmp_path / "generator.onnx", tmp_path / "scales.txt"
        graph.write_bytes(model.SerializeToString())
        text.write_text(scales if isinstance(scales, str) else scales_text(scales))
        return graph, text

    return write


NEUTRON = DETECTORS["neutron"]


def verdicts(graph, scales, conditions, detector=NEUTRON):
    return {step.text: step.passed for step in steps(graph, scales, detector, conditions)}


def failed(found):
    return [text for text, passed in found.items() if not passed]


def test_all_that_is_right_passes(files, conditions):
    found = verdicts(*files(o2_graph(spot(NEUTRON), NEUTRON.shape)), conditions)
    assert failed(found) == []
    assert [text.split(":")[0] for text in found] == [
        "scales", "versions", "shapes", "units", "output", "truncation", "pixel order"
    ]  # fmt: skip


def test_light_lies_where_the_graph_put_it(files, conditions):
    """The path gives the image of this package's own reading of the same network, not turned, none lost."""
    ours = spot(NEUTRON)
    plain, scales = files(ours, PLAIN)
    wanted = OnnxSimulator(
        plain, read_scales(scales), Reading(output="log1p", layout="row-major"), NEUTRON, "cpu"
    ).generate(conditions, seed=1)
    assert len(set(map(tuple, np.argwhere(wanted)[:, 1:]))) > 50  # all over the face
    declared = {"output": "log1p", "simbench.units": "o2", "simbench.layout": "x-fastest"}
    graph, scales = files(o2_graph(spot(NEUTRON), NEUTRON.shape), metadata=declared)
    np.testing.assert_array_equal(O2Path(graph, scales, NEUTRON).generate(conditions, seed=1), wanted)
    # And read by onnx:, which learns units and order from the metadata.
    again = OnnxSimulator(graph, read_scales(scales), Reading(), NEUTRON, "cpu")
    np.testing.assert_array_equal(again.generate(conditions, seed=1), wanted)
    assert again.notes == ()


def test_a_graph_of_our_own_order_is_named(files, conditions):
    (order,) = failed(verdicts(*files(spot(NEUTRON)), conditions))
    assert order.startswith("pixel order: light lies off")
    assert failed(verdicts(*files(spot(NEUTRON), metadata={"simbench.layout": "row-major"}), conditions)) == [
        "pixel order: the graph's metadata declare row-major; O2 reads x-fastest"
    ]


def test_scales_of_other_units_are_named(files, conditions):
    """Of the plain nine means and scales of data in GeV and e, O2's 940 MeV are far away."""
    mean, scale = conditions.mean(axis=0), conditions.std(axis=0) + 1e-3
    plain = Scales(tuple(mean.tolist()), tuple(scale.tolist()))
    graph = o2_graph(spot(NEUTRON), NEUTRON.shape)
    found = failed(verdicts(*files(graph, plain), conditions))
    assert any(text.startswith("units: the scales of mass") for text in found)
    graph = o2_graph(spot(NEUTRON), NEUTRON.shape)
    found = verdicts(*files(graph, o2_scales(plain, NEUTRON)), conditions)
    assert not any(text.startswith("units") for text in failed(found))
    graph = o2_graph(spot(NEUTRON), NEUTRON.shape)
    found = failed(verdicts(*files(graph, metadata={"simbench.units": "simbench"}), conditions))
    assert found[0].startswith("units: the graph's metadata declare those of simbench")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (spot(NEUTRON, noise=8), ["noise of float32 (1, 10)"]),
        (spot(NEUTRON, batch="4"), ["one particle at a time"]),
        (spot(NEUTRON, kind="double", cast=11), ["first output as float32"]),
        (spot(DETECTORS["proton"]), ["44 x 44"]),
        (spot(NEUTRON, opset=22), ["opset 22"]),
    ],
    ids=["noise", "batch", "double", "shape", "opset"],
)
def test_graphs_that_stop_o2_are_named(files, conditions, model, words):
    found = " ".join(failed(verdicts(*files(model), conditions)))
    for word in words:
        assert word in found


def test_a_third_input_is_named(files, conditions):
    model = spot(NEUTRON)
    more = onnx.helper.make_tensor_value_info("seed", onnx.TensorProto.FLOAT, ["batch", 1])
    model.graph.input.append(more)
    assert any("two inputs" in text for text in failed(verdicts(*files(model), conditions)))


def test_more_outputs_are_named(files, conditions):
    """O2 computes all of them for every particle: the old export had the rates too."""
    model = o2_graph(spot(NEUTRON), NEUTRON.shape)
    model.graph.node.append(onnx.helper.make_node("Identity", ["noise"], ["rates"]))
    rates = onnx.helper.make_tensor_value_info("rates", onnx.TensorProto.FLOAT, ["batch", 10])
    model.graph.output.append(rates)
    (only,) = failed(verdicts(*files(model), conditions))
    assert only.startswith("outputs: 2 (log_photons, rates); O2 computes all of them")


def test_photons_that_truncation_takes_are_named(files, conditions):
    """Plain log(1 + 50) in float32 is cut to 50 or 49, as it comes; of 12 photons always 11."""
    plain = spot(NEUTRON)
    (place,) = [n for n, each in enumerate(plain.graph.initializer) if each.name == "log51"]
    few = onnx.numpy_helper.from_array(np.log1p(np.float32(12)), "log51")
    plain.graph.initializer[place].CopyFrom(few)
    (only,) = [text for text in failed(verdicts(*files(plain), conditions)) if "truncation" in text]
    assert re.search(r"(\d+) of \1 pixels with light lose a photon", only)
    plain = spot(NEUTRON)
    plain.graph.initializer[place].CopyFrom(few)
    assert not any(
        "truncation" in text for text in failed(verdicts(*files(o2_graph(plain, NEUTRON.shape)), conditions))
    )


def test_an_ir_version_that_is_too_new_is_named(files, conditions):
    model = o2_graph(spot(NEUTRON), NEUTRON.shape)
    model.ir_version = 11
    assert any("IR version 11" in text for text in failed(verdicts(*files(model), conditions)))


def test_a_graph_for_the_order_of_alices_own_models(files, conditions):
    """Row by row, whole photons, and named where O2 of today would read it."""
    graph = o2_graph(spot(NEUTRON), NEUTRON.shape, turned=False)
    paths = files(graph, metadata={"simbench.layout": "row-major"})
    assert failed(verdicts(*paths, conditions)) == [
        "pixel order: the graph's metadata declare row-major; O2 reads x-fastest"
    ]
    assert failed({s.text: s.passed for s in steps(*paths, NEUTRON, conditions, "row-major")}) == []


def test_ws_of_the_path_is_held_against_that_inside():
    """By hand: t of 8 degrees of freedom is beyond 5.041 in one of a thousand; times sqrt(0.02 / 5)."""
    for after, inside, runs, passed in (
        ((1.01, 0.0), (1.0, 0.0), 5, True),  # 2 %
        ((1.05, 0.0), (1.0, 0.0), 5, False),
        ((1.31, 0.1), (1.0, 0.1), 5, True),  # 0.319 allowed
        ((1.33, 0.1), (1.0, 0.1), 5, False),
        ((0.67, 0.1), (1.0, 0.1), 5, False),  # better than itself is no good sign either
        ((1.33, 0.1), (1.0, 0.1), 3, True),  # 8.610 sqrt(0.02 / 3)
        ((1.33, None), (1.0, None), 1, True),
    ):
        one, other = ({"mean": mean, "std": std, "runs": [mean] * runs} for mean, std in (after, inside))
        assert same_ws(one, other, "gan").passed is passed


def test_scales_without_the_empty_line_end_the_check(files, conditions):
    text = scales_text(OURS).replace("\n\n", "\n")
    (only,) = verdicts(*files(o2_graph(spot(NEUTRON), NEUTRON.shape), text), conditions)
    assert "std::stof: invalid argument" in only


def test_what_is_no_graph_is_one_line(files, conditions, tmp_path):
    _, scales = files(spot(NEUTRON))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    found = failed(verdicts(broken, scales, conditions))
    assert len(found) == 1
    assert "\n" not in found[0]


def test_every_count_survives_logarithm_and_truncation():
    """The end that export adds, by the same operators: all counts up to 300,000, and zero stays zero."""
    counts = np.arange(300_032)
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        any (float[batch, 1] unused) => (float[batch, 8, 4] image) { image = Identity (logs) }"""
    )
    logs = np.log1p(counts.astype(np.float32)).reshape(-1, 8, 4)
    model.graph.initializer.append(onnx.numpy_helper.from_array(logs, "logs"))
    import onnxruntime

    session = onnxruntime.InferenceSession(o2_graph(model, (8, 4)).SerializeToString())
    (given,) = session.run(None, {"unused": np.zeros((1, 1), np.float32)})
    assert given.shape == (9376, 4, 8)
    np.testing.assert_array_equal(truncated(given).transpose(0, 2, 1).ravel(), counts)
    # Plain log(1 + n) is what loses photons.
    assert (truncated(logs).ravel() < counts).sum() > 100


def test_noise_and_order_of_particles(files, conditions):
    """A particle's photons depend on its row and the seed; latency has one number a particle."""
    path = O2Path(*files(o2_graph(spot(NEUTRON), NEUTRON.shape)), NEUTRON)
    first = path.generate(conditions[:5], seed=3)
    np.testing.assert_array_equal(first[:2], path.generate(conditions[:2], seed=3))
    assert len(path.latency) == 7
    assert min(path.latency) > 0


def test_only_the_zdc_has_this_path():
    assert is_zdc(NEUTRON)
    assert not is_zdc(type(NEUTRON)(**{**vars(NEUTRON), "features": NEUTRON.features[:8]}))


# The classifier


def judge(expression, *, kind="float", inputs="float[batch, 9] conditions", width=1, initial=None):
    """A graph of an expression of the conditions' energy, in thousands: ``e``, (batch, 1)."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 18]>
        judge ({inputs}) => ({kind}[batch, {width}] hit) {{
            all = Gather <axis = 1> (conditions, first)
            e = Div (all, thousand)
            {expression}
        }}"""
    )
    values = {"first": np.array([0]), "thousand": np.float32(1000), **(initial or {})}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in values.items())
    return model


def asked(files, model, conditions, light=None, scales=OURS):
    return list(classifier_steps(*files(model, scales), NEUTRON, conditions, light))


def test_a_probability_is_rounded(files, conditions):
    """Tanh(E / TeV): a hit above 549 GeV."""
    light = np.where(conditions[:, 0] > 549, 1.0, 0.5)
    (step,) = asked(files, judge("hit = Tanh (e)"), conditions, light)
    # Of a response with light and one without, how often the former's energy is larger; ties count half.
    bright, dark = light.sum(), (1 - light).sum()
    energy = conditions[:, 0]
    wins = (energy[:, None] > energy[None]) + 0.5 * (energy[:, None] == energy[None])
    auc = (light[:, None] * (1 - light)[None] * wins).sum() / (bright * dark)
    assert f"(AUC {auc:.3f})" in step.text
    assert step.passed
    share = 100 * (conditions[:, 0] > 1000 * np.arctanh(0.5)).mean()
    assert f"{share:.1f} % of 200 particles are a hit" in step.text
    assert "% of the responses that have light" in step.text


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (judge("more = Add (e, e)\nhit = Sub (e, more)"), "logarithms of odds"),
        (judge("yes = Tanh (e)\nhit = Concat <axis = 1> (yes, yes)", width=2), "2 numbers for a particle"),
        (judge("hit = Cast <to = 7> (e)", kind="int64"), "reads the first output as float32"),
        (judge("hit = Tanh (e)", inputs="float[4, 9] conditions"), "one particle at a time"),
        (judge("hit = Tanh (e)", inputs="float[batch, 8] conditions"), r"float32 \(1, 9\)"),
        (judge("hit = Tanh (e)", inputs="float[batch, 9] conditions, float[batch, 1] more"), "one input"),
        (judge("nought = Sub (e, e)\nhit = Identity (nought)"), "0.0 % of 200"),
    ],
    ids=["logits", "softmax", "labels", "batch", "features", "inputs", "never"],
)
def test_what_misleads_o2_is_named(files, conditions, model, words):
    (step,) = asked(files, model, conditions)
    assert not step.passed
    assert re.search(words, step.text)
    assert "\n" not in step.text


def test_a_classifiers_scales_are_read_as_strictly(files, conditions):
    text = scales_text(OURS).replace("\n", "\r\n")
    (step,) = asked(files, judge("hit = Tanh (e)"), conditions, scales=text)
    assert not step.passed
    assert "#means" in step.text


def test_one_classifier_of_two():
    """The probability of light in either: 1 - (1 - p)(1 - q)."""
    import onnxruntime

    both = o2_classifier([judge("hit = Tanh (e)"), judge("half = Tanh (e)\nhit = Mul (half, half)")])
    session = onnxruntime.InferenceSession(both.SerializeToString())
    given = np.zeros((3, 9), np.float32)
    given[:, 0] = 0, 400, 3000
    p = np.tanh(given[:, 0] / 1000)
    (found,) = session.run(None, {"conditions": given})
    np.testing.assert_allclose(found[:, 0], 1 - (1 - p) * (1 - p**2), atol=1e-6)


# Empty answers


def test_answers_are_empty_as_often_as_the_classifier_says(files, conditions):
    declared = {"simbench.units": "o2", "simbench.layout": "x-fastest", "simbench.empties": "drawn"}
    hit = judge("hit = Tanh (e)")
    many = np.repeat(conditions[::10], 200, axis=0)
    graph, scales = files(o2_graph(spot(NEUTRON), NEUTRON.shape, hit), metadata=declared)
    path = O2Path(graph, scales, NEUTRON)
    assert path.empties
    found = path.generate(many, seed=5)
    graph, scales = files(o2_graph(spot(NEUTRON), NEUTRON.shape))
    always = O2Path(graph, scales, NEUTRON).generate(many, seed=5)
    lit, could = (each.any(axis=(1, 2)).reshape(-1, 200) for each in (found, always))
    np.testing.assert_array_equal(found[lit.ravel()], always[lit.ravel()])  # what is not empty is as it was
    expected = np.tanh(conditions[::10, 0] / 1000) * could.mean(axis=1)
    off = (lit.mean(axis=1) - expected) / np.sqrt(np.maximum(expected * (1 - expected), 1e-3) / 200)
    assert np.abs(off).max() < 4.5
    assert off.std() < 1.4


def test_empty_answers_are_redrawn_where_data_have_none(files, conditions):
    declared = {"simbench.empties": "drawn"}
    graph, scales = files(o2_graph(spot(NEUTRON), NEUTRON.shape, judge("hit = Tanh (e)")), metadata=declared)
    always = O2Path(*files(o2_graph(spot(NEUTRON), NEUTRON.shape)), NEUTRON).generate(conditions[:60], seed=1)
    graph, scales = files(o2_graph(spot(NEUTRON), NEUTRON.shape, judge("hit = Tanh (e)")), metadata=declared)
    found = O2Path(graph, scales, NEUTRON, min_photons=1).generate(conditions[:60], seed=1)
    bright = conditions[:60, 0] > 20  # else even a thousand attempts are few
    np.testing.assert_array_equal(found[bright].any(axis=(1, 2)), always[bright].any(axis=(1, 2)))
