"""Generators in ONNX files: onnx:FILE[@SCALES]."""

import json
import pickle
import re

import numpy as np
import pytest

from simbench.harness import rng
from simbench.harness.contract.suite import Subject, verdicts
from simbench.harness.errors import UserError
from simbench.harness.hooks import Context
from simbench.harness.models.names import find_model, parse_models
from simbench.harness.models.onnx.inputs import Port, recognise
from simbench.harness.models.onnx.model import NEGATIVE, OnnxSimulator
from simbench.harness.run.tasks import Generate, ModelKey, TaskRunner

pytestmark = pytest.mark.slow

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

FLOAT = onnx.TensorProto.FLOAT
NODES = """
    n = MatMul (flat, W)
    q = MatMul (cond, V)
    s = Add (n, q)
    r = Softplus (s)
"""


def text_of(
    inputs, output="float[b,6,4] image", noise="flat = Identity (noise)", end="image = Reshape (r, shape)"
):
    return f"""<ir_version: 9, opset_import: ["" : 17]>
        generator ({inputs}) => ({output})
        <float[3,24] W = {{{", ".join(str(0.1 * (i % 7)) for i in range(72))}}},
         float[2,24] V = {{{", ".join(str(0.2 - 0.01 * i) for i in range(48))}}},
         int64[3] shape = {{-1,6,4}}, int64[2] rows = {{-1,3}}>
        {{ {noise}\n{NODES}\n{end} }}"""


DEFAULT = "float[b,3] noise, float[b,2] cond"


def expected(conditions, noise):
    """What the graph computes, in NumPy."""
    W = (0.1 * (np.arange(72) % 7)).reshape(3, 24)
    V = (0.2 - 0.01 * np.arange(48)).reshape(2, 24)
    return np.logaddexp(0, noise @ W + conditions @ V).reshape(-1, 6, 4)


def noise_of(seed, rows, width=3):
    return rng.normal(rng.keys(rng.derive(seed, "noise"), np.arange(rows))[:, None], np.arange(width)[None])


@pytest.fixture
def write(tmp_path):
    def write(text=None, name="generator.onnx", **metadata):
        model = onnx.parser.parse_model(text or text_of(DEFAULT))
        onnx.helper.set_model_props(model, metadata)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def made(toy):
    return toy.registry(toy.offer("flat"))


@pytest.fixture
def simulator(made, toy):
    return lambda spec: find_model(made, str(spec)).offer.factory(Context(toy.detector))


@pytest.fixture
def conditions():
    return np.random.default_rng(1).uniform(0, 5, (300, 2)).astype(np.float32)


def test_an_exported_generator_needs_no_code(write, simulator, conditions):
    sim = simulator(f"onnx-log1p:{write()}")
    responses = sim.generate(conditions, seed=5)
    assert responses.dtype == np.float32
    np.testing.assert_allclose(responses, np.expm1(expected(conditions, noise_of(5, 300))), rtol=2e-5)
    assert sim.notes == ()
    assert sim.trained_on is None
    np.testing.assert_array_equal(sim.generate(conditions[:7], seed=5), responses[:7])
    assert sim.generate(conditions[:0], seed=5).shape == (0, 6, 4)


def test_scales_are_named_or_beside_the_file_or_none(write, simulator, conditions, made):
    path = write(output="photons")
    raw = simulator(f"onnx:{path}")
    assert "raw conditions" in find_model(made, f"onnx:{path}").offer.title
    path.with_name("scales.txt").write_text("#means\n1\n2\n#scales\n4\n8\n")
    path.with_name("m@n.json").write_text(json.dumps({"mean": [0, 1], "scale": [2, 2]}))
    beside, named = simulator(f"onnx:{path}"), simulator(f"onnx:{path}@{path.with_name('m@n.json')}")
    assert "scaled by scales.txt" in find_model(made, f"onnx:{path}").offer.title
    noise = noise_of(1, 300)
    for sim, scaled in (
        (raw, conditions),
        (beside, (conditions - [1, 2]) / [4, 8]),
        (named, (conditions - [0, 1]) / 2),
    ):
        np.testing.assert_allclose(sim.generate(conditions, seed=1), expected(scaled, noise), rtol=1e-5)
    assert len({sim.fingerprint for sim in (raw, beside, named)}) == 3


