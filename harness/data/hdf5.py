"""HDF5 files at their edges: why one cannot be read, what its filters need, and a disk that is full."""

import importlib
import io
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py

from ..errors import UserError

# Registered filters, and the Python packages that bring them:
# https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
_FILTERS = {
    4: ("SZIP", "an h5py that is built with it"),
    307: ("bzip2", "hdf5plugin"),
    32000: ("LZF", "h5py"),
    32001: ("Blosc", "hdf5plugin"),
    32004: ("LZ4", "hdf5plugin"),
    32008: ("Bitshuffle", "hdf5plugin"),
    32013: ("ZFP", "hdf5plugin"),
    32015: ("Zstandard", "hdf5plugin"),
    32017: ("SZ", "hdf5plugin"),
    32018: ("FCIDECOMP", "hdf5plugin"),
    32024: ("SZ3", "hdf5plugin"),
    32026: ("Blosc2", "hdf5plugin"),
    32028: ("SPERR", "hdf5plugin"),
}


def reason(path: Path, error: BaseException) -> str:
    """Why HDF5 could not read a file, without its internals."""
    if path.is_symlink() and not path.exists():
        return f"it is a link to {path.readlink()}, which is not there"
    if not path.exists():
        return "no such file"
    if path.is_dir():
        return "it is a folder"
    text = " ".join(str(error).split())
    if "truncated" in text:
        return "the HDF5 file is truncated"
    if "lock" in text or "already open for write" in text:
        return "the HDF5 file is being written"
    if "signature" in text:
        return _instead(path)
    return str(getattr(error, "strerror", None) or text or type(error).__name__)


def _instead(path: Path) -> str:
    """What a file is that HDF5 does not know."""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(64)
        if not start:
            return "it is no HDF5 file: it is empty"
        if start.startswith(b"version https://git-lfs"):
            return "it is a pointer of Git LFS, and the content is not here: git lfs pull"
        if not start.strip(b"\0"):
            return "it is no HDF5 file: it begins with zeros, as one that is still being written does"
    return "it is no HDF5 file"


def require_filters(values: h5py.Dataset, place: Path | str) -> None:
    """Raise UserError, with what to install, where a data set is packed by a filter that is not there."""
    packed = values.id.get_create_plist()
    for index in range(packed.get_nfilters()):
        number, _, _, name = packed.get_filter(index)
        if h5py.h5z.filter_avail(number):
            continue
        with suppress(ImportError):  # it registers its filters
            importlib.import_module("hdf5plugin")
        if h5py.h5z.filter_avail(number):
            continue
        told, package = _FILTERS.get(number, (None, "hdf5plugin, or the plugin that has it"))
        title = told or name.decode(errors="replace") or "unknown"
        get = f"pip install {package}" if " " not in package else f"install {package}"
        raise UserError(
            f"{place}: {values.name.strip('/')} is compressed by the HDF5 filter {number} ({title}), "
            f"which is not installed: {get}"
        )


class Written:
    """A file for h5py to write to, in which a full disk is an exception, and not the end of the process.

    HDF5 cannot close a file whose last pieces it cannot write, and crashes. What the disk does not take is
    kept here instead until the file is closed, and then the error is raised.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._kept: list[tuple[int, bytes]] = []
        self._place = self._end = 0
        self.error: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as late:
            self.error = self.error or late
        if self.error is not None and kind is None:
            raise self.error

    def check(self) -> None:
        """Raise what the disk has said."""
        if self.error is not None:
            raise self.error

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """As a file."""
        self._place = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence] + place
        return self._place

    def tell(self) -> int:
        """As a file."""
        return self._place

    def write(self, data: Any) -> int:
        """As a file; never fails."""
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._file.seek(self._place)
                done = 0
                while done < len(view):
                    done += self._file.write(view[done:])
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._kept.append((self._place, bytes(view)))
        self._place += len(view)
        self._end = max(self._end, self._place)
        return len(view)

    def read(self, size: int) -> bytes:
        """As a file."""
        found = bytearray(size)
        self.readinto(found)
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        """As a file."""
        view = memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        with suppress(OSError):
            self._file.seek(self._place)
            found = self._file.read(len(view))
            view[: len(found)] = found
        for place, data in self._kept:
            first, last = max(place, self._place), min(place + len(data), self._place + len(view))
            if first < last:
                view[first - self._place : last - self._place] = data[first - place : last - place]
        self._place += len(view)
        return len(view)

    def truncate(self, size: int) -> int:
        """As a file; never fails."""
        self._end = size
        if self.error is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Nothing waits here."""
