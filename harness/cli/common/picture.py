"""Responses as text: a picture of a few images for the terminal, without a plotting library."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.text import Text

SHADES = " .:-=+*#%@"


def picture(images: Sequence[npt.NDArray[Any]], titles: Sequence[str]) -> Text:
    """Images (H, W) side by side, one character a pixel, on a common logarithmic scale.

    The first axis (x) runs from left to right, the second (y) upwards.
    """
    top = max(np.log1p(float(max(image.max() for image in images))), 1e-9)
    blocks = []
    for image, title in zip(images, titles, strict=True):
        level = np.log1p(image.astype(np.float64)) / top
        # Any photon at all gets at least the faintest mark.
        shade = np.where(image > 0, np.clip(np.ceil(level * (len(SHADES) - 1)), 1, len(SHADES) - 1), 0)
        width = max(len(title), image.shape[0])
        lines = ["".join(SHADES[int(value)] for value in column) for column in shade.T[::-1]]
        frame = "+" + "-" * width + "+"
        rows = [f" {title:<{width}} ", frame, *(f"|{line:<{width}}|" for line in lines), frame]
        blocks.append(rows)
    height = max(map(len, blocks))
    padded = [rows + [" " * len(rows[0])] * (height - len(rows)) for rows in blocks]
    legend = (
        f"shades '{SHADES}': logarithmic, up to {np.expm1(top):.0f} in a pixel; x to the right, y upwards"
    )
    return Text("\n".join("  ".join(parts) for parts in zip(*padded, strict=True)) + "\n" + legend)