@pytest.mark.parametrize(
    ("inputs", "noise"),
    [
        ("float[b,2] cond, float[b,3] noise", None),
        ("float[b,2] x, float[b,3] y", "flat = Identity (y)\ncond = Identity (x)"),
        ("float[7,3] noise, float[7,2] cond", None),
        ("float[1,3] noise, float[1,2] cond", None),
        ("float[b,1,3,1] noise, float[b,2] cond", "flat = Reshape (noise, rows)"),
        ("float[b,3] noise, float[b,f] cond", None),
        ("double[b,3] noise, float[b,2] cond", "flat = Cast <to = 1> (noise)"),
    ],
    ids=["turned", "unnamed", "fixed-batch", "batch-1", "image-noise", "open-length", "double"],
)
def test_inputs_are_told_by_their_shapes(write, simulator, conditions, inputs, noise):
    text = text_of(inputs, "float[b,6,4] image", *([noise] if noise else []))
    sim = simulator(f"onnx-photons:{write(text)}")
    found = sim.generate(conditions[:20], seed=2)
    np.testing.assert_allclose(found, expected(conditions[:20], noise_of(2, 20)), rtol=1e-5)


def test_noise_of_an_images_shape(write, simulator, conditions):
    text = """<ir_version: 9, opset_import: ["" : 17]> g
        (float[b,1,h,w] x, float[b,2] c) => (float[b,1,h,w] y)
        { m = ReduceSum <keepdims = 0> (c)
          a = Abs (x)
          y = Identity (a) }"""
    found = simulator(f"onnx-photons:{write(text)}").generate(conditions[:9], seed=3)
    np.testing.assert_allclose(found, np.abs(noise_of(3, 9, 24)).reshape(9, 6, 4), rtol=1e-5)


@pytest.mark.parametrize(
    ("names", "conditions", "guessed"),
    [
        (("z", "cond"), "cond", False),
        (("features", "latent_vector"), "features", False),
        (("c", "z"), "c", False),
        (("input_1", "particle"), "particle", False),
        (("input_1", "input_2"), "input_2", True),
        (("noise_a", "noise_b"), "noise_b", True),
    ],
)
def test_inputs_of_one_shape_are_told_by_name_or_o2s_order(toy, names, conditions, guessed):
    inputs = recognise([Port(name, "tensor(float)", (None, 2)) for name in names], toy.detector)
    assert inputs.conditions == conditions
    assert {inputs.noise, inputs.conditions} == set(names)
    assert (inputs.note is not None) == guessed
    if guessed:
        assert "by their order" in inputs.note


@pytest.mark.parametrize(
    ("ports", "found"),
    [
        ([("x", "tensor(float)", (None, 5))], r"found x float \(any, 5\)$"),
        ([], "found none"),
        ([("z", "tensor(float)", (None, 3)), ("c", "tensor(int64)", (None, 2))], r"c int64 \(any, 2\)"),
        ([("z", "tensor(float)", (None, 3)), ("c", "tensor(float)", (None, 4))], r"c float \(any, 4\)"),
        ([("z", "tensor(float)", (None, None)), ("c", "tensor(float)", (None, 2))], r"z float \(any, any\)"),
        ([("z", "tensor(float)", (3,)), ("c", "tensor(float)", (2,))], r"z float \(3\)"),
        (
            [(name, "tensor(float)", (None, 2)) for name in "abc"],
            r"a float \(any, 2\), b float \(any, 2\), c float \(any, 2\)",
        ),
    ],
)
def test_other_inputs_are_named_and_what_was_expected(toy, ports, found):
    wanted = r"noise \(batch, k\) or \(batch, 1, 6, 4\) and conditions \(batch, 2\); .*"
    with pytest.raises(ValueError, match=wanted + found):
        recognise([Port(*each) for each in ports], toy.detector)


