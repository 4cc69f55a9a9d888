"""Who may import whom, read from the source: relative imports and imports inside functions too."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RNG = "simbench.harness.rng"
MAY_IMPORT = {
    "harness": ("simbench.harness",),
    "baselines": ("simbench.baselines", RNG),
    "expertsim": ("simbench.expertsim", "simbench.baselines", RNG),
    "plugins": ("simbench.plugins", "simbench.harness", "simbench.baselines", "simbench.expertsim"),
    "reports": ("simbench.reports", "simbench.harness"),
}
OUTSIDE = ("docs", "site", "tests", "src", "build", "dist", "runs")


def imports(source: str, package: str) -> list[str]:
    """The full names of what a module of ``package`` imports; ``from a import b`` is a.b."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def forbidden(source: str, path: Path) -> list[str]:
    """What of ours the module at ``path`` (relative to the root) imports and must not."""
    package = ".".join(("simbench", *path.parent.parts))
    allowed = MAY_IMPORT[path.parts[0]]
    if path.parts[0] == "harness" and path.name.startswith("cli"):
        allowed += ("simbench.reports",)
    ours = [
        name for name in imports(source, package) if name.split(".")[0] in ("simbench", *MAY_IMPORT, "tests")
    ]
    return [name for name in ours if not any(name == top or name.startswith(f"{top}.") for top in allowed)]


def modules() -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for folder in ROOT.iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in OUTSIDE
        for path in folder.rglob("*.py")
    )


def test_import_directions():
    found = {}
    for path in modules():
        wrong = forbidden((ROOT / path).read_text(encoding="utf-8"), path)
        if wrong:
            found[str(path)] = wrong
    assert len(modules()) > 40
    assert found == {}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("harness/metrics.py", "import simbench.baselines"),
        ("harness/metrics.py", "from simbench import reports"),
        ("harness/metrics.py", "from .. import reports"),
        ("harness/metrics.py", "from ..plugins import mc"),
        ("harness/metrics.py", "def f():\n    from ..reports import render"),
        ("harness/cli.py", "from simbench.plugins import mc"),
        ("baselines/training.py", "from simbench.harness import metrics"),
        ("baselines/training.py", "from simbench.harness.hooks import Context"),
        ("baselines/training.py", "import simbench.harness"),
        ("baselines/montecarlo/gun.py", "from ...harness import hooks"),
        ("baselines/montecarlo/gun.py", "class A:\n    def f(self):\n        import simbench.expertsim"),
        ("reports/table.py", "from simbench.plugins import zdc"),
        ("reports/table.py", "from baselines import training"),
        ("plugins/mc.py", "from simbench import reports"),
        ("plugins/mc.py", "import tests.harness"),
    ],
)
def test_the_rule_sees(path, source):
    assert forbidden(source, Path(path)) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("harness/metrics.py", "from .errors import UserError\nfrom . import rng\nimport numpy"),
        ("harness/cli_run.py", "from simbench import reports"),
        ("baselines/training.py", "from simbench.harness import rng"),
        ("baselines/training.py", "from simbench.harness.rng import derive"),
        ("baselines/montecarlo/gun.py", "from ..rows import x\nfrom ...harness import rng"),
        ("plugins/mc.py", "from simbench.baselines.montecarlo import MonteCarlo"),
        ("reports/table.py", "from simbench.harness.files import write_text"),
    ],
)
def test_the_rule_allows(path, source):
    assert forbidden(source, Path(path)) == []


def test_every_folder_of_modules_is_linked():
    linked = {path.name: path.readlink() for path in (ROOT / "src" / "simbench").iterdir()}
    assert linked == {folder: Path("../..") / folder for folder in MAY_IMPORT}


def test_typed_marker_is_there_and_packaged():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert "py.typed" in tool["package-data"]["simbench.harness"]
    assert (ROOT / "harness" / "py.typed").exists()
