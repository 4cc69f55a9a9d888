"""Responses and particles in the two or three pickles of ExpertSim and SDI-GAN.

Images are an array (N, H, W) of counts, conditions a table with the nine features by name, positions a table
of each response's brightest pixel, ``max_x`` along the first axis. Columns that repeat what the images or the
features say are compared with them and then dropped.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import as_responses, photon_sums, require_shape
from simbench.harness.data.pickles.arrays import PickledArray, PickledTable, pickled
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses
from simbench.harness.plugin.detectors import Detector

from .zdc_images import upright
from .zdc_particles import NAMES, features

FILES = {
    "images": "images, an array of shape (N, H, W)",
    "conditions": f"conditions, a table with the columns {', '.join(NAMES)}",
    "positions": "positions, a table with the columns max_x, max_y",
}
_SUM = "_photon_sum"
_ROWS = 1024  # read at a time

Content = PickledArray | PickledTable
Values = npt.NDArray[Any]


def read_expertsim(request: ReadRequest) -> Iterator[Responses]:
    """Responses in the files' order: images, conditions and, if there are three, positions.

    Raises:
        UserError: a file is damaged or holds something else than an array or a table of numbers; the files
            are not of this detector, not in order, or do not agree with each other.
    """
    files, detector = request.files, request.detector
    if not 2 <= len(files) <= 3:
        raise UserError(
            f"expertsim needs two or three files, IMAGES CONDITIONS [POSITIONS]; found {len(files)}"
        )
    with ExitStack() as stack:
        contents = [stack.enter_context(pickled(path)) for path in files]
        _require_kinds(files, contents)
        for path, content in zip(files, contents, strict=True):
            if len(content) != len(contents[0]):
                raise UserError(
                    f"{path}: there should be {len(contents[0])} rows, one a response of {files[0]}, "
                    f"found {len(content)}"
                )
        yield from upright(_blocks(files, contents, detector), detector, files[0])


def _require_kinds(files: tuple[Path, ...], contents: list[Content]) -> None:
    expected = list(FILES)[: len(files)]
    found = [_kind(content) for content in contents]
    if sorted(found) == sorted(expected) and found != expected:
        order = ", ".join(f"{kind} in {path}" for kind, path in zip(found, files, strict=True))
        raise UserError(f"the files should be {', '.join(expected)} in this order, found {order}")
    for path, kind, other in zip(files, expected, found, strict=True):
        if kind != other:
            raise UserError(f"{path}: should hold {FILES[kind]}; found {other}")


def _kind(content: Content) -> str:
    if isinstance(content, PickledArray):
        shape = content.shape
        return "images" if len(shape) == 3 else f"an array of shape {shape}, which has no column names"
    if NAMES[0] in content.names:
        return "conditions"
    return "positions" if {"max_x", "max_y"} <= {*content.names} else f"a table of {_listed(content)}"


def _listed(table: PickledTable) -> str:
    """The names of a table's columns, in one line whatever they are."""
    return ascii(", ".join(table.names))[1:-1][:300]


def _blocks(files: tuple[Path, ...], contents: list[Any], detector: Detector) -> Iterator[Responses]:
    images, table, *positions = contents
    require_shape(files[0], detector, images.shape)
    _require_columns(files[1], table)
    values = np.column_stack([table[name] for name in NAMES]).astype(np.float64)
    conditions = features(values, files[1])
    _check_extras(files[1], table, values, detector)
    for start in range(0, len(images), _ROWS):
        rows = slice(start, min(start + _ROWS, len(images)))
        showers = as_responses(images.read(rows.start, rows.stop), detector, files[0], start)
        if (name := f"{detector.name}{_SUM}") in table.names:
            _check_sums(files[1], name, table[name][rows], showers, start)
        for pixels in positions:
            _check_positions(files[2], pixels["max_x"][rows], pixels["max_y"][rows], showers, start)
        count = len(showers)
        yield Responses(showers, conditions[rows], np.zeros(count, np.int64), np.zeros(count, np.int32))