def test_two_batch_sizes_are_refused(toy):
    ports = [Port("z", "tensor(float)", (4, 3)), Port("c", "tensor(float)", (8, 2))]
    with pytest.raises(ValueError, match=r"one batch size for both inputs; found z float \(4, 3\)"):
        recognise(ports, toy.detector)


def test_the_output_is_declared_by_name_or_metadata(write, simulator, conditions):
    wanted = expected(conditions, noise_of(4, 300))
    for spec, photons in (
        (f"onnx-photons:{write(name='a.onnx')}", wanted),
        (f"onnx:{write(name='b.onnx', output='photons')}", wanted),
        (f"onnx:{write(name='c.onnx', output='log1p')}", np.expm1(wanted)),
    ):
        sim = simulator(spec)
        assert sim.notes == ()
        np.testing.assert_allclose(sim.generate(conditions, seed=4), photons, rtol=2e-5)
    with pytest.raises(ValueError, match="declare the output log1p, but it is asked for as photons"):
        simulator(f"onnx-photons:{write(output='log1p')}")
    with pytest.raises(ValueError, match="declare the output 'probability'; expected log1p or photons"):
        simulator(f"onnx:{write(output='probability')}")


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("image = Reshape (r, shape)", "log(1 + photons)"),
        ("k = Floor (r)\nimage = Reshape (k, shape)", "photons"),
        ("k = Exp (r)\nl = Exp (k)\nimage = Reshape (l, shape)", "photons"),
        ("k = Floor (r)\none = Constant <value_float = 1.0> ()\nt = Add (k, one)\nl = Log (t)\n"
         "image = Reshape (l, shape)", "log(1 + photons)"),
    ],
)  # fmt: skip
def test_an_undeclared_output_is_guessed_and_marked(write, simulator, end, kind):
    sim = simulator(f"onnx:{write(text_of(DEFAULT, end=end))}")
    assert sim.notes == (f"output taken for {kind}, undeclared",)


def test_a_wrong_guess_is_found_when_it_matters(write, simulator):
    sim = simulator(f"onnx:{write()}")
    with pytest.raises(ValueError, match=r"the output reaches .*, too much for .*onnx-photons:FILE"):
        sim.generate(np.float32([[900, 0]]), seed=1)


def test_negative_values_become_zero_and_whole_numbers_stay_whole(write, simulator):
    text = text_of(DEFAULT, end="z = Constant <value_float = 0.6931472> ()\nu = Sub (r, r)\nv = Add (u, z)\n"
                                "image = Reshape (v, shape)")  # fmt: skip
    assert set(simulator(f"onnx-log1p:{write(text)}").generate(np.ones((3, 2), np.float32), seed=1).flat) == {
        1
    }
    below = text_of(DEFAULT, end="v = Neg (r)\nimage = Reshape (v, shape)")
    for kind in ("log1p", "photons"):
        assert (
            not simulator(f"onnx-{kind}:{write(below)}").generate(np.ones((3, 2), np.float32), seed=1).any()
        )


def test_images_that_seem_transposed_are_marked(write, simulator):
    text = text_of(DEFAULT, "float[b,4,6] image", end="turned = Constant <value_ints = [-1,4,6]> ()\n"
                                                      "image = Reshape (r, turned)")  # fmt: skip
    sim = simulator(f"onnx-photons:{write(text)}")
    assert sim.notes == ("images declared as 4 x 6 are read row by row as 6 x 4",)


