"""Numbers of one response image that metrics look at, instead of the image.

A response is a grid of (H, W) pixels, the first axis x and the second y; ``c`` is a pixel's content and
``i``, ``j`` are its indices, counted from 0. Nearly all pixels of a ZDC response are zero, so only the others
are visited. Names, units and formulas are in :data:`OBSERVABLES`.

Responses without content have no centre, width, peak, share or asymmetry: these are NaN, and
``harness/metrics/tools/arrays.py`` tells how metrics read that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import plain
from ..errors import UserError, traced

Floats = npt.NDArray[np.float64]

BLOCK = 1024  # responses looked at together
BRIGHTEST = (4, 12)


@dataclass(frozen=True)
class Observable:
    """A named number of one response.

    Attributes:
        name: what tables and metrics call it.
        unit: ``{unit}`` stands for the detector's.
        formula: how it follows from the pixels.
        function: of (n, H, W) responses, gives (n,) numbers, each of one response; NaN where there is
            none. ``None``: it is one of :data:`OBSERVABLES`, which are computed together.
    """

    name: str
    unit: str
    formula: str
    function: Callable[[npt.NDArray[Any]], npt.ArrayLike] | None = None


OBSERVABLES = (
    Observable("photon_sum", "{unit}", "sum of c over all pixels"),
    Observable("centre_x", "pixels", "sum(i c) / sum(c)"),
    Observable("centre_y", "pixels", "sum(j c) / sum(c)"),
    Observable("width_x", "pixels", "sqrt(sum((i - centre_x)^2 c) / sum(c))"),
    Observable("width_y", "pixels", "sqrt(sum((j - centre_y)^2 c) / sum(c))"),
    Observable("peak_x", "pixels", "i of the brightest pixel, the first of equals in row order"),
    Observable("peak_y", "pixels", "j of the brightest pixel, the first of equals in row order"),
    Observable("peak_share", "fraction", "max(c) / sum(c)"),
    Observable("share_4", "fraction", "sum of c over the 4 brightest pixels / sum(c)"),
    Observable("share_12", "fraction", "sum of c over the 12 brightest pixels / sum(c)"),
    Observable("core_share", "fraction", "sum of c over |i - peak_x| <= 1 and |j - peak_y| <= 1 / sum(c)"),
    Observable("hit_pixels", "pixels", "number of pixels with c > 0"),
    Observable("single_pixels", "pixels", "number of pixels with c = 1"),
    Observable("asymmetry_x", "fraction", "(sum of c over i < H // 2 - over i >= H - H // 2) / sum(c)"),
    Observable("asymmetry_y", "fraction", "(sum of c over j < W // 2 - over j >= W - W // 2) / sum(c)"),
)
NAMES = tuple(observable.name for observable in OBSERVABLES)


def observables_of(chosen: Sequence[Observable], responses: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(N, M) float32: the chosen observables of (N, H, W) responses.

    Raises:
        UserError: one is unknown, raises, or gives another shape or an infinite number; says which.
        ValueError: the responses are not of this shape, or a pixel is negative or not finite.
    """
    standard = observe(responses) if any(one.function is None for one in chosen) else None
    columns = np.empty((len(responses), len(chosen)), np.float32)
    for place, one in enumerate(chosen):
        if one.function is not None:
            try:
                given = plain(one.function(responses), f"observable {one.name!r}")
                found = np.asarray(given, dtype=np.float64)
            except Exception as error:
                raise UserError(f"observable {one.name!r}: {traced(error)}") from error
        elif one.name in NAMES and standard is not None:
            found = standard[:, NAMES.index(one.name)]
        else:
            raise UserError(f"observable {one.name!r} has no function, and is none of {', '.join(NAMES)}")
        if found.shape != (len(responses),):
            raise UserError(
                f"observable {one.name!r} should give ({len(responses)},) numbers, found {found.shape}"
            )
        if np.isinf(found).any():
            raise UserError(
                f"observable {one.name!r} should be finite, or NaN where there is none; found infinity"
            )
        columns[:, place] = found
    return columns


