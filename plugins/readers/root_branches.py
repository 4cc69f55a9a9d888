"""Branches of a TTree, or fields of an RNTuple, as arrays of numbers."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import require_shape
from simbench.harness.errors import UserError
from simbench.harness.plugin.detectors import Detector

from .hits import Floats, Places, factor, require_finite, whole

BLOCK = 1024  # entries read at a time
_UNIT = re.compile(r"(.+)\[([^\[\]]+)\]")
_NAMED = 40  # branches in a message
_LISTS = re.compile(r"std::|vector<|array<|ROOT::(VecOps::)?RVec<|,\d+|>|\[\d*\]|\s")
_NUMBER = re.compile(r"bool|float|double|(unsigned)?(char|short|int|long|longlong)|u?int(8|16|32|64)_t")


class Branches:
    """The branches of a tree by name; a name may end with a unit in brackets, ``hit_x[cm]``.

    Args:
        tree: of uproot.
        path: the file, for messages.
    """

    def __init__(self, tree: Any, path: Path) -> None:
        self._tree, self._path = tree, path
        self._names = tree.keys()

    def __len__(self) -> int:
        return int(self._tree.num_entries)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def numbers(self, name: str, unit: str, what: str) -> Floats:
        """(N,) one number an entry, in ``unit``.

        Raises:
            UserError: there is no such branch, or it holds something else.
        """
        name, scale = self._scaled(name, unit, what)
        values = self._read(name, slice(0, len(self)))
        if values.ndim != 1:
            raise UserError(f"{self._path}: {name} should hold one number an entry, found {values.type}")
        return self._plain(values, name) * scale

    def whole(self, name: str) -> Places:
        """(N,) one whole number an entry."""
        return whole(self.numbers(name, "", name), name, self._path)

    def images(self, name: str, detector: Detector, rows: slice) -> npt.NDArray[Any]:
        """(n, H, W) of a branch of as many numbers an entry, in whatever dimensions."""
        name, scale = self._scaled(name, detector.unit, "--option image")
        values = self._read(name, rows)
        pixels = detector.shape[0] * detector.shape[1]
        try:
            found = np.asarray(values.to_numpy())
        except ValueError:
            raise UserError(
                f"{self._path}: {name} should hold {pixels} numbers in each entry, found lists of different "
                f"lengths among the entries {rows.start} to {rows.stop - 1}"
            ) from None
        if found.ndim == 2 and found.shape[1] == pixels:
            found = found.reshape(-1, *detector.shape)
        require_shape(f"{self._path}: {name}", detector, found.shape)
        return found if scale == 1 else found * scale

    def hits(
        self, names: Mapping[str, str], detector: Detector, rows: slice
    ) -> tuple[Places, Places, Floats]:
        """Of a block of entries: (n,) hits in each, (M,) the pixel of each, -1 outside, and (M,) its content.

        Args:
            names: branches by the reader's options.
            detector: in whose pixels.
            rows: the entries.
        """
        ways: tuple[tuple[str, ...], ...] = (("row", "column"),)
        if detector.geometry is not None:
            ways = tuple(
                (*depth, *place) for depth in (("layer",), ("z",)) for place in (("x", "y"), ("r", "phi"))
            )
        way = next((way for way in ways if {*names} == {"content", *way}), None)
        if way is None:
            raise UserError(
                f"hits of {detector.name} should be told by --option content and "
                f"{'; or '.join(', '.join(way) for way in ways)}; found {', '.join(names)}"
            )
        counts, content = self._list(names["content"], detector.unit, "content", rows)
        values = []
        for option in way:
            unit = "" if option in ("layer", "phi", "row", "column") else "mm"
            lengths, column = self._list(names[option], unit, option, rows)
            wrong = np.flatnonzero(lengths != counts)
            if len(wrong):
                row = int(wrong[0])
                raise UserError(
                    f"{self._path}: row {rows.start + row}, {names[option]} should have {counts[row]} "
                    f"hits, as {names['content']} has, found {lengths[row]}"
                )
            require_finite(column, names[option], self._path, counts, rows.start)
            if option in ("layer", "row", "column"):
                whole(column, names[option], self._path)
            values.append(column)
        return counts, self._place(way, values, detector), content

    def _place(self, way: tuple[str, ...], values: list[Floats], detector: Detector) -> Places:
        if detector.geometry is None:
            row, column = values
            inside = (row >= 0) & (row < detector.shape[0]) & (column >= 0) & (column < detector.shape[1])
            return np.where(inside, row * detector.shape[1] + column, -1).astype(np.int64)
        depth, first, second = values
        try:
            layer = depth.astype(np.int64) if way[0] == "layer" else detector.geometry.layer_at(depth)
        except ValueError as error:
            raise UserError(f"--option z: {error}; name the layer's branch, with --option layer") from error
        if way[1] == "x":
            first, second = np.hypot(first, second), np.arctan2(second, first)
        return detector.geometry.voxel_at(layer, first, second)

    def _list(self, name: str, unit: str, option: str, rows: slice) -> tuple[Places, Floats]:
        """(n,) lengths and (M,) numbers of a branch of lists."""
        name, scale = self._scaled(name, unit, f"--option {option}")
        values = self._read(name, rows)
        if values.ndim != 2:
            raise UserError(
                f"{self._path}: {name} should hold a list of numbers an entry, found {values.type}"
            )
        ak: Any = import_module("awkward")
        lengths = np.asarray(ak.num(values, axis=1), np.int64)
        return lengths, self._plain(ak.flatten(values, axis=1), name) * scale

    def _scaled(self, name: str, unit: str, what: str) -> tuple[str, float]:
        """The branch and what turns its numbers into ``unit``."""
        match = None if name in self._names else _UNIT.fullmatch(name)
        return (name, 1.0) if match is None else (match[1], factor(match[2], unit, what))

    def _read(self, name: str, rows: slice) -> Any:
        """An array of awkward.

        Raises:
            UserError: there is no such branch, or it holds no numbers nor lists of them.
        """
        if name not in self._names:
            shown = ", ".join(self._names[:_NAMED])
            more = f" and {len(self._names) - _NAMED} more" if len(self._names) > _NAMED else ""
            raise UserError(f"{self._path}: there should be a branch {name}, found {shown or 'none'}{more}")
        branch = self._tree[name]
        if not _numeric(branch):
            raise UserError(
                f"{self._path}: {name} should hold numbers or lists of numbers, found {branch.typename}"
            )
        values = branch.array(entry_start=rows.start, entry_stop=rows.stop, library="ak")
        if len(values) != rows.stop - rows.start:
            raise UserError(f"{self._path}: {name} should have {len(self)} entries, found fewer")
        return values

    def _plain(self, values: Any, name: str) -> Floats:
        """(M,) of an array of awkward with one axis.

        Raises:
            UserError: some are missing, or it holds more lists.
        """
        try:
            found = np.asarray(values.to_numpy(allow_missing=False))
        except ValueError as error:
            raise UserError(f"{self._path}: {name} should hold plain numbers, found {values.type}") from error
        if found.ndim != 1 or found.dtype.kind not in "uifb":
            raise UserError(f"{self._path}: {name} should hold plain numbers, found {values.type}")
        return found.astype(np.float64)


def _numeric(branch: Any) -> bool:
    """Whether a branch holds numbers, or lists of them: nothing else is unpacked."""
    return _NUMBER.fullmatch(_LISTS.sub("", branch.typename or "")) is not None
