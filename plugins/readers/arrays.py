"""NumPy arrays in ``.npz`` and ``.npy`` files, read in blocks of rows: no more than a block is in memory."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from simbench.harness.errors import UserError

_ZIP = b"PK\x03\x04"
KEY = "arr_0"  # what numpy.savez calls an array without a name
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    tokenize.TokenError,  # of a damaged header
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class ArrayFile:
    """An array in a file, open for reading from its first row to its last.

    Attributes:
        path: the file.
        shape, dtype: of the array.

    Raises:
        UserError: the file cannot be read, or does not hold one array of numbers by the name ``arr_0``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = ExitStack()
        with ExitStack() as opened, self._told():
            self._file = self._member(opened)
            version = np.lib.format.read_magic(self._file)
            if version not in _HEADERS:
                raise UserError(f"{path}: the array's format should be 1.0 or 2.0, found {version}")
            self.shape, self._columns_first, self.dtype = _HEADERS[version](self._file)
            if self.dtype.kind not in "uif":
                raise UserError(f"{path}: the array should hold numbers, found {self.dtype}")
            self._open = opened.pop_all()

    def __enter__(self) -> "ArrayFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _member(self, opened: ExitStack) -> IO[bytes]:
        with self.path.open("rb") as file:
            start = file.read(len(np.lib.format.MAGIC_PREFIX))
        if start == np.lib.format.MAGIC_PREFIX:
            return opened.enter_context(self.path.open("rb"))
        if not start.startswith(_ZIP):
            raise UserError(f"{self.path}: it should be an .npz or .npy file, found other content")
        archive = opened.enter_context(zipfile.ZipFile(self.path))
        names = archive.namelist()
        if names.count(f"{KEY}.npy") != 1:
            raise UserError(
                f"{self.path}: there should be one array {KEY}, found {', '.join(names) or 'none'}"
            )
        return opened.enter_context(archive.open(f"{KEY}.npy"))

    def whole(self) -> npt.NDArray[Any]:
        """The array, which should be small."""
        with self._told():
            count = int(np.prod(self.shape, dtype=np.int64))
            values = np.frombuffer(self._exactly(count * self.dtype.itemsize), self.dtype)
            self._end()
        return values.reshape(self.shape, order="F" if self._columns_first else "C")

    def blocks(self, rows: int) -> Iterator[npt.NDArray[Any]]:
        """The array in blocks of ``rows`` rows, the last one maybe shorter."""
        if self._columns_first:
            raise UserError(
                f"{self.path}: the array should be stored row by row, found Fortran order; "
                "save numpy.ascontiguousarray of it"
            )
        size = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        for start in range(0, self.shape[0], rows):
            count = min(rows, self.shape[0] - start)
            with self._told(f" at row {start} of {self.shape[0]}"):
                values = np.frombuffer(self._exactly(count * size), self.dtype)
            yield values.reshape(count, *self.shape[1:])
        with self._told():
            self._end()

    def _exactly(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = self._file.read(min(missing, 1 << 24))
            if not part:
                raise UserError(f"{self.path} is truncated: {size - missing} bytes of {size} are there")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        if self._file.read(1):  # and a zip file's checksum is looked at here
            raise UserError(f"{self.path}: there should be {self.shape} values, found more")

    @contextmanager
    def _told(self, place: str = "") -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except _DAMAGE as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"cannot read {self.path}{place}: {reason}") from error
