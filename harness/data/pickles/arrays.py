"""Arrays and tables of numbers out of pickles that may be hostile.

A pickle can have its reader run anything. Here none is unpickled: a process with limits
(:mod:`.worker`) says where in the file the numbers are, and refuses by name what has
nothing to do with them; then they are read from there as plain numbers. So nothing in the file is ever
called, and neither its arrays' size nor its lies about it cost memory.
"""

import json
import math
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import UserError

_SECONDS = 60  # of processor time to read a pickle, and one more for every _BYTES of it
_BYTES = 4 * 2**20
_PATIENCE = 5  # how many times longer it may take where the processor is busy


@dataclass(frozen=True)
class PickledArray:
    """An array of numbers in a file.

    Attributes:
        file, offset: where it is; ``offset`` in bytes.
        dtype: of a boolean, an integer or a floating-point number.
        stored: the shape in which it lies there, in C order.
        axes: how it is transposed then.
    """

    file: Path
    offset: int
    dtype: np.dtype[Any]
    stored: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return tuple(self.stored[axis] for axis in self.axes)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Entries ``start`` to ``stop`` (exclusive; by default all) along the first axis, only mapped."""
        rows = range(len(self))[start:stop]
        stored, offset = self.stored, self.offset
        if in_order := self.axes[0] == 0:  # then only these rows are mapped
            stored = (len(rows), *stored[1:])
            offset += rows.start * math.prod(stored[1:]) * self.dtype.itemsize
        if math.prod(stored) == 0:
            content: npt.NDArray[Any] = np.zeros(stored, self.dtype)
        else:
            content = np.memmap(self.file, self.dtype, "r", offset, stored)
        array = content.transpose(self.axes)
        return array if in_order else array[rows.start : rows.stop]


@dataclass(frozen=True)
class PickledTable:
    """A table of numbers.

    Attributes:
        names: of its columns, in order; a name may occur twice.
        columns: (N,) each.
    """

    names: tuple[str, ...]
    columns: tuple[npt.NDArray[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """The first column of that name."""
        return self.columns[self.names.index(name)]


@contextmanager
def pickled(path: Path) -> Iterator[PickledArray | PickledTable]:
    """The NumPy array or the pandas DataFrame in a pickle, to be read as long as the context lasts.

    Protocols 2 to 5, of NumPy 1.13 to 2.4 and pandas 0.19 to 3.1; gzip-compressed or not.

    Raises:
        UserError: the file is missing, damaged or too demanding, or it holds anything else, which the message
            names.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    with tempfile.TemporaryDirectory(prefix="simbench-", ignore_cleanup_errors=True) as folder:
        found = _answer(path, Path(folder))
        if "refused" in found:
            raise UserError(f"{path}: {found['refused']}")
        yield _table(found) if "names" in found else _array(found)


def _answer(path: Path, folder: Path) -> dict[str, Any]:
    """What the process with limits says of a pickle."""
    seconds = _SECONDS + path.stat().st_size // _BYTES
    written = shutil.disk_usage(folder).free // 2
    start = f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.worker import main; main()"
    asked = [str(path.resolve()), str(folder), str(seconds), str(written)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-c", start, *asked],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},
            timeout=_PATIENCE * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"refused": f"not read within {_PATIENCE * seconds} s"}
    if done.returncode == -signal.SIGXCPU:
        return {"refused": f"not read within {seconds} s of processor time"}
    if done.returncode:
        return {"refused": f"its reading ended early, with exit status {done.returncode}"}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _array(found: dict[str, Any]) -> PickledArray:
    return PickledArray(
        Path(found["file"]),
        found["offset"],
        np.dtype(found["dtype"]),
        tuple(found["shape"]),
        tuple(found["axes"]),
    )


def _table(found: dict[str, Any]) -> PickledTable:
    columns: dict[int, npt.NDArray[Any]] = {}
    for block in found["blocks"]:
        columns.update(zip(block["places"], _array(block["values"]).read(), strict=True))
    return PickledTable(tuple(found["names"]), tuple(columns[place] for place in range(len(columns))))
