"""``simbench export --contract simbench``: what is written reproduces the simulator, and scores like it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from simbench.baselines.montecarlo import make_dataset
from simbench.harness.data.sums import Projection
from simbench.harness.errors import UserError
from simbench.harness.export.exporting import export
from simbench.harness.hooks import Context, Exported, SimulatorOffer, hookimpl
from simbench.harness.models.names import Model, find_model
from simbench.harness.plugin.registry import Source
from simbench.plugins import _exported

pytestmark = pytest.mark.slow

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

CASES = [("proton", "gan"), ("neutron", "expertsim-3")]


class Consumer:
    """What uses the files, written from their contract with nothing of simbench: all in float32."""

    def __init__(self, folder):
        lines = (folder / "scales.txt").read_text().splitlines()
        assert lines[0] == "#means"
        assert lines[10] == "#scales"
        assert len(lines) == 20
        self.means = np.array([float(line) for line in lines[1:10]], np.float32)
        self.scales = np.array([float(line) for line in lines[11:20]], np.float32)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        path = str(folder / "generator.onnx")
        self.session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [each.name for each in self.session.get_inputs()]  # by place, not by name
        assert [len(each.shape) for each in self.session.get_inputs()] == [2, 2]

    def run(self, noise, conditions, output=0):
        """An output for every row, flattened row by row, of one call."""
        scaled = (conditions - self.means) / self.scales
        name = self.session.get_outputs()[output].name
        values = self.session.run([name], dict(zip(self.inputs, (noise, scaled), strict=True)))[0]
        return values.reshape(len(noise), -1)

    def channels(self, noise, conditions, shape):
        """The five sums of each row: expm1, then PMTc and the quadrants (even-quadrants), then rounding."""
        photons = np.expm1(self.run(noise, conditions))
        sums = np.zeros((len(photons), 5), np.float32)
        rows, columns = shape
        for i in range(rows):
            for j in range(columns):
                channel = 0 if (i + j) % 2 else 1 + 2 * (i >= rows // 2) + (j >= columns // 2)
                sums[:, channel] += photons[:, i * columns + j]
        return np.rint(sums).astype(np.int64)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def exported(request, command, tmp_path_factory, ours):
    detector, model = request.param
    folder = tmp_path_factory.mktemp("exported") / model
    options = ("--detector", detector, "--contract", "simbench")
    assert command("export", model, *options, "--to", folder) == 0
    about = ours.detectors[detector]
    return folder, about, ours.simulators[model].factory(Context(about, engine="torch"))


@pytest.fixture(scope="module")
def fresh():
    return {name: make_dataset(name, particles=500, repeats=4, seed=77) for name in ("proton", "neutron")}


def test_three_files_are_written(exported):
    folder, _, _ = exported
    assert sorted(path.name for path in folder.iterdir()) == ["MODEL_CARD.md", "generator.onnx", "scales.txt"]
    assert list(folder.parent.iterdir()) == [folder]


def test_rates_are_the_simulators_whatever_the_batch(exported, fresh):
    folder, detector, simulator = exported
    conditions = fresh[detector.name].conditions[::8]
    noise = simulator._simulator.noise(len(conditions), 4)
    wanted = simulator._simulator.rates(conditions, noise).reshape(len(conditions), -1)
    consumer = Consumer(folder)
    together = consumer.run(noise, conditions, output=1)
    alone = np.concatenate([consumer.run(noise[i : i + 1], conditions[i : i + 1], 1) for i in range(20)])
    np.testing.assert_allclose(together, wanted, rtol=1e-4, atol=1e-10)
    np.testing.assert_allclose(alone, wanted[:20], rtol=1e-4, atol=1e-10)


def test_channel_sums_are_distributed_as_the_simulators(exported, fresh):
    folder, detector, simulator = exported
    conditions = fresh[detector.name].conditions
    noise = np.random.default_rng(5).standard_normal((len(conditions), 10)).astype(np.float32)
    found = Consumer(folder).channels(noise, conditions, detector.shape)
    projection = Projection(detector)
    wanted = projection(simulator.generate(conditions, seed=6)).channels("even-quadrants")
    assert (found.sum(axis=1) >= 1).all()
    for one, other in zip(found.T, wanted.T, strict=True):
        assert stats.ks_2samp(one, other).pvalue > 1e-3
    assert stats.ks_2samp(found.sum(axis=1), wanted.sum(axis=1)).pvalue > 1e-3


def test_it_scores_as_the_original(exported, fresh, ours):
    """WS through ``onnx:`` and of the original, over a few seeds each, within their spread."""
    folder, detector, simulator = exported
    again = find_model(ours, f"onnx:{folder / 'generator.onnx'}").offer.factory(Context(detector))
    data, projection = fresh[detector.name], Projection(detector)
    reference = projection(data.showers).channels(detector.default_channels)

    def score(model, seed):
        sums = projection(model.generate(data.conditions, seed=seed)).channels("expertsim")
        return np.mean([stats.wasserstein_distance(*pair) for pair in zip(sums.T, reference.T, strict=True)])

    scores = np.array([[score(model, seed) for seed in range(4)] for model in (again, simulator)])
    spread = np.hypot(*scores.std(axis=1, ddof=1)) / 2
    assert abs(np.subtract(*scores.mean(axis=1))) < 5 * spread + 0.02 * scores.mean()


def test_it_tells_what_it_was_trained_on_so_that_leaks_are_seen(exported, ours):
    folder, detector, simulator = exported
    again = find_model(ours, f"onnx:{folder / 'generator.onnx'}").offer.factory(Context(detector))
    told, wanted = again.trained_on, simulator.trained_on
    assert (told.dataset, told.split, told.split_seed) == (wanted.dataset, wanted.split, wanted.split_seed)
    assert again.notes == ()


def test_the_card_says_what_it_is(exported):
    folder, detector, simulator = exported
    card = (folder / "MODEL_CARD.md").read_text()
    parameters = sum(each.numel() for each in simulator._simulator.network.parameters())
    for text in (simulator.trained_on.dataset, f"{parameters:,}", "MIT", "it is not Geant", detector.title):
        assert text in card
    assert not re.search(r"None\b(?! given)|\.\.|  \n", card)


def test_the_example_of_the_card_runs(exported, fresh, monkeypatch):
    folder, detector, _ = exported
    card = (folder / "MODEL_CARD.md").read_text()
    code = "\n".join(line[4:] for line in card.splitlines() if line.startswith("    "))
    monkeypatch.chdir(folder)
    namespace = {"scaled": fresh[detector.name].conditions[:5]}
    exec(code, namespace)
    assert namespace["photons"].shape == (5, *detector.shape)


# From here on, what goes wrong.


def test_a_graph_that_does_not_agree_is_not_written(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_exported, "AGREEMENT", 0.0)
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "scales.txt").write_text("of before")
    assert command("export", "gan", "--to", tmp_path / "to") == 1
    out, err = capsys.readouterr()
    assert re.search(r"^FAILED  rates of 256 responses", out, re.MULTILINE)
    assert "nothing is written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["to"]
    assert [path.read_text() for path in (tmp_path / "to").iterdir()] == ["of before"]


def finished(detector, metrics, models):
    """The content of a ``result.json``."""
    protocol = {"detector": detector, "dataset": "0", "min_photons": 1, "split": "particle", "split_seed": 0}
    protocol |= {"limit": None, "channels": "expertsim", "test_fraction": 0.2, "chunk_size": 4096}
    return {
        "schema": 1,
        "protocol": {**protocol, "metrics": {name: about["version"] for name, about in metrics.items()}},
        "settings": {"seed": 0, "runs": 1},
        "dataset": {"test_responses": 1, "test_particles": 1},
        "metrics": metrics,
        "models": models,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mc",), "model 'mc' cannot be exported; these can: expertsim-2"),
        (("no-model",), "unknown model 'no-model'"),
        (("gan", "--detector", "no"), "unknown detector 'no'"),
        (("gan@nowhere",), "no folder of weights at nowhere"),
        (("gan", "--run", "nowhere"), "cannot read nowhere"),
        (("gan", "--run", "neutron"), "expected a run of detector 'proton', found 'neutron'"),
        (("gan", "--run", "other"), "expected scores of 'gan', found those of mc"),
        (("gan", "--run", "broken"), "is no result of this version"),
    ],
)
def test_wrong_use_is_one_line(command, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    for name, detector, models in (
        ("neutron", "neutron", []),
        ("other", "proton", ["mc"]),
        ("broken", "", None),
    ):
        (tmp_path / name).mkdir()
        entries = [{"name": model, "status": "ok", "error": None} for model in models or ()]
        result = finished(detector, {}, entries)
        (tmp_path / name / "result.json").write_text(json.dumps(result if models is not None else []))
    assert command("export", *arguments, "--to", "to") == 2
    _, err = capsys.readouterr()
    assert err.startswith("simbench: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "to").exists()


def test_a_file_in_the_folders_place_is_found_before_the_work(command, tmp_path, capsys):
    (tmp_path / "to").write_text("mine")
    assert command("export", "gan", "--to", tmp_path / "to") == 2
    assert "--to should be a folder, found the file" in capsys.readouterr().err
    assert (tmp_path / "to").read_text() == "mine"


def test_an_exporter_that_fails_is_one_line(ours, tmp_path):
    def fail(context, conditions):
        raise RuntimeError("no graph\ntoday")

    offer = replace(ours.simulators["mc"], exporter=fail)
    model = Model("mc", offer, Source("p", "1"))
    with pytest.raises(
        UserError, match=r"^cannot export mc: RuntimeError: no graph today \(test_export.py:\d+\)$"
    ):
        export(ours, model, ours.detectors["proton"], tmp_path / "to", None)
    assert list(tmp_path.iterdir()) == []


def test_scores_of_a_run_come_into_the_card(ours, tmp_path, capsys, command, monkeypatch):
    """With an exporter of another package, whose graph is that of an export."""
    graph = _toy_graph()

    class Sevens:
        def generate(self, conditions, *, seed):
            return np.full((len(conditions), 56, 30), 7, np.int32)

    def make_graph(context, conditions):
        return Exported(graph, 3, (1.0,) * 9, (2.0,) * 9, (), {"kind": "constant"}, ("It is always 7.",))

    class Plugin:
        @hookimpl
        def simbench_simulators(self):
            make = lambda context: Sevens()  # noqa: E731
            yield SimulatorOffer("sevens", "Sevens", make, ("proton",), exporter=make_graph)

    from simbench.harness.cli.common import plugins
    from simbench.harness.plugin import registry

    def load():
        made = registry.load()
        made.add(Plugin(), Source("sevens", "1"))
        return made

    monkeypatch.setattr(plugins, "load", load)
    models = [
        {"name": name, "status": "ok", "error": None, "ws": {"mean": mean, "std": std, "runs": [mean]}}
        for name, mean, std in (("gan", 9, 1), ("sevens", 3.25, 0.125), ("mc", 0.5, None))
    ]
    ws = {"title": "WS", "unit": "photons", "better": "lower", "version": 1}
    result = finished("proton", {"ws": ws}, models)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_text(json.dumps(result))
    options = ("--to", tmp_path / "to", "--run", tmp_path / "run")
    assert command("export", "sevens", *options) == 1  # O2 gives ten noise numbers, not three
    assert "FAILED" in capsys.readouterr().out
    assert not (tmp_path / "to").exists()
    assert command("export", "sevens", *options, "--contract", "simbench") == 0
    card = (tmp_path / "to" / "MODEL_CARD.md").read_text()
    assert "| metric | sevens | mc |\n|---|---|---|\n| WS (photons) | 3.25 ± 0.12 | 0.5 |" in card
    assert "- It is always 7." in card
    assert "Unknown." in card
    assert (tmp_path / "to" / "scales.txt").read_text().splitlines()[10:12] == ["#scales", "2.0"]
    assert "photon sums of 256 responses, mean 11760.0" in capsys.readouterr().out


def _toy_graph():
    import onnx

    text = """<ir_version: 8, opset_import: ["" : 18]>
        sevens (float[batch,3] noise, float[batch,9] conditions) => (float[batch,1680] image)
        <float ln8 = {2.0794415}>
        { rows = Shape <start = 0, end = 1> (noise)
          pixels = Constant <value_ints = [1680]> ()
          shape = Concat <axis = 0> (rows, pixels)
          image = Expand (ln8, shape) }"""
    return onnx.parser.parse_model(text).SerializeToString()
