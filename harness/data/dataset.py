"""Labelled responses in one HDF5 file: written in blocks, read lazily, told apart by a fingerprint.

Layout, version 1: datasets ``showers`` (N, H, W) unsigned integers, ``conditions`` (N, F) float32,
``particle`` (N,) int64 (which responses share a condition), ``pdg`` (N,) int32; attributes
``format_version``, ``detector``, ``feature_names``, ``feature_units``, ``min_photons``, ``provenance`` and
``fingerprint``; ``left_out`` only if files were left out. Data sets are gzip-compressed in chunks with a
checksum each. Version 2 differs in one thing: ``showers`` are float32, for detectors that measure instead of
counting. A group ``stream``, which need not be there, holds the raw particles before any selection:
``conditions`` (K, F), ``particle`` (K,), ``pdg`` (K,) and ``hit`` (K, R) uint8; see
:class:`~simbench.harness.plugin.datasets.RawParticles`. Nor need ``part`` (N,) uint8: 0 for rows of training
files, 1 for rows of test files.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from .. import mapped
from ..arrays import plain
from ..errors import UserError
from ..files import atomic
from ..plugin.datasets import RawParticles, Responses
from ..plugin.detectors import Detector
from .checks import photon_sums
from .columns import COLUMNS, PART, STREAM, Fingerprint, read_stream, strangers
from .hdf5 import Written, reason, require_filters

FORMAT_VERSION = 1  # of counts
MEASURED_VERSION = 2  # of float32 showers
BLOCK = 1024  # rows read, written or hashed at a time
_COLUMN = 64 * BLOCK  # rows of conditions and the like read at a time
_ATTRIBUTES = ("detector", "feature_names", "feature_units", "min_photons", "provenance", "fingerprint")


class Dataset:
    """An open dataset file. Conditions are in memory, responses are read when asked for.

    Attributes:
        path: the file.
        detector, feature_names, min_photons, provenance, fingerprint: its attributes.
        checked: how it is known that the content is what the fingerprint says, if it is.
        left_out: what of the files that it was made of could not be read, and why.
        shape: (H, W) of a response.
        counted: whether responses are counts, or measured.
        conditions: (N, F) float32; particle: (N,) int64; pdg: (N,) int32.
        part: (N,) uint8, 1 for rows of test files and 0 for those of training files; or None.

    Raises:
        UserError: the file cannot be read, is truncated, or is not of this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checked: str | None = None
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise UserError(f"cannot read the dataset {path}: {reason(path, error)}") from error
        try:
            self._read_head()
        except (UserError, MemoryError):
            self._file.close()
            raise
        except Exception as error:  # h5py raises errors of many kinds for what is damaged or out of place
            self._file.close()
            raise UserError(f"cannot read the dataset {path}: {reason(path, error)}") from error

    def _read_head(self) -> None:
        attributes = self._file.attrs
        version = attributes.get("format_version")
        if version is None or int(version) not in (FORMAT_VERSION, MEASURED_VERSION):
            found = "none" if version is None else str(version)
            raise UserError(
                f"{self.path} is no simbench dataset: format_version should be {FORMAT_VERSION} or "
                f"{MEASURED_VERSION}, found {found}"
            )
        missing = [name for name in _ATTRIBUTES if name not in attributes]
        missing += [name for name in COLUMNS if name not in self._file]
        if missing:
            raise UserError(f"{self.path} is no complete dataset: it lacks {', '.join(missing)}")
        self.detector = str(attributes["detector"])
        self.feature_names = tuple(str(name) for name in attributes["feature_names"])
        self.min_photons = int(attributes["min_photons"])
        self.provenance = str(attributes["provenance"])
        self.fingerprint = str(attributes["fingerprint"])
        self.left_out = tuple(str(each) for each in attributes.get("left_out", ()))
        showers = self._file["showers"]
        self.counted = counted = int(version) == FORMAT_VERSION
        if showers.ndim != 3 or (showers.dtype.kind != "u" if counted else showers.dtype != np.float32):
            expected_type = "unsigned integers" if counted else "float32"
            raise UserError(
                f"{self.path}: showers should be {expected_type} (N, H, W), "
                f"found {showers.dtype} of shape {showers.shape}"
            )
        self.shape: tuple[int, int] = (int(showers.shape[1]), int(showers.shape[2]))
        count = len(showers)
        for name, expected in (
            ("conditions", (count, len(self.feature_names))),
            ("particle", (count,)),
            ("pdg", (count,)),
            *([(PART, (count,))] if PART in self._file else []),
        ):
            if self._file[name].shape != expected:
                raise UserError(
                    f"{self.path}: {name} should have the shape {expected} to match {count} showers, "
                    f"found {self._file[name].shape}"
                )
        for name in COLUMNS:
            require_filters(self._file[name], self.path)
        self.conditions: npt.NDArray[np.float32] = self._column("conditions", np.float32)
        self.particle: npt.NDArray[np.int64] = self._column("particle", np.int64)
        self.pdg: npt.NDArray[np.int32] = self._column("pdg", np.int32)
        self.part: npt.NDArray[np.uint8] | None = self._column(PART, np.uint8) if PART in self._file else None
        if self.part is not None and self.part.max(initial=0) > 1:
            raise UserError(f"{self.path}: part should be 0 (training) or 1 (test), found {self.part.max()}")
        turns = range(0, count, _COLUMN)
        finite = [np.isfinite(self.conditions[start : start + _COLUMN]).all(axis=1) for start in turns]
        bad = np.flatnonzero(~np.concatenate(finite or [np.ones(0, np.bool_)]))
        if len(bad):
            raise UserError(f"{self.path}: conditions of row {bad[0]} are not finite ({len(bad)} such rows)")
        mapped.forget()

    def _column(self, name: str, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """What the file has of every response, unpacked in turns."""
        stored = self._file[name]
        values = mapped.empty(stored.shape, kind)
        for start in range(0, len(stored), _COLUMN):
            values[start : start + _COLUMN] = stored[start : start + _COLUMN]
            mapped.forget()
        return values

    def __len__(self) -> int:
        return len(self.particle)

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def require(self, detector: Detector) -> None:
        """Raise UserError unless the file holds responses of ``detector``."""
        for what, expected, found in (
            ("detector", detector.name, self.detector),
            ("image shape", detector.shape, self.shape),
            ("features", detector.feature_names, self.feature_names),
        ):
            if expected != found:
                raise UserError(f"{self.path}: {what} should be {expected}, found {found}")

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Showers ``start`` to ``stop`` (exclusive) as stored: (stop - start, H, W) counts, or float32.

        Raises:
            UserError: the file is damaged there.
        """
        try:
            showers: npt.NDArray[Any] = self._file["showers"][start:stop]
        except (OSError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise UserError(f"{self.path} is damaged at rows {start} to {stop}: {why}") from error
        return showers

    def blocks(self, rows: npt.NDArray[np.int64] | None = None) -> Iterator[npt.NDArray[Any]]:
        """The showers of ``rows`` (ascending indices; by default all), block by block: (n <= BLOCK, H, W)."""
        for start in range(0, len(self), BLOCK):
            stop = min(start + BLOCK, len(self))
            if rows is None:
                yield self.read(start, stop)
                continue
            low, high = np.searchsorted(rows, (start, stop))
            if high > low:
                yield self.read(start, stop)[rows[low:high] - start]

    def responses(self, start: int, showers: npt.NDArray[Any]) -> Responses:
        """Showers (n, H, W) from the row ``start`` on, with what the file has of them."""
        rows = slice(start, start + len(showers))
        part = None if self.part is None else self.part[rows]
        return Responses(showers, self.conditions[rows], self.particle[rows], self.pdg[rows], part=part)

    def stream(self) -> RawParticles | None:
        """The raw particles behind the responses, if the file has them.

        Raises:
            UserError: they are damaged or do not fit each other.
        """
        return read_stream(self._file, self.path, len(self.feature_names))

    def photons(self) -> npt.NDArray[Any]:
        """(N,) photon sums of all responses; one pass over the file."""
        sums = [photon_sums(block) for block in self.blocks()]
        return np.concatenate(sums) if sums else np.zeros(0, np.int64)

    def content(self, look: Callable[[int, npt.NDArray[Any]], None] = lambda *_: None) -> str:
        """The fingerprint that the content gives; reads the whole file, and shows ``look`` each block."""
        fingerprint = Fingerprint()
        for start, showers in zip(range(0, len(self), BLOCK), self.blocks(), strict=True):
            fingerprint.update(self.responses(start, showers))
            look(start, showers)
        stream = self.stream()
        if stream is not None:
            fingerprint.update_stream(stream)
        return fingerprint.digest(self.detector, self.feature_names, self.min_photons)

    def check(self) -> list[str]:
        """One line for each thing wrong with the content; reads the whole file."""
        problems: list[str] = []

        def faint(start: int, showers: npt.NDArray[Any]) -> None:
            low = np.flatnonzero(photon_sums(showers) < self.min_photons)
            if len(low):
                problems.append(
                    f"row {start + low[0]}: a photon sum below the threshold {self.min_photons} "
                    f"({len(low)} such rows in this block)"
                )

        found = self.content(faint)
        stream = self.stream()
        if stream is not None:
            problems += strangers(stream, self.particle, self.conditions)
        if found != self.fingerprint:
            problems.append(f"fingerprint should be {self.fingerprint[:12]}, the content gives {found[:12]}")
        order = np.argsort(self.particle, kind="stable")
        same = self.particle[order[1:]] == self.particle[order[:-1]]
        differ = (self.conditions[order[1:]] != self.conditions[order[:-1]]).any(axis=1)
        if (same & differ).any():
            row = int(order[1:][same & differ][0])
            problems.append(
                f"row {row}: particle {self.particle[row]} has conditions that differ between rows"
            )
        return problems


def write(
    path: Path,
    detector: Detector,
    blocks: Iterable[Responses],
    *,
    min_photons: int,
    provenance: str | Callable[[], str],
    progress: Callable[[int], None] = lambda _: None,
    left_out: tuple[str, ...] = (),
) -> str:
    """Write blocks of responses to a new dataset file and return its fingerprint.

    Args:
        path: appears when all is written, not before.
        detector: whose responses these are.
        blocks: responses in order.
        min_photons: the photon threshold that all of them meet.
        provenance: a sentence that says where they come from, or what tells it when all is written.
        progress: called with the number of rows written so far.
        left_out: what should be among them and is not, and why.

    Raises:
        UserError: the file cannot be written.
        ValueError: a block does not fit the detector.
        TypeError: a block masks some of its values.
    """
    fingerprint = Fingerprint()
    try:
        with atomic(path) as part, Written(part) as disk, h5py.File(disk, "w") as file:
            rows = raw = 0
            for block in blocks:
                _check_block(block, detector)
                fingerprint.update(block)
                if rows and (block.part is None) == (PART in file):
                    raise ValueError("blocks should tell their part all or none")
                for name in (*COLUMNS, *(() if block.part is None else (PART,))):
                    _append(file, name, getattr(block, name), rows)
                disk.check()
                rows += len(block.particle)
                if block.stream is not None:
                    for name, dtype in STREAM.items():
                        _append(file, f"stream/{name}", getattr(block.stream, name).astype(dtype), raw)
                    raw += len(block.stream.particle)
                progress(rows)
            digest = fingerprint.digest(detector.name, detector.feature_names, min_photons)
            file.attrs["format_version"] = FORMAT_VERSION if detector.counted else MEASURED_VERSION
            file.attrs["detector"] = detector.name
            file.attrs["feature_names"] = list(detector.feature_names)
            file.attrs["feature_units"] = [feature.unit for feature in detector.features]
            file.attrs["min_photons"] = min_photons
            file.attrs["provenance"] = provenance if isinstance(provenance, str) else provenance()
            if left_out:
                file.attrs["left_out"] = list(left_out)
            file.attrs["fingerprint"] = digest
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    return digest


def _check_block(block: Responses, detector: Detector) -> None:
    for name in COLUMNS:
        plain(getattr(block, name), f"the {name} of a block")
    dtype = block.showers.dtype
    if block.showers.shape[1:] != detector.shape or (
        dtype.kind != "u" if detector.counted else dtype != "f4"
    ):
        expected_type = "unsigned integers" if detector.counted else "float32"
        raise ValueError(
            f"showers of {detector.name} should be {expected_type} (n, {detector.shape[0]}, "
            f"{detector.shape[1]}), found {dtype} of shape {block.showers.shape}"
        )
    count = len(block.showers)
    for name, expected in (
        ("conditions", (count, len(detector.features))),
        ("particle", (count,)),
        ("pdg", (count,)),
        *([] if block.part is None else [(PART, (count,))]),
    ):
        found = getattr(block, name).shape
        if found != expected:
            raise ValueError(f"{name} should have the shape {expected} for {count} showers, found {found}")


def _append(file: h5py.File, name: str, values: npt.NDArray[Any], rows: int) -> None:
    if name not in file:
        file.create_dataset(
            name,
            data=values,
            maxshape=(None, *values.shape[1:]),
            chunks=(min(BLOCK, 256 if values.ndim == 3 else BLOCK), *values.shape[1:]),
            compression="gzip",
            compression_opts=4,
            shuffle=True,
            fletcher32=True,
        )
        return
    if not np.can_cast(values.dtype, file[name].dtype):  # HDF5 would cut the values without a word
        raise ValueError(f"{name} began as {file[name].dtype}, which cannot hold a later {values.dtype}")
    file[name].resize(rows + len(values), axis=0)
    file[name][rows:] = values
