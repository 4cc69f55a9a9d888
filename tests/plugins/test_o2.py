"""Our models as O2 takes them: exported, and run by what O2's sources say, written here once more."""

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.sums import Projection
from simbench.harness.hooks import Context
from simbench.harness.models.names import find_model
from simbench.harness.o2.path import O2Path
from simbench.harness.run import latency

pytestmark = pytest.mark.slow

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module", params=[("proton", "gan"), ("neutron", "expertsim-3")], ids="-".join)
def exported(request, command, tmp_path_factory, ours):
    name, model = request.param
    folder = tmp_path_factory.mktemp("o2") / model
    assert command("export", model, "--detector", name, "--to", folder) == 0
    detector = ours.detectors[name]
    return folder, detector, ours.simulators[model].factory(Context(detector, engine="torch")), model


def hits(folder, conditions, detector):
    """Sums of PMTc and the four towers of each particle, with nothing of simbench."""
    lines = (folder / "scales.txt").read_text().split("\n")
    start = lines.index("#means") + 1
    means = np.array([float(line) for line in lines[start : start + 9]], np.float32)
    assert lines[start + 9] == ""
    assert lines[start + 10] == "#scales"
    scales = np.array([float(line) for line in lines[start + 11 : start + 20]], np.float32)
    session = runtime.InferenceSession(str(folder / "generator.onnx"), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    outputs = [each.name for each in session.get_outputs()]
    assert len(names) == 2
    assert len(outputs) == 1
    units = np.array([1, 1, 1, 1, 1, 1, 1, 1000, 3], np.float32)  # mass in MeV, charge in thirds
    nx = detector.shape[0]
    generator = np.random.default_rng(11)
    sums = np.zeros((len(conditions), 5), np.int64)
    for row, particle in enumerate(conditions):
        scaled = (particle * units - means) / scales
        noise = generator.standard_normal((1, 10)).astype(np.float32)
        values = session.run(outputs, dict(zip(names, (noise, scaled[None]), strict=True)))[0]
        assert values.dtype == np.float32
        flat = values.reshape(-1)
        for place in np.flatnonzero(flat):
            photons = int(np.expm1(flat[place]))
            x, y = place % nx, place // nx
            if (x + y) % 2 == 0:
                channel = 0
            elif detector.name == "proton":
                channel = 1 + int(4 * x / 56)
            else:
                channel = 1 + (x >= 22) + 2 * (y >= 22)
            sums[row, channel] += photons
    return sums


def test_o2_gets_what_the_model_gives(exported):
    """Towers of the hardware's map, for particles of both sides."""
    folder, detector, simulator, _ = exported
    conditions = make_dataset(detector.name, particles=1500, repeats=1, seed=31).conditions
    assert 0.4 < (conditions[:, 6] > 0).mean() < 0.6
    found = hits(folder, conditions, detector)
    projection = Projection(detector)
    wanted = projection(simulator.generate(conditions, seed=4)).channels("hardware")
    assert (found.sum(axis=1) >= 1).all()
    for one, other in zip(found.T, wanted.T, strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-3


def test_a_particle_and_its_mirror_image_are_alike(exported):
    """O2 asks for both sides: the graph answers as if there were one."""
    folder, detector, _, _ = exported
    conditions = make_dataset(detector.name, particles=40, repeats=1, seed=32).conditions
    mirrored = conditions * np.array([1, 1, 1, -1, 1, 1, -1, 1, 1], np.float32)
    np.testing.assert_array_equal(hits(folder, conditions, detector), hits(folder, mirrored, detector))


def test_onnx_reads_it_back(exported, ours):
    folder, detector, simulator, _ = exported
    again = find_model(ours, f"onnx:{folder / 'generator.onnx'}").offer.factory(Context(detector))
    assert again.notes == ()
    conditions = make_dataset(detector.name, particles=1500, repeats=1, seed=33).conditions
    projection = Projection(detector)
    one, other = (projection(each.generate(conditions, seed=1)) for each in (again, simulator))
    for name in ("centre_x", "centre_y", "photon_sum"):
        place = [each.name for each in detector.observables].index(name)
        assert stats.ks_2samp(one.observables[:, place], other.observables[:, place]).pvalue > 1e-3


def test_the_check_scores_what_comes_of_it(exported, command, capsys):
    folder, detector, _, model = exported
    capsys.readouterr()
    files = ("--onnx", folder / "generator.onnx", "--scales", folder / "scales.txt")
    options = ("--detector", detector.name, "--limit", "400", "--runs", "3", "--quiet")
    assert command("o2", "check", *files, *options) == 0
    out = capsys.readouterr().out
    assert out.count("\nok ") == 8
    assert "FAILED" not in out
    for row in ("o2:generator.onnx", model, "mc"):
        assert re.search(rf"^{re.escape(row)} +[\d.]", out, re.MULTILINE)
    assert re.search(r"^ok +scores: WS after O2's path and of " + model, out, re.MULTILINE)
    assert "note    classifier: none is given" in out
    assert re.search(r"one particle on one thread: [\d.]+ ms .*s to load, \d+ MB of memory", out)


def test_a_wrong_export_is_named_and_scored_all_the_same(exported, command, capsys, tmp_path):
    folder, detector, _, model = exported
    plain = tmp_path / "plain"
    assert command("export", model, "--detector", detector.name, "--contract", "simbench", "--to", plain) == 0
    capsys.readouterr()
    options = ("--detector", detector.name, "--limit", "300", "--runs", "1", "--quiet")
    files = ("--onnx", plain / "generator.onnx", "--scales", plain / "scales.txt")
    assert command("o2", "check", *files, *options) == 1
    assert "std::stof: invalid argument" in capsys.readouterr().out
    files = ("--onnx", plain / "generator.onnx", "--scales", folder / "scales.txt")
    assert command("o2", "check", *files, *options) == 1
    out = capsys.readouterr().out
    assert "FAILED  pixel order" in out or detector.name == "proton"
    assert "FAILED" in out
    assert "o2:generator.onnx" in out


@pytest.fixture(scope="module")
def bundle(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "zdc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "CALLS", {1: 5, 100: 2, 10_000: 1})
        assert command("o2", "bundle", "--proton", "gan", "--neutron", "gan", "--to", folder) == 0
    return folder


def test_cards_of_a_bundle_tell_what_it_costs(bundle):
    for name in ("proton", "neutron"):
        card = (bundle / name / "MODEL_CARD.md").read_text()
        rows = re.findall(
            r"^\| (onnx, this graph|torch, simbench) \| \d+ ((?:\| [\d.,e+]+ )+)\|$", card, re.MULTILINE
        )
        assert {engine for engine, _ in rows} == {"onnx, this graph", "torch, simbench"}
        assert all(cells.count("|") == 8 for _, cells in rows)
        assert "cores were free" in card


FAULTS = {
    "cr": (
        lambda folder: rewritten(folder / "proton/scales.txt", b"\n", b"\r\n"),
        "nothing else, found b'#means",
    ),
    "blank": (
        lambda folder: rewritten(folder / "neutron/scales.txt", b"#scales", b"#scales "),
        "nothing else, found",
    ),
    "tiny": (lambda folder: rewritten(folder / "proton/scales.txt", b"1000.0", b"1e-46"), "out of range"),
    "no-empty-line": (
        lambda folder: rewritten(folder / "proton/scales.txt", b"\n\n", b"\n"),
        "invalid argument",
    ),
    "logits": (lambda folder: judged(folder, "Log"), "logarithms of odds"),
    "int64": (lambda folder: judged(folder, "Cast", to=7), "reads the first output as float32"),
}


def rewritten(path, old, new):
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


def judged(folder, operator, **attributes):
    """Another end for the classifier: an operator on its probability."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(folder / "classifier.onnx")
    output = model.graph.output[0]
    model.graph.node.append(onnx.helper.make_node(operator, [output.name], ["other"], **attributes))
    kind = attributes.get("to", onnx.TensorProto.FLOAT)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("other", kind, ["batch", 1]))
    onnx.save(model, folder / "classifier.onnx")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_bundle_is_named_before_anything_is_scored(bundle, command, capsys, tmp_path, fault):
    spoil, words = FAULTS[fault]
    copy = tmp_path / "zdc"
    shutil.copytree(bundle, copy)
    (copy / "SHA256SUMS").unlink()  # a bundle that somebody made by hand
    spoil(copy)
    capsys.readouterr()
    alone = ("--onnx", copy / "proton/generator.onnx", "--scales", copy / "proton/scales.txt")
    judge = ("--classifier", copy / "classifier.onnx", "--classifier-scales", copy / "classifier_scales.txt")
    if fault == "blank":
        alone = tuple(Path(str(part).replace("/proton/", "/neutron/")) for part in alone)
    detector = "neutron" if fault == "blank" else "proton"
    assert command("o2", "check", *alone, *judge, "--detector", detector, "--limit", "300", "--quiet") == 1
    out = capsys.readouterr().out
    (named,) = [line for line in out.splitlines() if line.startswith("FAILED")]
    assert words in named
    assert "How far from the floor" not in out


def test_a_bundle_is_whole(bundle, command, capsys):
    for line in (bundle / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest
    text = (bundle / "README.md").read_text()
    for part in ("useZDCFastSim=true", "ClassifierPath=", "ClassifierScales=", "maxAbsZTracking=1200"):
        assert part in text
    named = re.findall(r"(?:Path|Scales)(?:Neutron|Proton)?=([^;\"]+)", text)
    assert len(named) == 6
    assert all(Path(name).is_file() for name in named)
    capsys.readouterr()
    assert command("o2", "check", bundle, "--limit", "300", "--runs", "3", "--quiet") == 0
    out = capsys.readouterr().out
    assert "FAILED" not in out
    assert len(re.findall(r"^ok +classifier: a probability; 9\d\.\d % of 4000", out, re.MULTILINE)) == 2
    assert len(re.findall(r"^o2:generator.onnx +[\d.]", out, re.MULTILINE)) == 4


def test_the_bundle_answers_with_nothing_as_often_as_there_is_nothing(bundle, ours):
    """For raw particles, those of the other calorimeter too: efficiency within 3 % of the truth."""
    for name in ("proton", "neutron"):
        made = make_dataset(name, particles=400, repeats=8, seed=41)
        stream = made.stream
        path = O2Path(bundle / name / "generator.onnx", bundle / name / "scales.txt", ours.detectors[name])
        found = [path.generate(stream.conditions, seed=seed).any(axis=(1, 2)).mean() for seed in range(4)]
        assert np.mean(found) == pytest.approx(stream.hit.mean(), abs=0.03)


def test_damaged_bundles_are_refused(bundle, command, capsys, tmp_path):
    copy = tmp_path / "zdc"
    shutil.copytree(bundle, copy)
    with (copy / "proton" / "scales.txt").open("a") as file:
        file.write("\n")
    assert command("o2", "check", copy) == 2
    assert "scales.txt is not as SHA256SUMS says" in capsys.readouterr().err
    (copy / "classifier.onnx").unlink()
    assert command("o2", "check", copy) == 2
    assert "it lacks classifier.onnx" in capsys.readouterr().err
    assert command("o2", "bundle", "--proton", "gan", "--neutron", "gan", "--to", copy) == 2
    assert "--to should be a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "needs a bundle's folder, or --onnx"),
        (("--onnx", "a"), "needs a bundle's folder, or --onnx"),
        (("zdc", "--onnx", "a"), "not both"),
        (("--onnx", "a", "--scales", "b", "--classifier", "c"), "go together"),
        (("nowhere",), "nowhere is no bundle for O2: it lacks"),
    ],
)
def test_wrong_use_of_the_check_is_one_line(command, capsys, arguments, words):
    assert command("o2", "check", *arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_wrong_use(command, capsys, tmp_path):
    assert command("export", "gan", "--contract", "o3", "--to", tmp_path / "to") == 2
    assert "unknown contract 'o3'; known: o2, simbench" in capsys.readouterr().err
    files = ("--onnx", tmp_path / "no.onnx", "--scales", tmp_path / "no.txt")
    assert command("o2", "check", *files, "--detector", "calochallenge-electrons") == 2
    assert capsys.readouterr().err.count("\n") == 1
