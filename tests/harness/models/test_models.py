"""Models that a user keeps in a file: FILE.py:CLASS."""

import json
import pickle
import re
import sys

import numpy as np
import pytest

from simbench.harness.errors import UserError
from simbench.harness.hooks import Context
from simbench.harness.models.names import find_model, parse_models

pytestmark = pytest.mark.slow

SOURCE = """
import numpy as np
from dataclasses import dataclass

@dataclass
class Even:
    context: object

    def generate(self, conditions, *, seed):
        height, width = self.context.detector.shape
        generator = np.random.default_rng(seed)
        return (2 * generator.poisson(1.0, (len(conditions), height, width))).astype(np.int32)

class Ones:
    def generate(self, conditions, *, seed):
        return np.ones((len(conditions), 6, 4), np.float32)

def make_ones():
    return Ones()

def make_even(context):
    return Even(context)

ready = Ones()
number = 5

class Needs:
    def __init__(self, context, scale):
        pass
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def made(toy):
    return toy.registry(toy.offer("flat"))


@pytest.fixture
def parse(made, toy):
    return lambda *specs: parse_models(made, specs, Context(toy.detector))


@pytest.mark.parametrize("name", ["Even", "Ones", "make_ones", "make_even"])
def test_a_class_or_function_of_a_file_makes_a_simulator(toy, file, parse, name):
    (model,) = parse(f"{file}:{name}")
    assert model.label == model.offer.name == f"mine.py:{name}"
    simulator = model.offer.factory(Context(toy.detector))
    assert simulator.generate(np.ones((3, 2), np.float32), seed=1).shape == (3, 6, 4)


def test_a_file_is_not_run_until_the_simulator_is_made(toy, tmp_path, parse, monkeypatch):
    path = tmp_path / "loud.py"
    path.write_text("from pathlib import Path\nPath('ran').touch()\ndef make():\n    return Path\n")
    monkeypatch.chdir(tmp_path)
    (model,) = parse("loud.py:make")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(TypeError, match=r"make gives type, which has no generate\(conditions"):
        model.offer.factory(Context(toy.detector))
    assert (tmp_path / "ran").exists()
    assert not list(tmp_path.glob("__pycache__"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no.py:Even", "cannot read no.py: No such file"),
        ("mine.py:Odd", "mine.py defines no Odd; it defines Even, Ones, make_ones, make_even, Needs"),
        ("mine.py", "expected FILE.py:CLASS; it defines Even"),
        ("mine.py:", "expected FILE.py:CLASS"),
        ("mine.py:Even.generate", "defines no Even.generate"),
        ("mine.py:generate", "defines no generate"),
        ("mine.py:print", "defines no print"),
        ("mine.py:Even@nowhere", "no folder of weights at nowhere"),
        (".", "unknown model '.'"),
        ("", "unknown model ''"),
    ],
)
def test_what_is_wrong_in_the_spec_is_the_users(file, parse, monkeypatch, spec, message):
    monkeypatch.chdir(file.parent)
    with pytest.raises(UserError, match=message):
        parse(spec)


def test_a_folder_is_no_file(tmp_path, parse):
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UserError, match=r"cannot read .*folder.py: Is a directory"):
        parse(f"{tmp_path / 'folder.py'}:Even")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("ready", TypeError, "ready should be a class or a function, found Ones"),
        ("number", TypeError, "found int"),
        ("Needs", TypeError, "scale"),
    ],
)
def test_what_is_wrong_in_the_class_is_the_models(toy, file, parse, name, error, message):
    (model,) = parse(f"{file}:{name}")
    with pytest.raises(error, match=message):
        model.offer.factory(Context(toy.detector))


def test_a_class_from_a_star_import_is_looked_for_when_run(toy, tmp_path, parse):
    path = tmp_path / "star.py"
    path.write_text("from collections import *\n")
    (model,) = parse(f"{path}:Missing")
    with pytest.raises(ValueError, match=r"star.py defines no Missing when it is run"):
        model.offer.factory(Context(toy.detector))


def test_a_file_has_weights_like_any_model(toy, file, parse, tmp_path):
    (tmp_path / "weights").mkdir()
    (model,) = parse(f"{file}:Even@{tmp_path / 'weights'}")
    assert model.weights == tmp_path / "weights"
    assert model.label == f"mine.py:Even@{tmp_path / 'weights'}"


def test_labels_differ_and_hold_no_separator(toy, tmp_path, parse):
    paths = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(SOURCE)
    odd = tmp_path / "m@x.py"
    odd.write_text(SOURCE)
    models = parse(
        f"{paths[0]}:Ones,{paths[1]}:Ones", f"{tmp_path}/a/../a/mine.py:Ones", f"{odd}:Ones", "flat"
    )
    labels = [model.label for model in models]
    assert labels == ["mine.py:Ones", f"{paths[1]}:Ones", "m_x.py:Ones", "flat"]
    assert models[0].offer.name == models[1].offer.name  # the same code gives the same responses


def test_the_version_is_the_files_content(file, made):
    first = find_model(made, f"{file}:Ones").source
    assert first.name == "mine.py"
    file.write_text(SOURCE + "\n")
    assert find_model(made, f"{file}:Ones").source.version != first.version
    file.write_text(SOURCE)
    assert find_model(made, f"{file}:Ones").source == first


def test_a_file_that_changes_before_it_is_run_is_refused(toy, file, made):
    model = find_model(made, f"{file}:Ones")
    file.write_text(SOURCE + "\n# later\n")
    with pytest.raises(ValueError, match="has changed since the run began"):
        model.offer.factory(Context(toy.detector))


def test_the_factory_travels_to_another_process(toy, file, made, monkeypatch):
    model = pickle.loads(pickle.dumps(find_model(made, f"{file}:Even")))
    for name in [name for name in sys.modules if name.startswith("simbench_file_")]:
        monkeypatch.delitem(sys.modules, name)
    simulator = model.offer.factory(Context(toy.detector))
    assert simulator.generate(np.ones((0, 2), np.float32), seed=1).shape == (0, 6, 4)


# From here on, the command line.

BROKEN = {
    "imports.py": ("import no_such_package\nclass Sim: pass\n", "ModuleNotFoundError: .*\\(imports.py:1\\)"),
    "syntax.py": ("class Sim:\n    def (\n", "SyntaxError: .*\\(syntax.py, line 2\\)"),
    "exits.py": ("class Sim: pass\nraise SystemExit(3)\n", "SystemExit: 3 \\(exits.py:2\\)"),
    "raises.py": (
        "import numpy as np\nclass Sim:\n    def generate(self, conditions, *, seed):\n"
        "        return np.concatenate([])\n",
        "ValueError: .*\\(raises.py:4\\)",
    ),
}


@pytest.fixture
def score(cli_with, toy, toy_file, tmp_path):
    call = cli_with(toy.offer("flat"))

    def score(*models):
        asked = ("--models", ",".join(map(str, models)), "--detector", "toy", "--data", toy_file)
        status, out, err = call("run", *asked, "--runs", 2, "--out", tmp_path / "out", "--quiet")
        result = tmp_path / "out" / "result.json"
        return status, json.loads(result.read_text())["models"] if result.exists() else None, out, err

    return score


def test_files_that_fail_leave_the_others(score, tmp_path):
    for name, (text, _) in BROKEN.items():
        (tmp_path / name).write_text(text)
    status, (flat, *broken), out, err = score("flat", *(f"{tmp_path / name}:Sim" for name in BROKEN))
    assert status == 1
    assert flat["status"] == "ok"
    for (name, (_, message)), entry in zip(BROKEN.items(), broken, strict=True):
        assert (entry["name"], entry["status"]) == (f"{name}:Sim", "failed")
        assert re.search(message, entry["error"]), entry["error"]
        assert entry["plugin"]["version"].startswith("sha256:")
        assert f"{name}:Sim" in out
    assert "Traceback" not in err


def test_a_wrong_spec_ends_the_run_before_it_begins(score, tmp_path):
    status, models, _, err = score("flat", f"{tmp_path / 'no.py'}:Sim")
    assert (status, models) == (2, None)
    assert err.startswith("simbench: error: model ")
    assert err.count("\n") == 1


def test_a_changed_file_is_scored_again_and_an_unchanged_one_is_not(score, file, tmp_path):
    def written():
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "units").glob("mine*.npz")}

    spec = f"{file}:Even"
    status, (first,), out, _ = score(spec)
    assert status == 0
    assert "mine.py:Even" in out
    before = written()
    assert len(before) == 2
    file.touch()
    _, (same,), _, _ = score(spec)
    assert (same["ws"], same["plugin"], written()) == (first["ws"], first["plugin"], before)
    file.write_text(SOURCE.replace("2 * generator", "9 * generator"))
    _, (changed,), _, _ = score(spec)
    assert changed["ws"]["mean"] > 2 * first["ws"]["mean"]
    assert changed["plugin"]["version"] != first["plugin"]["version"]
