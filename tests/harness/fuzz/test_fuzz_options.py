"""Options and environment variables that nobody expects: one line, or a right answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import called, tried, tries
from hypothesis import given
from hypothesis import strategies as st

ODD = [
    *("", " ", ",", "@", "-", "--", "-1", "0", "1e999", "nan", "99999999999999999999", "x" * 300, "é" * 130),
    *(
        "\udc80",
        "a\nb",
        "\x1b[31m",
        "all",
        "all,",
        "flat,flat",
        "flat@",
        "flat@x",
        "onnx:",
        "onnx:x@",
        "x.py:C",
    ),
    *(
        ".py:",
        "embedded:",
        "embedded:x",
        "nothing:x",
        "/dev/null",
        "/proc/self/mem",
        ".",
        "..",
        "/",
        "~",
        "~x/y",
    ),
    *("ws", "ws,ws", "ws=", "ws=2%", "=", "a=b=c", "{}", "%s", "$HOME", "*", "toy", "local", "responses"),
]
BASE = {
    "run": {"--detector": "toy", "--data": None, "--device": "cpu", "--runs": "1", "--models": "flat"},
    "report": {},
    "compare": {},
    "leaderboard": {},
    "data make": {"--detector": "toy", "--particles": "3", "--simulator": "toys"},
    "data info": {},
    "data check": {},
    "data import": {"--detector": "toy"},
    "plugin check": {"--detector": "toy"},
    "plugin new": {},
    "list": {},
    "train": {"--detector": "toy", "--data": None},
    "sweep": {"--detector": "toy", "--data": None},
    "export": {"--detector": "toy"},
    "gallery": {"--detector": "toy", "--data": None},
    "o2 check": {"--detector": "toy"},
}
MORE = {
    "run": "--split --split-seed --limit --min-photons --channels --seed --engine --metrics --keep "
    "--executor --scheduler --timeout --format",
    "report": "--format --metrics --by --channels",
    "compare": "--tolerance --confidence --format",
    "leaderboard": "--by --confidence --format",
    "data make": "--repeats --seed --like --detectors",
    "data info": "--pictures",
    "data import": "--min-photons",
    "train": "--preset --split --set --seed --min-photons",
    "sweep": "--preset --budget --seeds --set --workers",
    "export": "--contract --run",
    "gallery": "--limit --seed --metrics",
    "plugin check": "--data",
    "o2 check": "--onnx --scales --classifier --limit --runs",
}
WRITES = ("run", "train", "sweep", "data make", "data import", "gallery")


@pytest.fixture(scope="module")
def made(toy):
    return toy.registry(toy.offer("flat"))


@pytest.fixture(scope="module")
def finished(made, toy, toy_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    toy.run(made, toy_file, folder, runs=1)
    return folder


@tries(30)
@given(data=st.data())
def test_odd_options(made, finished, toy_file, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("here")
    command = data.draw(st.sampled_from(sorted(BASE)))
    options = {name: toy_file if value is None else value for name, value in BASE[command].items()}
    if command in WRITES:
        options["--out"] = folder / "out.h5"
    names = [*options, *MORE.get(command, "").split()]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=2)) if names else ():
        if name != "--out":
            options[name] = data.draw(st.sampled_from(ODD))
    known = [str(finished), str(toy_file), "models", "toys", "flat", "experts"]
    arguments = data.draw(st.lists(st.one_of(st.sampled_from(known), st.sampled_from(ODD)), max_size=2))
    if command == "plugin new":
        arguments = [name for name in arguments if "/" not in name][:1]
    if data.draw(st.booleans()) and command.startswith(("report", "compare", "leader")):
        arguments = [finished, finished]
    flat = [str(each) for pair in options.items() for each in pair]
    before = Path.cwd()
    os.chdir(folder)
    try:
        called(made, *command.split(), *arguments, *flat)
    finally:
        os.chdir(before)
    assert not list(folder.rglob("*.part"))


VARIABLES = {
    "OMP_NUM_THREADS": ["abc", "2,1", "0", "-1", "", "99999999999", "1.5", " 2 ", "\udcff"],
    "SIMBENCH_CACHE": ["", "~nobody/x", "/dev/null", "/proc/x", "x" * 300, "a\nb", "\udcff"],
    "HOME": ["", "/dev/null", "relative", "\udcff"],
    "XDG_CACHE_HOME": ["", "/dev/null", "relative"],
    "COLUMNS": ["0", "-1", "abc", "99999999999"],
    "TERM": ["dumb", "", "nonsense"],
    "LANG": ["C", "nonsense", ""],
    "LC_ALL": ["C", "de_DE.ISO-8859-1", "nonsense"],
    "PYTHONIOENCODING": ["ascii", "latin-1", "utf-16", "ascii:strict"],
    "TMPDIR": ["/nonexistent", ""],
    "MPLBACKEND": ["nonsense", "TkAgg"],
    "MPLCONFIGDIR": ["/dev/null", "/proc/x"],
    "FORCE_COLOR": ["1", "abc"],
    "TZ": ["nonsense"],
    "OMP_DYNAMIC": ["nonsense"],
    "MKL_NUM_THREADS": ["abc"],
}


@tries(2)
@given(data=st.data())
def test_odd_variables(finished, toy_file, tmp_path_factory, data):
    """Each command is a process: libraries read the environment when they are imported."""
    chosen = data.draw(st.lists(st.sampled_from(sorted(VARIABLES)), min_size=1, max_size=4, unique=True))
    changes = {name: data.draw(st.sampled_from(VARIABLES[name]), name) for name in chosen}
    out = tmp_path_factory.mktemp("out")
    command = data.draw(
        st.sampled_from(
            [
                ("list", "models"),
                ("data", "info", toy_file),
                ("report", finished, "--format", "html", "--out", out),
                ("report", finished),
                ("leaderboard", finished, "--by", "ws"),
            ]
        )
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", "from simbench.harness.cli import main; main()", *map(str, command)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **changes},
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 2, 4), said
    assert "Traceback" not in said
    assert (b"simbench: error: " in done.stderr) == (done.returncode != 0) or changes.get(
        "PYTHONIOENCODING"
    ) == "utf-16", said
    tried[f"variables: status {done.returncode}"] += 1
