"""The columns of a dataset file: their fingerprint, and the raw particles behind its responses."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..plugin.datasets import RawParticles, Responses

COLUMNS = {"showers": "<u4", "conditions": "<f4", "particle": "<i8", "pdg": "<i4"}
PART = "part"  # of the files: a column that need not be there
STREAM = {"conditions": "<f4", "particle": "<i8", "pdg": "<i4", "hit": "|u1"}


class Fingerprint:
    """SHA-256 over the content of a dataset, whatever its compression, chunks or integer width."""

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in COLUMNS}
        self._stream = {name: hashlib.sha256() for name in STREAM}
        self._streams = False
        self._part: hashlib._Hash | None = None

    def update(self, responses: Responses) -> None:
        """Add a block, with its raw particles if it has some."""
        for name, dtype in COLUMNS.items():
            values = getattr(responses, name)
            if name == "showers" and values.dtype.kind == "f":
                dtype = "<f4"
            column = np.ascontiguousarray(values, dtype=dtype)
            self._columns[name].update(column.tobytes())
        if responses.part is not None:
            self._part = self._part or hashlib.sha256()
            self._part.update(np.ascontiguousarray(responses.part, dtype="|u1").tobytes())
        if responses.stream is not None:
            self.update_stream(responses.stream)

    def update_stream(self, stream: RawParticles) -> None:
        """Add raw particles."""
        self._streams = True
        for name, dtype in STREAM.items():
            column = np.ascontiguousarray(getattr(stream, name), dtype=dtype)
            self._stream[name].update(column.tobytes())

    def digest(self, detector: str, feature_names: Iterable[str], min_photons: int) -> str:
        """Of what was added, 64 hexadecimal digits."""
        head: dict[str, Any] = {
            "detector": detector,
            "features": list(feature_names),
            "min_photons": int(min_photons),
        }
        head |= {name: column.hexdigest() for name, column in self._columns.items()}
        if self._streams:
            head["stream"] = {name: column.hexdigest() for name, column in self._stream.items()}
        if self._part is not None:
            head[PART] = self._part.hexdigest()
        return hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()


def read_stream(file: h5py.File, path: Path, features: int) -> RawParticles | None:
    """The group ``stream`` of an open dataset file, with so many features; None if it has none.

    Raises:
        UserError: its columns are damaged, missing or do not fit each other.
    """
    if "stream" not in file:
        return None
    try:
        read = {name: file[f"stream/{name}"][:] for name in STREAM}
    except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: the raw particles (group stream) cannot be read: {reason}") from error
    count = len(read["particle"])
    expected = {"conditions": (count, features), "particle": (count,), "pdg": (count,)}
    expected["hit"] = (count, *read["hit"].shape[1:2])
    for name, shape in expected.items():
        if read[name].shape != shape or read["hit"].ndim != 2:
            raise UserError(
                f"{path}: stream/{name} should have the shape {shape} of {count} raw particles, "
                f"found {read[name].shape}"
            )
    return RawParticles(
        read["conditions"].astype(np.float32, copy=False),
        read["particle"].astype(np.int64, copy=False),
        read["pdg"].astype(np.int32, copy=False),
        read["hit"] != 0,
    )


def strangers(
    stream: RawParticles, particle: npt.NDArray[np.int64], conditions: npt.NDArray[np.float32]
) -> list[str]:
    """One line if responses, of particles (N,) with conditions (N, F), are of none of the raw particles."""
    there = stream.particle >= 0
    order = np.argsort(stream.particle[there], kind="stable")
    numbers = stream.particle[there][order]
    if len(particle) and not len(numbers):
        return ["the raw particles (group stream) hold none of the responses' particles"]
    place = np.minimum(np.searchsorted(numbers, particle), max(len(numbers) - 1, 0))
    same = (numbers[place] == particle) & (stream.conditions[there][order][place] == conditions).all(axis=1)
    if same.all():
        return []
    row = int(np.flatnonzero(~same)[0])
    return [f"row {row}: particle {particle[row]} is not among the raw particles (group stream)"]