def observe(responses: npt.NDArray[np.generic]) -> Floats:
    """(N, 15) the observables of (N, H, W) responses, in the order of :data:`OBSERVABLES`.

    A response's numbers depend on it alone, not on its neighbours: blocks of a stream may be of any size.
    Contents are read in single precision, which is exact for counts below 16,777,216; sums are double.

    Raises:
        ValueError: the shape is another, or a pixel is negative or not finite; says which.
    """
    if responses.ndim != 3 or not responses.shape[1] * responses.shape[2]:
        raise ValueError(f"responses should have the shape (N, H, W), found {responses.shape}")
    if responses.dtype.kind not in "uifb":
        raise ValueError(f"responses should be numbers, found {responses.dtype}")
    step = min(BLOCK, 1 << (31 - _bits(responses)))
    blocks = [_observe(responses[start : start + step], start) for start in range(0, len(responses), step)]
    return np.concatenate(blocks) if blocks else np.zeros((0, len(OBSERVABLES)))


def _bits(responses: npt.NDArray[np.generic]) -> int:
    """How many bits number the pixels of a response."""
    return max(1, int(responses.shape[1] * responses.shape[2] - 1).bit_length())


def _observe(block: npt.NDArray[np.generic], first: int) -> Floats:
    """(n, 15) of at most :data:`BLOCK` responses, the first of which is number ``first``."""
    count, height, width = block.shape
    row, pixel, content = _brightest_first(block, first)
    i, j = np.divmod(pixel, width)

    def total(weights: npt.NDArray[np.generic]) -> Floats:
        return np.asarray(np.bincount(row, weights=weights, minlength=count), dtype=np.float64)

    photons = total(content)
    hits = np.bincount(row, minlength=count)
    start = np.cumsum(hits) - hits
    full = hits > 0
    rank = np.arange(len(row)) - start[row]
    peak = np.zeros((3, count))
    peak[:, full] = np.stack([i, j, content])[:, start[full]]
    core = (np.abs(i - peak[0][row]) <= 1) & (np.abs(j - peak[1][row]) <= 1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a response without content
        centre_x, centre_y = total(i * content) / photons, total(j * content) / photons
        spread = [
            np.sqrt(total((index - centre[row]) ** 2 * content) / photons)
            for index, centre in ((i, centre_x), (j, centre_y))
        ]
        shares = [total(content * (rank < many)) / photons for many in BRIGHTEST]
        sides = [
            total(content * ((index < size // 2) - 1.0 * (index >= size - size // 2))) / photons
            for index, size in ((i, height), (j, width))
        ]
        peak_share, core_share = peak[2] / photons, total(content * core) / photons
    peak[:2, ~full] = np.nan
    singles = total(content == 1)
    columns = [photons, centre_x, centre_y, *spread, peak[0], peak[1], peak_share, *shares, core_share]
    return np.asarray(np.stack([*columns, hits, singles, *sides], axis=1), dtype=np.float64)


def _brightest_first(
    block: npt.NDArray[np.generic], first: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Response, pixel and content of all pixels that are not zero: by response, brightest first.

    Equal pixels keep their order. One sort of whole numbers does it: the bits of a float that is not
    negative, read as an integer, are in the order of the floats.
    """
    flat = block.reshape(-1)
    place = np.flatnonzero(flat != 0)
    content = flat[place].astype(np.float32)
    size = block.shape[1] * block.shape[2]
    wrong = ~((content > 0) & (content < np.inf))
    if wrong.any():
        at = int(place[wrong][0])
        row, pixel = divmod(at, size)
        raise ValueError(
            f"responses should be finite and not negative, found {flat[at]} in response {first + row}, "
            f"pixel {divmod(pixel, block.shape[2])}"
        )
    bits = _bits(block)
    row, pixel = np.divmod(place, size)
    dark = np.int64(0xFFFFFFFF) - content.view(np.uint32).astype(np.int64)
    key = np.sort((row << (32 + bits)) | (dark << bits) | pixel)
    found = (np.int64(0xFFFFFFFF) - ((key >> bits) & 0xFFFFFFFF)).astype(np.uint32).view(np.float32)
    return key >> (32 + bits), key & ((1 << bits) - 1), found.astype(np.float64)
