"""Folders of results that were cut, mixed up or changed: named or computed again, never shown as whole."""

import copy
import json
import shutil

import pytest
from fuzzing import ODD_JSON, called, damaged, places, tries
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def made(toy):
    return toy.registry(toy.offer("flat"), toy.offer("bright", toy.bright))


@pytest.fixture(scope="module")
def whole(made, toy, toy_file, tmp_path_factory):
    """A finished run, and what commands answer to it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    toy.run(made, toy_file, folder)
    return folder


RIGHT = {}  # what commands answer to the whole run
COMMANDS = {
    "report": lambda run, base: ("report", run),
    "report csv": lambda run, base: ("report", run, "--format", "csv", "--format", "json"),
    "report again": lambda run, base: ("report", run, "--metrics", "ws", "--channels", "halves"),
    "leaderboard": lambda run, base: ("leaderboard", run, base, "--by", "ws"),
    "compare": lambda run, base: ("compare", base, run),
}


@tries(20)
@given(data=st.data())
def test_a_result_of_another_form(made, whole, tmp_path_factory, data):
    run = tmp_path_factory.mktemp("run") / "run"
    shutil.copytree(whole, run)
    file = run / "result.json"
    content = json.loads(file.read_text())
    if data.draw(st.booleans(), "bytes"):
        file.write_bytes(data.draw(damaged(file.read_bytes())))
    else:
        for _ in range(data.draw(st.integers(1, 2))):
            change(data, content)
        file.write_text(json.dumps(content))
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    called(made, *COMMANDS[command](run, whole))


def change(data, content):
    """Replace, delete or double something inside a JSON value."""
    found = [place for place in places(content) if place]
    *way, last = data.draw(st.sampled_from(found))
    inner = content
    for key in way:
        inner = inner[key]
    how = data.draw(st.sampled_from(["odd", "odd", "delete", "double"]))
    if how == "odd":
        inner[last] = copy.deepcopy(data.draw(ODD_JSON))
    elif how == "delete":
        del inner[last]
    elif isinstance(inner, list):
        inner.append(copy.deepcopy(inner[last]))
    else:
        inner[f"{last}?"] = copy.deepcopy(inner[last])


@tries(10)
@given(data=st.data())
def test_units_that_were_damaged_are_named_or_computed_again(made, whole, toy_file, tmp_path_factory, data):
    """What is shown of a folder with a damaged unit is what the whole one shows, or the unit is named."""
    run = tmp_path_factory.mktemp("run") / "run"
    shutil.copytree(whole, run)
    units = sorted((run / "units").glob("*.npz"))
    unit = data.draw(st.sampled_from(units))
    how = data.draw(st.sampled_from(["damage", "delete", "swap", "folder"]))
    if how == "damage":
        unit.write_bytes(data.draw(damaged(unit.read_bytes())))
    elif how == "swap":
        unit.write_bytes(data.draw(st.sampled_from(units)).read_bytes())
    else:
        unit.unlink()
        if how == "folder":
            unit.mkdir()
    command = data.draw(st.sampled_from(["leaderboard", "compare", "report again", "run"]))
    if command == "run":
        options = (
            "--detector",
            "toy",
            "--data",
            toy_file,
            "--device",
            "cpu",
            "--runs",
            "2",
            "--quiet",
            "--no-timing",
        )
        status, _ = called(made, "run", *options, "--out", run)
        again = json.loads((run / "result.json").read_text())["models"] if status == 0 else None
        assert status == 0 or how == "folder"
        assert again in (None, json.loads((whole / "result.json").read_text())["models"])
        return
    if command not in RIGHT:
        RIGHT[command] = called(made, *COMMANDS[command](whole, whole))
    right = RIGHT[command]
    status, out = called(made, *COMMANDS[command](run, whole))
    shown = out.replace(str(run), str(whole))
    told = any(word in shown for word in ("not in", "unranked", "not comparable", "failed"))
    assert status == 2 or told or shown.split() == right[1].split()
