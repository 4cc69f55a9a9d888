"""The files of a report: each appears at once, whole, or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from simbench.harness.files import atomic, write_text

Advance: TypeAlias = Callable[[int, int], None]
"""Is told how many figures are drawn, of how many."""

Contents: TypeAlias = Mapping[Path, str | bytes]
"""What to write where, relative to the folder of the report."""


def write_contents(contents: Contents, out: Path) -> list[Path]:
    """Write ``contents`` into the folder ``out``, making folders if need be; returns the paths."""
    for file, content in contents.items():
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            write_text(path, content)
        else:
            with atomic(path) as part:
                part.write_bytes(content)
    return [out / file for file in contents]
