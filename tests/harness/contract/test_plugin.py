"""``simbench plugin``: a new package runs and passes as it stands; a check tells what is amiss."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from simbench.harness.contract import scaffold
from simbench.harness.contract.scaffold import new_plugin
from simbench.harness.contract.suite import CHECKS
from simbench.harness.errors import UserError
from simbench.harness.plugin.registry import load

pytestmark = pytest.mark.slow


def test_a_package_of_three_files(toy, tmp_path):
    assert new_plugin(toy.registry(), "my-2nd-model", tmp_path) == tmp_path / "my-2nd-model"
    files = sorted(path.name for path in (tmp_path / "my-2nd-model").iterdir())
    assert files == ["pyproject.toml", "simbench_my_2nd_model.py", "test_simbench_my_2nd_model.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["my-2nd-model"]
    text = "".join((tmp_path / "my-2nd-model" / name).read_text() for name in files)
    assert "$" not in text
    assert "class My2ndModel:" in text
    assert "class TestMy2ndModel(SimulatorContract):" in text


@pytest.mark.parametrize("name", ["My", "my_model", "2nd", "-a", "a-", "a--b", "", "../a", "a b", "é"])
def test_a_name_that_is_no_name(toy, tmp_path, name):
    with pytest.raises(UserError, match="lower-case letters, digits and hyphens"):
        new_plugin(toy.registry(), name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("flat", "there is a model 'flat' already, of toys 1.2"), ("all", "simbench's own"), ("hep", "own")],
)
def test_a_name_that_is_taken(toy, tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        new_plugin(toy.registry(toy.offer("flat")), name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(toy, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        with pytest.raises(UserError, match=f"{name} is there already"):
            new_plugin(toy.registry(), name, tmp_path)
    assert list((tmp_path / "folder").iterdir()) == []
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_is_left_of_a_package_that_cannot_be_written(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold, "_files", lambda name: {"one.py": "", "no/such/folder.py": ""})
    with pytest.raises(UserError, match=r"cannot write .*my-model: No such file"):
        new_plugin(toy.registry(), "my-model", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A new package, installed beside simbench; runs commands in the folder above it."""
    folder = tmp_path_factory.mktemp("new")
    # The folder of another project, whose settings are none of the new package's business.
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--no-such-option"\n')
    environment = {**os.environ, "PYTHONPATH": str(folder / "site")}

    def run(*command):
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", *map(str, command)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    run.made = run("simbench.harness.cli", "plugin", "new", "my-model")
    run.folder = folder
    pip = ["pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    command = [sys.executable, "-m", *pip, "--no-build-isolation", "--target", "site", "./my-model"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return run


def test_new_tells_the_next_steps(installed):
    assert installed.made.returncode == 0, installed.made.stderr
    for step in (
        "pip install -e ./my-model",
        "plugin check my-model",
        "run --models my-model,mc",
        "pytest my",
    ):
        assert re.search(rf"^  .*{step}", installed.made.stdout, re.MULTILINE)


def embedded():
    """The detectors on which a model that serves any is checked: those with embedded data."""
    return {name for maker in load().datasets for name in maker.embedded}


def test_the_new_model_passes_every_check(installed):
    done = installed("simbench.harness.cli", "plugin", "check", "my-model")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my-model (my-model 0.1.0) on proton\n" in done.stdout
    assert "my-model (my-model 0.1.0) on neutron\n" in done.stdout
    assert done.stdout.endswith(f"all {len(embedded()) * len(CHECKS)} checks passed\n")


def test_the_test_of_the_new_package_passes(installed):
    done = installed("pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "my-model")
    assert done.returncode == 0, done.stdout
    assert f"{len(embedded()) * len(CHECKS)} passed" in done.stdout


def test_the_new_model_is_scored_beside_the_others(installed):
    data = ("data", "make", "--particles", "60", "--repeats", "4", "--out", "small.h5", "--quiet")
    assert installed("simbench.harness.cli", *data).returncode == 0
    asked = ("run", "--models", "my-model,mc", "--data", "small.h5", "--runs", "2", "--out", "out", "--quiet")
    done = installed("simbench.harness.cli", *asked)
    assert done.returncode == 0, done.stderr
    models = json.loads((installed.folder / "out" / "result.json").read_text())["models"]
    assert [model["name"] for model in models] == ["my-model", "mc"]
    assert models[0]["title"] == "My model"
    assert models[0]["ws"]["mean"] > models[1]["ws"]["mean"] > 0


# From here on, the check.


@pytest.fixture
def check(cli_with, toy):
    def nan(conditions, seed):
        return toy.flat(conditions, seed) * np.float32("nan")

    def fails(context):
        raise OSError("no weights")

    offers = [
        toy.offer("flat"),
        toy.offer("nan", nan),
        toy.offer("fails", factory=fails),
        toy.offer("every", detectors=None),
    ]
    call = cli_with(*offers)
    return lambda *arguments: call("plugin", "check", *arguments)


def test_all_is_well(check):
    status, out, err = check("flat")
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0] == "flat (toys 1.2) on toy"
    assert [line.split()[:2] for line in lines[1:-1]] == [[name, "ok"] for name in CHECKS]
    assert lines[-1] == f"all {len(CHECKS)} checks passed"


def test_what_fails_is_told_with_the_way_out(check):
    status, out, err = check("nan")
    assert (status, err) == (1, "")
    assert re.search(r"^  finite +FAILED  1536 of 1536 values are wrong.*; look for", out, re.MULTILINE)
    assert re.search(r"^  shape +ok ", out, re.MULTILINE)
    assert out.endswith(f" of {len(CHECKS)} checks failed\n")


def test_a_model_that_cannot_be_made(check):
    status, out, _ = check("fails")
    assert status == 1
    assert "  loads            FAILED  OSError: no weights (test_plugin.py:" in out
    assert out.endswith("1 of 1 checks failed\n")


def test_a_detector_may_be_chosen(check, toy_file):
    _, out, _ = check("every")
    assert re.findall(r" on (\w+)$", out, re.MULTILINE)[-1] == "toy"
    assert len(re.findall(r" on (\w+)$", out, re.MULTILINE)) == 3
    status, out, _ = check("every", "--detector", "toy", "--data", toy_file)
    assert status == 0
    assert re.findall(r" on (\w+)$", out, re.MULTILINE) == ["toy"]


def test_a_file_is_checked_too(check, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nclass Ones:\n    def generate(self, conditions, *, seed):\n"
        "        return np.ones((len(conditions), 6, 4), np.float32)\n"
    )
    status, out, _ = check(f"{tmp_path / 'mine.py'}:Ones", "--detector", "toy")
    assert status == 1
    assert out.startswith("mine.py:Ones (mine.py sha256:")
    assert "1 of " in out
    assert "other-seed       FAILED" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such"], "unknown model 'no-such'"),
        (["no.py:Sim"], "cannot read no.py"),
        (["flat", "--detector", "proton"], "model 'flat' does not serve detector 'proton'; it serves toy"),
        (["flat", "--detector", "no-such"], "unknown detector"),
        (["flat", "--data", "some.h5"], "name it with --detector"),
        (["flat", "--detector", "toy", "--data", "no.h5"], "no.h5"),
        (["flat@."], "name the detector that its weights are for"),
        (["flat@nowhere"], "no folder of weights at nowhere"),
        ([], "Missing argument"),
    ],
)
def test_wrong_use(check, arguments, message):
    status, out, err = check(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