def _require_columns(path: Path, table: PickledTable) -> None:
    missing = [name for name in NAMES if name not in table.names]
    if missing or len(set(table.names)) < len(table.names):
        found = f"no {', '.join(missing)}" if missing else "a name twice"
        raise UserError(
            f"{path}: should have one column each of {', '.join(NAMES)}; found {found} in {_listed(table)}"
        )


def _check_extras(path: Path, table: PickledTable, values: Values, detector: Detector) -> None:
    """Check what can be checked without the images; columns of unknown names say nothing."""
    sums = [name for name in table.names if name.endswith(_SUM)]
    if sums and f"{detector.name}{_SUM}" not in sums:
        raise UserError(f"{path}: should hold conditions of {detector.name}, found the column {sums[0]!a}")
    for name, column in zip(table.names, table.columns, strict=True):
        known = name.removesuffix(f"_{detector.name}")
        if known in ("std", "group_number", "expert_number"):
            alone = np.isnan(column) & (known == "std")  # pandas' deviation of a single response
            wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0) | alone))
            if len(wrong):
                raise UserError(
                    f"{path}: row {wrong[0]}, {name} should be 0 or more, found {column[wrong[0]]}"
                )
        if known == "group_number":
            _check_groups(path, name, column, values)


def _check_groups(path: Path, name: str, groups: Values, values: Values) -> None:
    """Raise unless rows of equal features, and only they, are one group."""
    rows = np.ascontiguousarray(values + 0.0)  # which makes one zero of the two
    expected = _first_equal(rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel())
    found = _first_equal(groups)
    wrong = np.flatnonzero(expected != found)
    if len(wrong):
        row, like, other = int(wrong[0]), int(expected[wrong[0]]), int(found[wrong[0]])
        rule = f"{groups[like]}, as in row {like} of equal features" if like < row else "a new one"
        raise UserError(
            f"{path}: row {row}, {name} should be {rule}, found {groups[row]}"
            + (f", that of row {other}" if other < row else "")
        )


def _first_equal(values: Values) -> npt.NDArray[np.int64]:
    """(N,) for each row the first that is equal to it."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    return first[which]


def _check_sums(path: Path, name: str, expected: Values, showers: Values, start: int) -> None:
    found = photon_sums(showers)
    wrong = np.flatnonzero(found != expected)
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{path}: row {start + row}, {name} should be {found[row]}, the sum of the image, "
            f"found {expected[row]}"
        )


def _check_positions(path: Path, x: Values, y: Values, showers: Values, start: int) -> None:
    """Raise unless each position is the brightest pixel, or one of them."""
    wrong = np.flatnonzero(~_brightest(showers, x, y))
    if not len(wrong):
        return
    row = int(wrong[0])
    i, j = np.unravel_index(int(showers[row].argmax()), showers[row].shape)
    hint = ": the image axes, or the columns, are swapped" if _brightest(showers, y, x).all() else ""
    raise UserError(
        f"{path}: row {start + row}, max_x and max_y should be {i} and {j}, the brightest pixel, "
        f"found {x[row]} and {y[row]}{hint}"
    )


def _brightest(showers: Values, first: Values, second: Values) -> npt.NDArray[np.bool_]:
    """(N,) whether no pixel is brighter than the one in row ``first``, column ``second``."""
    rows, columns = _index(first, showers.shape[1]), _index(second, showers.shape[2])
    found = showers[np.arange(len(showers)), rows, columns]
    return np.asarray((found == showers.max(axis=(1, 2))) & (rows == first) & (columns == second), np.bool_)


def _index(place: Values, size: int) -> npt.NDArray[np.int64]:
    """Places as indices; what is none becomes 0, and so differs from it."""
    return np.where((place >= 0) & (place < size), place, 0).astype(np.int64)
