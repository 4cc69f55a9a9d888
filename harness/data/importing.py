"""Imports users' files: what a reader yields becomes a dataset of our own, filtered, grouped and named."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import plain
from ..errors import UserError, traced
from ..files import make_folder
from ..plugin.datasets import DatasetReader, ReadRequest, Responses
from ..plugin.detectors import Detector
from . import dataset
from .checks import as_responses, photon_sums
from .plausible import Plausibility

Report = Callable[[int], None]
_NAMED = 4  # files in a provenance, which every table repeats


@dataclass(frozen=True)
class Imported:
    """What an import brought.

    Attributes:
        responses, particles: how many were written.
        dropped: how many responses were below the threshold.
        smallest, largest: photon sum of those written.
        fingerprint: of the dataset.
    """

    responses: int
    particles: int
    dropped: int
    smallest: float
    largest: float
    fingerprint: str


def import_files(
    reader: DatasetReader,
    request: ReadRequest,
    out: Path,
    report: Report = lambda _: None,
    *,
    left_out: tuple[str, ...] = (),
    test: tuple[Path, ...] = (),
) -> Imported:
    """Read files of one kind and write them as a dataset, which appears whole or not at all.

    Responses with equal conditions (bitwise, as float32) become one particle; particles are numbered in the
    order in which they appear. Responses below the threshold are dropped and counted. Counts are stored in
    16 bits if they fit.

    Args:
        reader: of the files' kind.
        request: whose responses, the files and the threshold.
        out: the HDF5 file to write.
        report: told the number of responses read so far.
        left_out: what of the user's files is not among them, and why; the dataset tells it.
        test: files of the test part, read after the request's, which are the training part; none if the
            files have no parts.

    Raises:
        UserError: a file is missing or is not what the reader reads, changes while it is read, or holds what
            is not plausible; or nothing is left to write.
    """
    every = replace(request, files=(*request.files, *test))
    _check(reader, every)
    make_folder(out.parent)
    before = _states(every.files)
    digest = content_hash(every.files)
    for width in (np.uint16, np.uint32) if request.detector.counted else (np.float32,):
        intake = _Intake(reader, every, np.dtype(width), report, left_out, before, len(test))
        try:
            fingerprint = dataset.write(
                out,
                request.detector,
                intake.blocks(),
                min_photons=request.min_photons,
                provenance=partial(intake.provenance, digest),
                left_out=left_out,
            )
        except _TooLargeError:
            continue
        return intake.imported(fingerprint)
    raise AssertionError("as_responses lets nothing through that 32 bits do not hold")


def content_hash(files: tuple[Path, ...]) -> str:
    """A hash of the content of files, in their order, whatever they are called.

    Raises:
        UserError: one cannot be read.
    """
    whole = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return whole.hexdigest()


def _check(reader: DatasetReader, request: ReadRequest) -> None:
    name = request.detector.name
    if reader.detectors is not None and name not in reader.detectors:
        held = ", ".join(reader.detectors)
        raise UserError(f"{reader.name} files hold no responses of {name!r}; they hold those of {held}")
    if request.min_photons < 0:
        raise UserError(f"--min-photons should be 0 or more, found {request.min_photons}")
    for option in request.options:
        if option not in reader.options:
            known = "; ".join(f"{name}: {meaning}" for name, meaning in reader.options.items())
            raise UserError(f"{reader.name} files have no option {option!r}; {known or 'they have none'}")
    if not request.files:
        raise UserError(f"{reader.name} needs files: {reader.files}")
    seen: dict[tuple[int, int], Path] = {}
    for path in request.files:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "no such file"
            if path.is_symlink():
                found = f"a link to {path.readlink()}, which is not there"
            raise UserError(f"cannot read {path}: it should be a file of {reader.name}, found {found}")
        state = path.stat()
        twice = seen.setdefault((state.st_dev, state.st_ino), path)
        if twice is not path:
            raise UserError(
                f"{path} is named twice, the first time as {twice}: its responses would count twice"
            )


def _states(files: tuple[Path, ...]) -> list[tuple[int, ...]]:
    """What tells that a file has changed."""
    states = [path.stat() for path in files if path.exists()]
    return [(state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for state in states]


class _TooLargeError(Exception):
    """A count does not fit into the width tried."""


class _Intake:
    """Filters and groups what a reader yields, and counts."""

    def __init__(
        self,
        reader: DatasetReader,
        request: ReadRequest,
        width: np.dtype[Any],
        report: Report,
        left_out: tuple[str, ...],
        before: list[tuple[int, ...]],
        tests: int,
    ) -> None:
        self._reader, self._request, self._width, self._report = reader, request, width, report
        self._left_out, self._before, self._tests = left_out, before, tests
        self._plausible = Plausibility(request.detector)
        self._doubt: str | None = None
        self._numbers: dict[bytes, int] = {}  # of particles, by the bytes of their conditions
        self._read = self._kept = 0
        self._range = (np.inf, -np.inf)

    def blocks(self) -> Iterator[Responses]:
        detector = self._request.detector
        for block, part in self._parts():
            sums = photon_sums(block.showers)
            kept = sums >= self._request.min_photons
            self._read += len(kept)
            self._plausible.add(sums, block.conditions)
            self._report(self._read)
            if not kept.any():
                continue
            showers, conditions = block.showers[kept], block.conditions[kept]
            if detector.counted and showers.max() > np.iinfo(self._width).max:
                raise _TooLargeError
            self._kept += len(showers)
            self._range = min(self._range[0], sums[kept].min()), max(self._range[1], sums[kept].max())
            yield Responses(
                showers.astype(self._width, copy=False),
                conditions,
                self._group(conditions),
                block.pdg[kept],
                part=part if part is None else part[kept],
            )
        if not self._kept:
            raise UserError(
                f"{self._names()}: none of {self._read} responses has a photon sum of "
                f"{self._request.min_photons} or more"
            )
        self._doubt = self._plausible.problem()
        if self._doubt and not self._request.force:
            raise UserError(f"{self._names()}: {self._doubt}; if this is right, say --force")
        for path, before, after in zip(
            self._request.files, self._before, _states(self._request.files), strict=True
        ):
            if before != after:
                raise UserError(
                    f"{path} changed while it was read: wait until it is written, and start again"
                )

    def _parts(self) -> Iterator[tuple[Responses, npt.NDArray[np.uint8] | None]]:
        """The reader's blocks, with the part of each row if the files have parts."""
        files = self._request.files
        ends = (0, len(files) - self._tests, len(files)) if self._tests else (0, len(files))
        for number, (start, stop) in enumerate(pairwise(ends)):
            for block in self._raw(replace(self._request, files=files[start:stop])):
                told = block.part
                if self._tests:
                    told = np.full(len(block.showers), number, np.uint8)
                yield block, told

    def _raw(self, request: ReadRequest) -> Iterator[Responses]:
        """The reader's blocks, with the right types; whatever it raises is one line."""
        read = 0
        try:
            for block in self._reader.read(request):
                yield _typed(block, self._request.detector, self._names(), read)
                read += len(block.showers)
        except UserError:
            raise
        except Exception as error:  # a reader may be anyone's
            raise UserError(
                f"{self._names()}: cannot be read as {self._reader.name}: {traced(error)}"
            ) from error

    def _group(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        numbers = self._numbers
        rows = conditions.view(f"V{4 * conditions.shape[1]}").ravel()
        each = (numbers.setdefault(row.tobytes(), len(numbers)) for row in rows)
        return np.fromiter(each, np.int64, len(rows))

    def _names(self) -> str:
        return ", ".join(map(str, self._request.files))

    def provenance(self, digest: str) -> str:
        """Where the responses come from, without a folder's name."""
        names = [path.name for path in self._request.files]
        if len(names) > _NAMED:
            names[_NAMED:] = [f"{len(names) - _NAMED} more"]
        tests = f" (the last {self._tests} of them for the test)" if self._tests else ""
        more = f"; WITHOUT {', '.join(self._left_out)}" if self._left_out else ""
        if self._request.options:
            more += "; read with " + ", ".join(
                f"{name}={value}" for name, value in self._request.options.items()
            )
        more += "; taken with --force though not plausible" if self._doubt else ""
        return (
            f"{self._reader.provenance}, imported from {self._reader.name} files {', '.join(names)}{tests}, "
            f"SHA-256 {digest[:16]}; {self._kept} of {self._read} responses with {self._request.min_photons} "
            f"{self._request.detector.unit} or more{more}"
        )

    def imported(self, fingerprint: str) -> Imported:
        low, high = map(float, self._range)
        return Imported(self._kept, len(self._numbers), self._read - self._kept, low, high, fingerprint)


def _plain(values: Any, place: str) -> npt.NDArray[Any]:
    try:
        return plain(values, f"{place}: the reader")
    except TypeError as error:
        raise UserError(str(error)) from error


def _typed(block: Responses, detector: Detector, place: str, first: int) -> Responses:
    """A block with the types of a dataset. Zeros of either sign are one, so that they group together.

    Raises:
        UserError: the arrays do not fit the detector or each other; a condition is not finite.
    """
    showers = as_responses(_plain(block.showers, place), detector, place, first)
    with np.errstate(over="ignore"):
        conditions = _plain(block.conditions, place).astype(np.float32) + np.float32(0)
    pdg = _plain(block.pdg, place).astype(np.int32)
    expected = (len(showers), len(detector.features))
    if conditions.shape != expected or pdg.shape != expected[:1]:
        raise UserError(
            f"{place}: {len(showers)} responses should have conditions of shape {expected} and as many PDG "
            f"ids, found {conditions.shape} and {pdg.shape}"
        )
    bad = np.argwhere(~np.isfinite(conditions))
    if len(bad):
        row, feature = bad[0]
        raise UserError(
            f"{place}: row {first + row}, {detector.feature_names[feature]} should be finite, "
            f"found {conditions[row, feature]}"
        )
    part = None if block.part is None else _plain(block.part, place).astype(np.uint8)
    if part is not None and (part.shape != pdg.shape or part.max(initial=0) > 1):
        raise UserError(f"{place}: part should be {len(pdg)} numbers, 0 (training) or 1 (test)")
    particle = np.zeros(len(showers), np.int64)
    return Responses(showers, np.ascontiguousarray(conditions), particle, pdg, part=part)
