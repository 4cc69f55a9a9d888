"""Draws docs/_static/rooms.svg, the rooms of the project and the one way that imports go, from the source.

``make map`` runs it; a test holds the committed picture against it. A room stands above all that it imports;
an arrow is drawn where no longer way leads from one to the other.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from import_graph import imported, longest, modules, source  # noqa: E402

PICTURE = ROOT / "docs" / "_static" / "rooms.svg"
SHARED = ("errors", "files", "rng")  # of the harness: every room may import them, no arrow says so
WIDTH, LINE, LETTER, GAP = 1160, 15, 6.4, 46
STYLE = """
svg { font: 11px ui-monospace, monospace; }
rect { fill: #fff; stroke: #5b6b7b; } text { fill: #1d2730; } .room { font-weight: bold; }
line { stroke: #8896a4; } marker path { fill: #8896a4; }
@media (prefers-color-scheme: dark) {
  rect { fill: #171c22; stroke: #8fa0b2; } text { fill: #dbe3ea; } line { stroke: #66737f; }
  marker path { fill: #66737f; }
}
"""


def rooms() -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """The modules of each room, and the rooms that each imports; the harness's own modules are left out."""
    known = modules()
    room_of = {name: ".".join(path.parent.parts) for name, path in known.items()}
    inside: dict[str, list[str]] = {}
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        room = room_of[name]
        if room == "harness":
            continue
        inside.setdefault(room, [])
        edges.setdefault(room, set())
        if path.name != "__init__.py":
            inside[room].append(path.stem)
        for other in imported(source(path), path):
            target = room_of.get(longest(other, set(known)), "")
            if longest(other, set(known)) in ("harness.hooks", "harness.testing"):
                target = "harness.plugin"
            if target not in ("", "harness", room):
                edges[room].add(target)
    return inside, edges


def levels(edges: Mapping[str, set[str]]) -> dict[str, int]:
    """How many rooms, at the most, lie one below the other beneath each."""
    found: dict[str, int] = {}

    def level(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((level(below) for below in edges[room]), default=-1)
        return found[room]

    return {room: level(room) for room in sorted(edges)}


def reduced(edges: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no longer way stands for."""

    def beneath(room: str) -> set[str]:
        return edges[room] | {far for below in edges[room] for far in beneath(below)}

    return [
        (room, below)
        for room in sorted(edges)
        for below in sorted(edges[room])
        if not any(below in beneath(other) for other in edges[room] if other != below)
    ]


def draw() -> str:
    """The picture, the same text for the same imports."""
    inside, edges = rooms()
    level = levels(edges)
    place: dict[str, tuple[float, float, float, float]] = {}
    y = 10.0
    for height in sorted(set(level.values()), reverse=True):
        row = [room for room in level if level[room] == height]
        texts = {room: _wrapped(inside[room], 26) for room in row}
        sizes = [max(len(room), *map(len, texts[room]), 8) * LETTER + 18 for room in row]
        tall = max(len(texts[room]) for room in row) * LINE + 26
        x = (WIDTH - sum(sizes) - 18 * (len(row) - 1)) / 2
        for room, size in zip(row, sizes, strict=True):
            place[room] = (x, y, size, len(texts[room]) * LINE + 26)
            x += size + 18
        y += tall + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - GAP + 10:.0f}" role="img">']
    parts.append("<title>The rooms and what they import, each above all that it imports</title>")
    parts.append(f"<style>{STYLE}</style>")
    arrow = (
        '<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    )
    parts.append(f'<defs>{arrow}<path d="M0 0L8 4L0 8z"/></marker></defs>')
    for room, below in reduced(edges):
        x1, y1, w1, h1 = place[room]
        x2, y2, w2, _ = place[below]
        ends = f'x1="{x1 + w1 / 2:.0f}" y1="{y1 + h1:.0f}" x2="{x2 + w2 / 2:.0f}" y2="{y2:.0f}"'
        parts.append(f'<line {ends} marker-end="url(#a)"/>')
    for room, (x, top, wide, tall) in place.items():
        parts.append(f'<rect x="{x:.0f}" y="{top:.0f}" width="{wide:.0f}" height="{tall:.0f}" rx="5"/>')
        parts.append(f'<text class="room" x="{x + 9:.0f}" y="{top + 17:.0f}">{escape(room)}</text>')
        for number, text in enumerate(_wrapped(inside[room], 26), 1):
            at = top + 18 + LINE * number
            parts.append(f'<text x="{x + 9:.0f}" y="{at:.0f}">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _wrapped(names: list[str], width: int) -> list[str]:
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) + 1 <= width:
            lines[-1] += f" {name}"
        else:
            lines.append(name)
    return lines


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8", newline="\n")
