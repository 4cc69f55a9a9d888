"""Draws docs/_static/cascade.svg: one response on every level of the tree. ``make figures`` runs it."""

from pathlib import Path

import numpy as np

from simbench.baselines.cascade.density.tree import Tree
from simbench.baselines.montecarlo import make_dataset

OUT = Path(__file__).parent / "_static" / "cascade.svg"
TALL, GAP, TOP = 168, 18, 22  # pixels of the drawing


def main() -> None:
    """Level by level, from the photon sum to the pixels."""
    data = make_dataset("proton", particles=400, repeats=1, seed=11)
    sums = data.showers.sum((1, 2))
    image = data.showers[np.argmin(np.abs(sums - 150))]
    tree, parts, x = Tree(image.shape), [], GAP
    for level, counts in zip(tree.shapes, tree.maps(image[None]), strict=True):
        (h, w), size = level, TALL / 2 ** np.ceil(np.log2(level[0]))
        frame = f'x="{x}" y="{TOP}" width="{w * size:.1f}" height="{h * size:.1f}"'
        parts.append(f'<rect {frame} fill="#fff" stroke="#999" stroke-width="0.5"/>')
        for i, j in np.argwhere(counts[0]):
            n = counts[0, i, j]
            shade = 235 - round(190 * np.log1p(n) / np.log1p(image.sum()))
            corner = f'x="{x + j * size:.1f}" y="{TOP + i * size:.1f}"'
            colour = f"rgb({shade},{shade},{min(255, shade + 40)})"
            parts.append(f'<rect {corner} width="{size:g}" height="{size:g}" fill="{colour}"/>')
            if size >= 20:
                middle = f'x="{x + (j + 0.5) * size:.1f}" y="{TOP + (i + 0.5) * size + 4:.1f}"'
                ink = "#fff" if shade < 130 else "#000"
                parts.append(f'<text {middle} text-anchor="middle" font-size="11" fill="{ink}">{n}</text>')
        parts.append(f'<text x="{x}" y="{TOP - 8}" font-size="11">{h} x {w}</text>')
        x += w * size + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {x:.0f} {TALL + TOP + 10}"'
    OUT.write_text(f'{head} font-family="sans-serif">\n' + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")


if __name__ == "__main__":
    main()