@pytest.mark.parametrize("output", ["no shape", "open sides"])
def test_the_output_need_not_be_declared_in_full(write, simulator, conditions, output):
    model = onnx.parser.parse_model(text_of(DEFAULT, "float[b,h,w] image"))
    if output == "no shape":
        model.graph.output[0].type.tensor_type.ClearField("shape")
    path = write()
    path.write_bytes(model.SerializeToString())
    found = simulator(f"onnx-photons:{path}").generate(conditions, seed=2)
    np.testing.assert_allclose(found, expected(conditions, noise_of(2, 300)), rtol=1e-5)


def test_negative_dimensions_are_the_batch(write, simulator, conditions):
    model = onnx.parser.parse_model(text_of(DEFAULT))
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = -1
    path = write()
    path.write_bytes(model.SerializeToString())
    found = simulator(f"onnx-photons:{path}").generate(conditions, seed=2)
    np.testing.assert_allclose(found, expected(conditions, noise_of(2, 300)), rtol=1e-5)


def test_random_operators_follow_the_seed(write, simulator, conditions):
    text = text_of(DEFAULT, end="u = RandomUniformLike (r)\nv = Add (r, u)\nimage = Reshape (v, shape)")
    sim = simulator(f"onnx-photons:{write(text)}")
    first = sim.generate(conditions, seed=1)
    other = sim.generate(conditions, seed=2)
    np.testing.assert_array_equal(sim.generate(conditions, seed=1), first)
    added = [each - expected(conditions, noise_of(seed, 300)) for seed, each in ((1, first), (2, other))]
    assert 0.45 < added[0].mean() < 0.55
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.1


def test_what_it_was_trained_on_if_it_tells(write, simulator):
    told = {"dataset": "abc", "split": "particle", "split_seed": 3, "test_fraction": 0.2}
    sim = simulator(f"onnx-log1p:{write(**{'simbench.trained_on': json.dumps(told)})}")
    assert (sim.trained_on.dataset, sim.trained_on.split_seed, sim.trained_on.particles) == ("abc", 3, None)
    with pytest.raises(ValueError, match=r"metadata simbench.trained_on cannot be read: '\{\}'"):
        simulator(f"onnx-log1p:{write(**{'simbench.trained_on': '{}'})}")


def test_labels_differ_and_hold_no_separator(write, toy, made):
    paths = [write(name=f"{folder}/generator.onnx") for folder in "ab"]
    odd = write(name="m@x.onnx")
    specs = [f"onnx:{path}" for path in (*paths, paths[0], odd)]
    models = parse_models(made, [",".join(specs)], Context(toy.detector))
    labels = [model.label for model in models]
    assert labels == ["onnx:generator.onnx", f"onnx:{paths[1]}", "onnx:m_x.onnx"]


def test_the_factory_travels_and_notices_a_changed_file(write, toy, made):
    path = write()
    path.with_name("scales.txt").write_text("#means\n1\n2\n#scales\n4\n8\n")
    model = find_model(made, f"onnx:{path}")
    again = pickle.loads(pickle.dumps(model))
    assert (again.offer.name, again.offer.factory.args) == (model.offer.name, model.offer.factory.args)
    write(output="log1p")
    with pytest.raises(ValueError, match=r"generator.onnx has changed since the run began"):
        again.offer.factory(Context(toy.detector))
    assert find_model(made, f"onnx:{path}").source.version != model.source.version


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("onnx:no.onnx", "cannot read no.onnx: No such file"),
        ("onnx:", "cannot read a file of no name"),
        ("onnx:.", "cannot read .: Is a directory"),
        ("onnx:generator.onnx@no.txt", "cannot read the scales no.txt: No such file"),
        ("onnx-rates:generator.onnx", "unknown model 'onnx-rates:generator.onnx'"),
    ],
)
def test_what_is_wrong_in_the_spec_is_the_users(write, made, monkeypatch, tmp_path, spec, message):
    write()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        find_model(made, spec)


