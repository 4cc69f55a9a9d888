"""Whom the benchmark may import; the rooms of the other folders have their table in tests/test_rooms.py."""

import tomllib
from pathlib import Path

import pytest
from import_graph import FOLDERS, ROOT, imported, modules, source, within


def forbidden(text: str, path: Path) -> list[str]:
    """What the module of harness/ at ``path`` (relative to the root) imports and must not."""
    allowed = ("harness", "reports") if path.name.startswith("cli") else ("harness",)
    return [name for name in imported(text, path) if not any(within(name, top) for top in allowed)]


def test_import_directions():
    paths = [path for path in modules().values() if path.parts[0] == "harness"]
    assert len(paths) > 40
    found = {str(path): forbidden(source(path), path) for path in paths}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("harness/metrics.py", "import simbench.baselines"),
        ("harness/metrics.py", "from simbench import reports"),
        ("harness/metrics.py", "from .. import reports"),
        ("harness/metrics.py", "from ..plugins import mc"),
        ("harness/metrics.py", "def f():\n    from ..reports import render"),
        ("harness/cli.py", "from simbench.plugins import mc"),
    ],
)
def test_the_rule_sees(path, text):
    assert forbidden(text, Path(path)) != []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("harness/metrics.py", "from .errors import UserError\nfrom . import rng\nimport numpy"),
        ("harness/cli_run.py", "from simbench import reports"),
    ],
)
def test_the_rule_allows(path, text):
    assert forbidden(text, Path(path)) == []


def test_every_folder_of_modules_is_linked():
    linked = {path.name: path.readlink() for path in (ROOT / "src" / "simbench").iterdir()}
    assert linked == {folder: Path("../..") / folder for folder in FOLDERS}


def test_typed_marker_is_there_and_packaged():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert "py.typed" in tool["package-data"]["simbench.harness"]
    assert (ROOT / "harness" / "py.typed").exists()
