"""What imports what, read from the source: relative imports and imports inside functions too.

Names leave out ``simbench.``: ``reports.text.rounding``. The folders at the root are read, never the links to
them in src/, so that no module counts twice.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("baselines", "expertsim", "harness", "plugins", "reports")
LEFT_OUT = "tests"  # a root folder that nothing of ours may import either


def module_name(path: Path) -> str:
    """Of a path relative to the root; a package goes by its folder's name."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """Every module by name, its path relative to the root."""
    paths = (path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return {module_name(path): path for path in paths}


def source(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def imported(text: str, path: Path) -> list[str]:
    """What of ours the module at ``path`` (relative to the root) imports; ``from a import b`` is a.b."""
    package = ("simbench", *path.parent.parts)
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found += [f"{base}.{alias.name}" for alias in node.names]
    ours = [name for name in found if name.split(".")[0] in ("simbench", *FOLDERS, LEFT_OUT)]
    return [name.removeprefix("simbench.") for name in ours]


def within(name: str, top: str) -> bool:
    """Whether ``name`` is ``top`` or something in it."""
    return name == top or name.startswith(f"{top}.")


def longest(name: str, known: set[str]) -> str:
    """The longest of ``known`` that ``name`` is or is in: the module, or the room, of an import."""
    return max((each for each in known if within(name, each)), key=len, default="")
