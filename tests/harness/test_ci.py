"""The guide to CI: its commands are run as printed, and our own workflow guards our own models."""

import re
import shlex
import subprocess

import numpy as np
import pytest

from simbench import reports

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "ci.md").read_text(encoding="utf-8")


def simbench_commands(text):
    """The arguments of every ``simbench`` command that ``text`` has on a line, without redirections."""
    found = re.findall(r"^(?:\s*run: )?simbench ([^>\n]+)", text, re.MULTILINE)
    return [shlex.split(line.replace("proton", "toy")) for line in found]


def workflow_of(page):
    yaml = pytest.importorskip("yaml")  # comes with the tools for the documentation
    return yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to run in, without the pages of the runs: their figures take seconds."""
    monkeypatch.setattr(reports, "write", lambda *_: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMBENCH_CACHE", str(tmp_path / "cache"))


def test_the_commands_of_the_page_run_as_printed(page, place, toy, cli_with):
    commands = simbench_commands(page.partition("## What counts")[0])
    assert [command[0] for command in commands] == ["run", "run", "compare"]
    call = cli_with(toy.offer("my-model"))
    for command in commands:
        assert call(*command)[0] == 0


def test_the_example_lets_an_equal_model_pass_and_stops_a_worse_one(page, place, toy, cli_with):
    score, compare = simbench_commands(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])

    def worse(conditions, seed):
        return np.full((len(conditions), 6, 4), 500, np.int32)

    assert cli_with(toy.offer("my-model"))(*score[:-1], "scores/base")[0] == 0
    for generate, status in ((toy.flat, 0), (worse, 3)):
        call = cli_with(toy.offer("my-model", generate))
        assert call(*score, "--no-resume")[0] == 0
        found, out, _ = call(*compare)
        assert found == status
        assert out.startswith("### simbench compare: ")


def test_the_example_is_a_workflow_that_shows_the_comparison_even_if_it_fails(page):
    (job,) = workflow_of(page)["jobs"].values()
    steps = {step.get("name"): step for step in job["steps"]}
    assert list(steps)[-4:] == ["Score", "Compare", "Show", "Comment"]
    assert all("always()" in steps[name]["if"] for name in ("Show", "Comment"))
    assert "if" not in steps["Compare"]


def test_our_own_workflow_guards_our_own_models(root):
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((root / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))
    runs = [step.get("run") for step in workflow["jobs"]["checks"]["steps"]]
    assert "make guard" in runs


def make(root, *arguments):
    """What ``make`` would do or does; the virtual environment counts as installed."""
    command = ["make", "--dry-run", "--assume-old=.venv/.installed", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_guard_compares_with_the_reference_or_says_that_it_skips(root, tmp_path):
    assert "SKIPPED" in make(root, "guard", f"REFERENCE={tmp_path}")
    (tmp_path / "result.json").touch()
    shown = make(root, "guard", f"REFERENCE={tmp_path}")
    assert "SKIPPED" not in shown
    assert f"simbench compare {tmp_path} runs/guard" in shown


def test_the_reference_is_made_as_it_is_guarded(root, tmp_path):
    """With the same options: another protocol would be refused."""
    (tmp_path / "result.json").touch()
    made, guarded = (
        re.search(r"simbench run (.*) --out", make(root, target, f"REFERENCE={tmp_path}"))[1]
        for target in ("reference", "guard")
    )
    assert made == guarded
    assert "--no-resume" in made
