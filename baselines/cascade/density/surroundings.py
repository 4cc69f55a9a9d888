"""What a split is told of the photons around it: only what is drawn before it, or the product were not exact.

For a parent (i, j) of level d, as log(1 + photons): the 5 x 5 parents around it, the 5 x 5 cells of level d -
1 around its own parent, and of the 6 x 6 children around it those that earlier rounds (:func:`tree.colour`)
have drawn. Besides, seen from the parent, where a straight line from the particle's origin meets the face,
and where the light is expected (:mod:`.aim`).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...conditions import Geometry
from .tree import Counts, Tree

Floats: TypeAlias = npt.NDArray[np.float32]

PARENTS, GRANDPARENTS, CHILDREN, NEAR = 25, 25, 36, 4
WIDTH = PARENTS + GRANDPARENTS + NEAR + CHILDREN
_BEFORE, _AFTER = 2, 3  # a margin of zeros around a map: a patch never leaves it
_REACH = 3.0  # places further away than so many cells are told apart less and less
_FAR = 200.0  # pixels; the line of a particle that flies sideways ends somewhere


def _log1p(counts: Counts | int) -> Floats:
    # Several times faster than log1p, and exact at 0.
    logs: Floats = np.log(np.asarray(counts, dtype=np.float32) + np.float32(1))
    return logs


def framed(counts: Counts) -> Floats:
    """log(1 + photons) of a map (N, h, w) with a margin of zeros, (N, h + 5, w + 5)."""
    n, h, w = counts.shape
    frame = blank_frame(n, (h, w))
    frame[:, _BEFORE : _BEFORE + h, _BEFORE : _BEFORE + w] = _log1p(counts)
    return frame


def blank_frame(rows: int, shape: tuple[int, int]) -> Floats:
    """The frame of ``rows`` empty maps of a shape."""
    return np.zeros((rows, shape[0] + _BEFORE + _AFTER, shape[1] + _BEFORE + _AFTER), dtype=np.float32)


def write(frame: Floats, counts: Counts | int, b: Counts, i: Counts, j: Counts) -> None:
    """Put the photons ``counts`` (n,) of the cells (b, i, j) into a frame."""
    frame[b, i + _BEFORE, j + _BEFORE] = _log1p(counts)


def patches(frame: Floats, b: Counts, i: Counts, j: Counts, offsets: npt.NDArray[np.int64]) -> Floats:
    """(n, k) values of a frame at ``offsets`` (k, 2), rows and columns from the cells (b, i, j)."""
    height, width = frame.shape[1:]
    base = (b * height + i + _BEFORE) * width + (j + _BEFORE)
    places = base[:, None] + (offsets[:, 0] * width + offsets[:, 1])
    return np.asarray(frame.ravel()[places], dtype=np.float32)


def _square(low: int, high: int) -> npt.NDArray[np.int64]:
    return np.stack(np.meshgrid(np.arange(low, high), np.arange(low, high), indexing="ij"), -1).reshape(-1, 2)


AROUND = _square(-2, 3)  # a parent, or its parent, in the middle
CHILDREN_AROUND = _square(-2, 4)  # from a parent's first child: its own four children are the middle ones


def _drawn_before() -> npt.NDArray[np.bool_]:
    parent = CHILDREN_AROUND // 2
    rounds = np.arange(4)[:, None]
    theirs = 2 * ((rounds // 2 + parent[:, 0]) % 2) + (rounds % 2 + parent[:, 1]) % 2
    return np.asarray(theirs < rounds)


DRAWN_BEFORE = _drawn_before()  # (4, 36): which of these are known in each round


def straight(conditions: npt.ArrayLike, geometry: Geometry | None, shape: tuple[int, int]) -> Floats:
    """(N, 2) place in pixels where straight lines meet the face; its middle without a known geometry.

    Args:
        conditions: (N, 9) of a ZDC, physical units.
        geometry: of the face.
        shape: (H, W) pixels on it: the first axis is x.
    """
    values = np.asarray(conditions, dtype=np.float64)
    if geometry is None:
        return np.tile(np.array(shape, dtype=np.float32) / 2, (len(values), 1))
    along = np.maximum(np.abs(values[:, 6]), 1e-9)
    flight = geometry.distance + np.where(values[:, 6] < 0, values[:, 3], -values[:, 3])
    pixels = []
    for axis in (0, 1):
        place = values[:, 1 + axis] + values[:, 4 + axis] / along * flight - geometry.centre[axis]
        half = geometry.half_size[axis]
        pixels.append(np.clip((place + half) * shape[axis] / (2 * half), -_FAR, _FAR))
    return np.stack(pixels, axis=1).astype(np.float32)


def near(tree: Tree, level: int, place: Floats, b: Counts, i: Counts, j: Counts) -> Floats:
    """(n, 4) the places (N, 4) from the middle of the parents (b, i, j), in units of their size, squashed."""
    size = np.float32(2 ** (tree.depth - level))
    middle = np.stack([i, j, i, j], axis=1) + np.float32(0.5)
    return (_REACH * np.tanh((place[b] / size - middle) / _REACH)).astype(np.float32)


def known(
    tree: Tree,
    level: int,
    frames: tuple[Floats | None, Floats],
    place: Floats,
    b: Counts,
    i: Counts,
    j: Counts,
) -> Floats:
    """(n, 54) what is known of the parents (b, i, j) before any child of the level is drawn.

    Args:
        tree: of the images.
        level: of the parents.
        frames: of the levels ``level - 1`` (``None`` above the root) and ``level``.
        place: (N, 4) ends of straight lines, and where light is expected, in pixels.
        b: (n,) image of each parent.
        i: (n,) its row.
        j: (n,) its column.
    """
    above, own = frames
    out = np.zeros((len(b), PARENTS + GRANDPARENTS + NEAR), dtype=np.float32)
    out[:, :PARENTS] = patches(own, b, i, j, AROUND)
    if above is not None:
        out[:, PARENTS:-NEAR] = patches(above, b, i // 2, j // 2, AROUND)
    out[:, -NEAR:] = near(tree, level, place, b, i, j)
    return out


def neighbours(below: Floats, rounds: npt.NDArray[np.int64], b: Counts, i: Counts, j: Counts) -> Floats:
    """(n, 36) the children around each parent that earlier rounds have drawn, the others as 0.

    Args:
        below: frame of the children's level.
        rounds: (n,) the parents' colours.
        b: (n,) image of each parent.
        i: (n,) its row.
        j: (n,) its column.
    """
    return np.asarray(patches(below, b, 2 * i, 2 * j, CHILDREN_AROUND) * DRAWN_BEFORE[rounds])
