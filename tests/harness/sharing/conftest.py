"""A run of two toys that may be submitted, and copies of it to spoil."""

import json
import shutil

import pytest


@pytest.fixture(scope="session")
def toys(toy):
    return toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright))


@pytest.fixture(scope="session")
def good(toy, toys, toy_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared") / "good"
    toy.run(toys, toy_file, folder)
    return folder


@pytest.fixture
def run(good, tmp_path):
    """A copy, in a folder called ``mine``."""
    return shutil.copytree(good, tmp_path / "mine")


@pytest.fixture
def change(run):
    """``change(edit)``: edit the content of the copy's ``result.json``."""

    def write(edit):
        path = run / "result.json"
        result = json.loads(path.read_text())
        edit(result)
        path.write_text(json.dumps(result))
        return run

    return write