def outside(model, place):
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("../secret.bin", "refers to ../secret.bin, which is outside its folder"),
        ("/etc/passwd", "refers to /etc/passwd, which is outside its folder"),
        ("link.bin", "refers to link.bin, which is outside its folder"),
        ("weights.bin", "keeps weights in weights.bin, which is not beside it"),
    ],
)
def test_data_in_other_files_stay_in_the_folder(simulator, tmp_path, place, message):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(288))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = onnx.parser.parse_model(text_of(DEFAULT))
    outside(model, place)
    (folder / "g.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=message):
        simulator(f"onnx-log1p:{folder / 'g.onnx'}")


def test_data_beside_the_file_belong_to_it(simulator, tmp_path):
    model = onnx.parser.parse_model(text_of(DEFAULT))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    onnx.save(model, tmp_path / "g.onnx", save_as_external_data=True, location="w.bin", size_threshold=100)
    first = simulator(f"onnx-log1p:{tmp_path / 'g.onnx'}").fingerprint
    content = bytearray((tmp_path / "w.bin").read_bytes())
    content[8] ^= 1
    (tmp_path / "w.bin").write_bytes(content)
    assert simulator(f"onnx-log1p:{tmp_path / 'g.onnx'}").fingerprint != first


def bad_files(write, tmp_path):
    good = write().read_bytes()
    yield good[: len(good) // 2], "is no ONNX file, or is damaged"
    yield b"", "holds no graph with an output"
    yield b"PK\x03\x04 no model at all", "is no ONNX file, or is damaged"
    yield write(text_of(DEFAULT, end="image = Mystery (r)")).read_bytes(), "cannot load .*Mystery"
    custom = text_of(DEFAULT, end="image = own.Op (r)").replace('"" : 17', '"" : 17, "own" : 1')
    yield write(custom).read_bytes(), "cannot load .*own"
    whole = text_of(DEFAULT, "int64[b,6,4] image", end="i = Cast <to = 7> (r)\nimage = Reshape (i, shape)")
    yield write(whole).read_bytes(), r"expected real numbers .* image int64 \(any, 6, 4\)"
    end = "three = Constant <value_ints = [-1,4,3]> ()\nimage = Reshape (r, three)"
    small = text_of(DEFAULT, "float[b,4,3] image", end=end)
    yield write(small).read_bytes(), r"expected real numbers \(batch, 6, 4\) .* image float \(any, 4, 3\)"
    hidden = text_of(DEFAULT, "float[b,c] image", end="places = NonZero (r)\nimage = Cast <to = 1> (places)")
    yield write(hidden).read_bytes(), r"found \(2, 1536\) for 64 rows"
    baked = text_of(DEFAULT, end="one = Constant <value_ints = [1,6,4]> ()\nimage = Reshape (r, one)")
    yield write(baked).read_bytes(), "onnxruntime cannot run it: .*Reshape"


def test_bad_files_are_one_line_each_and_leave_the_others(write, tmp_path, toy, cli_with, toy_file):
    specs, messages = [], []
    for number, (content, message) in enumerate(bad_files(write, tmp_path)):
        path = tmp_path / f"bad{number}.onnx"
        path.write_bytes(content)
        specs.append(f"onnx:{path}")
        messages.append(message)
    few = tmp_path / "few.txt"
    few.write_text("#means\n1\n#scales\n1\n")
    specs.append(f"onnx:{write()}@{few}")
    messages.append("expected scales of the 2 conditions of toy, found 1")
    nan = write(text_of(DEFAULT, end="m = Neg (r)\nl = Log (m)\nimage = Reshape (l, shape)"), "nan.onnx")
    specs.append(f"onnx-photons:{nan}")
    messages.append("finite values >= 0, found a NaN or infinite one at")
    call = cli_with(toy.offer("flat"))
    out = tmp_path / "out"
    asked = ("--detector", "toy", "--data", toy_file, "--runs", 1, "--out", out, "--quiet")
    status, _, err = call("run", "--models", ",".join(["flat", *specs]), *asked)
    assert status == 1
    first, *entries = json.loads((out / "result.json").read_text())["models"]
    assert first["status"] == "ok"
    for entry, message in zip(entries, messages, strict=True):
        assert entry["status"] == "failed", message
        assert "\n" not in entry["error"]
        assert len(entry["error"]) < 600
        assert re.search(message, entry["error"]), entry["error"]
    assert "Traceback" not in err


def test_several_files_in_one_run_and_what_was_guessed_is_a_mark(write, toy, cli_with, toy_file, tmp_path):
    specs = [f"onnx:{write(name='a.onnx')}", f"onnx:{write(name='b.onnx', output='photons')}"]
    call = cli_with(toy.offer("flat"))
    asked = ("--detector", "toy", "--data", toy_file, "--runs", 2, "--out", tmp_path / "out", "--quiet")
    status, out, _ = call("run", "--models", ",".join([*specs, "flat"]), *asked)
    assert status == 0
    first, second, _ = json.loads((tmp_path / "out" / "result.json").read_text())["models"]
    guess = "output taken for log(1 + photons), undeclared"
    assert (first["name"], first["marks"]) == ("onnx:a.onnx", [guess])
    assert (second["name"], second["marks"]) == ("onnx:b.onnx", [])
    assert second["title"] == "ONNX model b.onnx, raw conditions"
    assert first["ws"]["mean"] != second["ws"]["mean"]
    assert guess in out


def test_a_worker_keeps_it_open_between_tasks(write, made, toy, conditions, monkeypatch):
    model = find_model(made, f"onnx-log1p:{write()}")
    weights = [model.offer.factory(Context(toy.detector)).fingerprint, None]
    opened = []
    start = OnnxSimulator.__init__
    monkeypatch.setattr(OnnxSimulator, "__init__", lambda *given: opened.append(given) or start(*given))
    runner = TaskRunner(made)
    for run in range(3):
        offer = pickle.loads(pickle.dumps(model.offer))
        key = ModelKey(model.label, offer.name, model.source, offer, None, "toy", 1, "cpu")
        reply = runner(Generate(key, run, 0, conditions, 1, np.zeros(0, np.int64), weights))
        assert len(reply.answer.sums) == 300
    assert len(opened) == 1


def test_a_file_in_a_cache_of_links(write, simulator, tmp_path, made):
    """As Hugging Face keeps files: links by name into a folder of contents."""
    for folder in ("blobs", "snapshot", "project"):
        (tmp_path / folder).mkdir()
    model = onnx.parser.parse_model(text_of(DEFAULT))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    project = tmp_path / "project" / "g.onnx"
    onnx.save(model, project, save_as_external_data=True, location="g.data", size_threshold=100)
    (project.parent / "scales.txt").write_text("#means\n1\n2\n#scales\n3\n4\n")
    names = {"g.onnx": "a1", "g.data": "b2", "scales.txt": "c3"}
    for name, blob in names.items():
        (tmp_path / "blobs" / blob).write_bytes((project.parent / name).read_bytes())
        (tmp_path / "snapshot" / name).symlink_to(f"../blobs/{blob}")
    (tmp_path / "linked.onnx").symlink_to("project/g.onnx")
    found = [
        f"onnx-photons:{path}"
        for path in (project, tmp_path / "snapshot" / "g.onnx", tmp_path / "linked.onnx")
    ]
    responses = [simulator(spec).generate(np.ones((3, 2), np.float32), seed=1) for spec in found]
    for other in responses[1:]:
        np.testing.assert_array_equal(responses[0], other)
    titles = [find_model(made, spec).offer.title for spec in found]
    assert titles[1] == "ONNX model g.onnx, conditions scaled by scales.txt"
    assert titles[2] == "ONNX model linked.onnx, conditions scaled by scales.txt"


FLAT = "float[b,24] image"


@pytest.mark.parametrize(
    ("output", "end", "said"),
    [
        ("float[p,b] image", "image = Transpose (r)", "has the batch on axis 1"),
        ("float[b,24] image", "order = Constant <value_ints = [1,0]> ()\n"
         "one = Constant <value_ints = [-1]> ()\nlast = Constant <value_ints = [-9999]> ()\n"
         "first = Constant <value_ints = [-1]> ()\nzero = Constant <value_ints = [0]> ()\n"
         "image = Slice (r, first, last, zero, one)", "not in the order of the conditions"),
    ],
)  # fmt: skip
def test_rows_in_another_order_are_refused(write, simulator, output, end, said):
    with pytest.raises(ValueError, match=said):
        simulator(f"onnx-photons:{write(text_of(DEFAULT, output, end=end))}")


def test_faults_are_marks_and_refused_by_the_check(write, simulator, made, toy, conditions):
    mean = "zero = Constant <value_ints = [0]> ()\nm = ReduceMean <axes = [0]> (r)\nimage = Add (r, m)"
    seeded = "u = RandomUniformLike <seed = 7.0> (r)\nimage = Add (r, u)"
    below = "one = Constant <value_float = 5.0> ()\nimage = Sub (r, one)"
    for end, said in (
        (mean, "depends on the others"),
        (seeded, "spread between runs is unknown"),
        (below, NEGATIVE),
    ):
        spec = f"onnx-photons:{write(text_of(DEFAULT, FLAT, end=end))}"
        sim = simulator(spec)
        sim.generate(conditions, seed=1)
        assert said in sim.notes[-1]
        subject = Subject(lambda spec=spec: simulator(spec), toy.detector, conditions[:64])
        errors = {name: error for name, _, error in verdicts(subject) if error}
        assert said in errors["notes"]


def test_what_is_found_while_generating_is_a_mark(write, cli_with, toy, toy_file, tmp_path):
    below = "one = Constant <value_float = 5.0> ()\nimage = Sub (r, one)"
    path = write(text_of(DEFAULT, FLAT, end=below))
    for _ in range(2):  # and again when resumed
        result = toy.run(
            toy.registry(toy.offer("flat")), toy_file, tmp_path, models=(f"onnx-photons:{path}",), runs=1
        )
        assert result["models"][0]["marks"] == [NEGATIVE]


@pytest.mark.parametrize("kind", ["log1p", "photons"])
def test_minus_infinity_is_refused(write, simulator, kind):
    text = text_of(DEFAULT, FLAT, end="z = Sub (r, r)\nimage = Log (z)")
    with pytest.raises(ValueError, match="the output is -inf in response 0"):
        simulator(f"onnx-{kind}:{write(text)}").generate(np.ones((3, 2), np.float32), seed=1)


def test_conditions_that_do_not_fit_are_named(write, simulator):
    half = "float[b,3] noise, float16[b,2] half"
    text = text_of(
        half, FLAT, noise="flat = Identity (noise)\ncond = Cast <to = 1> (half)", end="image = Identity (r)"
    )
    sim = simulator(f"onnx-photons:{write(text)}")
    with pytest.raises(ValueError, match=r"the condition angle of row 1 is as float16, inf, from 70000"):
        sim.generate(np.float32([[1, 1], [1, 70000]]), seed=1)
    with pytest.raises(ValueError, match=r"the condition energy of row 0 is nan"):
        sim.generate(np.float32([[np.nan, 1]]), seed=1)


def test_conditions_with_the_batch_last_are_no_conditions(toy):
    ports = [Port("noise", "tensor(float)", (None, 3)), Port("cond", "tensor(float)", (2, None))]
    with pytest.raises(ValueError, match="expected two inputs of real numbers"):
        recognise(ports, toy.detector)
