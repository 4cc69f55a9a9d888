"""``--help`` and ``simbench list``: every command has an example and a test."""

import json
import re
from importlib.metadata import version

import pytest

from simbench.harness.plugin.metric import Metric, Value

pytestmark = pytest.mark.slow


# Listing


def test_list_shows_everything(toy, cli_with):
    long_name = "a-simulator-with-a-name-that-is-longer-than-a-terminal-is-wide-" * 2
    metric = Metric("mine", "My metric", "cm", 4, lambda scored: [Value("all", "mean", 0.0)])
    call = cli_with(toy.offer("flat", trainer=print), toy.offer(long_name), metrics=[metric])
    expected = {
        "observables": ["core_share", "pixels", "every"],
        "models": ["flat", long_name, "mc", "toys 1.2", "The flat", "simbench.plugins.mc"],
        "detectors": ["toy", "proton", "neutron", "56 x 30", "44 x 44", "thirds*", "halves", "angle [rad]"],
        "datasets": [
            "toys",
            "mc",
            "toy 60",
            "proton 100000",
            "neutron 100000",
            "made for a test",
            "not Geant",
        ],
        "metrics": ["ws", "empty", "mine", "My metric", "Wasserstein score", "the detector's"],
    }
    for kind, words in expected.items():
        status, out, err = call("list", kind)
        assert (status, err) == (0, "")
        for word in words:
            assert word in out, (kind, word)
        assert "…" not in out
    rows = {line.split()[0]: line for line in call("list", "models")[1].splitlines()}
    assert " yes " in rows["flat"]
    assert " no " in rows["mc"]


# Help


COMMANDS = [
    ["run"],
    ["plan"],
    ["merge"],
    ["card"],
    ["results", "add"],
    ["results", "verify"],
    ["results", "site"],
    ["list"],
    ["train"],
    ["sweep"],
    ["report"],
    ["score"],
    ["compare"],
    ["leaderboard"],
    ["likelihood"],
    ["gallery"],
    ["o2", "bundle"],
    ["o2", "check"],
    ["data", "make"],
    ["export"],
    ["data", "import"],
    ["data", "info"],
    ["data", "check"],
    ["plugin", "new"],
    ["plugin", "check"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(call, command):
    status, out, err = call(*command, "--help")
    assert (status, err) == (0, "")
    assert "Usage: " in out
    assert re.search(rf"^ +simbench {' '.join(command)} \S", out, re.MULTILINE), out


def test_help_and_version(call):
    status, out, err = call("--help")
    assert (status, err) == (0, "")
    for command in ("run", "list", "train", "sweep", "report", "data"):
        assert re.search(rf"^ +{command}\b", out, re.MULTILINE)
    assert call()[:2] == (0, out)
    assert call("--version") == (0, version("simbench-hep") + "\n", "")


def test_every_command_is_covered_here(call):
    def commands(out):
        return re.findall(r"^  ([a-z0-9-]+)  ", out.partition("Commands:")[2], re.MULTILINE)

    found = []
    for command in commands(call("--help")[1]):
        below = commands(call(command, "--help")[1])
        found += [[command, name] for name in below] or [[command]]
    assert sorted(map(tuple, found)) == sorted(map(tuple, COMMANDS))


def test_the_command_is_recorded(run, tmp_path):
    run()
    command = json.loads((tmp_path / "out" / "result.json").read_text())["command"]
    assert command.startswith("simbench run --detector toy ")
    assert str(tmp_path / "out") in command
