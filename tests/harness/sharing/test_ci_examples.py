"""The CI examples, their steps run as written in a local Git repository with a branch that submits a run."""

import os
import shutil
import subprocess
import sys

import pytest

from simbench.harness.sharing.folder import add

yaml = pytest.importorskip("yaml")
pytestmark = pytest.mark.slow


def github(text):
    """The scripts of the check of a pull request, less what is installed."""
    job = yaml.safe_load(text)["jobs"]["check"]
    return [step["run"] for step in job["steps"] if "run" in step and not step["run"].startswith("pip ")]


def gitlab(text):
    return yaml.safe_load(text)["check"]["script"]


@pytest.fixture(params=["github.yml", "gitlab-ci.yml"])
def scripts(request, root):
    text = (root / "examples" / "submissions" / request.param).read_text(encoding="utf-8")
    return (github if request.param == "github.yml" else gitlab)(text)


@pytest.fixture
def repository(toys, good, tmp_path):
    """A clone on a branch: one submission on main, another that the branch adds, not yet committed."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*words):
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    git("init", "-b", "main")
    add(toys, good, folder / "submissions", "first", "2026-01-01")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "mine")
    add(toys, good, folder / "submissions", "second", "2026-01-02")

    def commit():
        git("add", ".")
        git("commit", "-m", "second")

    return folder, commit


@pytest.fixture
def check(scripts, repository, tmp_path, root):
    """Runs the steps in turn as the service does; gives the first status that is not 0, and the output."""
    folder, _ = repository
    tools = tmp_path / "tools"
    tools.mkdir()
    simbench = tools / "simbench"
    simbench.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m simbench.harness.cli "$@"\n')
    simbench.chmod(0o755)

    def run():
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        known = {**os.environ, "PATH": path, "BASE": "main", "PYTHONPATH": str(root / "src")}
        printed = ""
        for script in scripts:
            done = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", script],
                cwd=folder,
                env=known,
                capture_output=True,
                text=True,
            )
            printed += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, printed
        return 0, printed

    return run


def test_a_submission_passes_and_the_site_is_built(repository, check):
    folder, commit = repository
    commit()
    status, printed = check()
    assert status == 0, printed
    assert "2 submissions, all as they were scored" in printed
    assert "second" in next((folder / "public").glob("toy/*/index.html")).read_text()


def test_a_changed_number_stops_it(repository, check):
    folder, commit = repository
    path = next(folder.glob("submissions/toy/*/second/scores.csv"))
    path.write_text(path.read_text().replace("ws", "WS", 1))
    commit()
    status, printed = check()
    assert status == 1
    assert "second/scores.csv is not what was submitted" in printed


def test_a_change_of_anothers_submission_stops_it(repository, check):
    folder, commit = repository
    shutil.rmtree(next(folder.glob("submissions/toy/*/first")))
    (folder / "notes.txt").write_text("")
    commit()
    status, printed = check()
    assert status == 1
    assert "a submission adds files below submissions/, and changes none" in printed
    assert "D\tsubmissions/toy" in printed
    assert "A\tnotes.txt" in printed


def test_publishing_takes_what_was_built(root):
    folder = root / "examples" / "submissions"
    jobs = yaml.safe_load((folder / "github.yml").read_text())["jobs"]
    upload = next(step for step in jobs["check"]["steps"] if "upload-pages" in step.get("uses", ""))
    assert upload["with"]["path"] == "public"
    assert jobs["publish"]["needs"] == "check"
    pages = yaml.safe_load((folder / "gitlab-ci.yml").read_text())["pages"]
    assert pages["artifacts"]["paths"] == ["public"]
    assert pages["script"][-1] == "simbench results site submissions --out public"
