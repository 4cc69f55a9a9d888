"""Files of showers as the challenge has them, read block by block as one sequence, and checked."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from ..data.hdf5 import reason, require_filters
from ..errors import UserError
from ..plugin.geometry import Cylinders, Floats

NUMBERS = 4_000_000  # voxels that a block holds at most


@dataclass
class Repairs:
    """What was taken otherwise than it stands in the files.

    Attributes:
        negative: voxels below zero, read as zero.
        flat: whether energies had the shape (N,) instead of (N, 1).
    """

    negative: int = 0
    flat: bool = False


class Showers:
    """Files of ``incident_energies`` (N, 1) and ``showers`` (N, V), in MeV, joined in the order given.

    Args:
        paths: the files.
        geometry: where the V voxels lie.
        detector: its name, for messages.

    Raises:
        UserError: a file cannot be read, or its arrays do not fit the detector; says which and why.
    """

    def __init__(self, paths: Sequence[Path], geometry: Cylinders, detector: str) -> None:
        self.paths = tuple(paths)
        self.geometry = geometry
        self.repairs = Repairs()
        self._detector = detector
        self._open = ExitStack()
        self._parts: list[tuple[Path, Any, Any]] = []
        try:
            for path in paths:
                self._parts.append((path, *self._arrays(path)))
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __len__(self) -> int:
        return sum(len(showers) for _, _, showers in self._parts)

    @property
    def energies(self) -> Floats:
        """(N,) incident energies, in MeV.

        Raises:
            UserError: one is not above 0.
        """
        found = []
        for path, energies, _ in self._parts:
            with _reading(path):
                values = np.asarray(energies[()], dtype=np.float64).reshape(-1)
            wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
            if len(wrong):
                raise UserError(
                    f"{path}: row {wrong[0]}, the incident energy should be above 0 MeV, "
                    f"found {values[wrong[0]]:g}"
                )
            found.append(values)
        return np.concatenate(found)

    def blocks(self, dtype: npt.DTypeLike = np.float64) -> Iterator[npt.NDArray[Any]]:
        """(n, V) voxels in MeV, block after block; those below the threshold are 0.

        Raises:
            UserError: a voxel is NaN or infinite, or a file is damaged.
        """
        self.repairs.negative = 0
        step = max(1, NUMBERS // self.geometry.voxels)
        for path, _, showers in self._parts:
            for start in range(0, len(showers), step):
                with _reading(path):
                    block = np.asarray(showers[start : start + step], dtype=np.float64)
                if not np.isfinite(block).all():
                    row, column = (int(place) for place in np.argwhere(~np.isfinite(block))[0])
                    raise UserError(
                        f"{path}: row {start + row}, voxel {column} should be a finite energy, "
                        f"found {block[row, column]}"
                    )
                self.repairs.negative += int((block < 0).sum())
                block[block < max(self.geometry.threshold, 0)] = 0
                yield block.astype(dtype, copy=False)

    def identity(self) -> str:
        """A hash of what the files hold, as far as is cheap: sizes, times, energies and some showers."""
        digest = hashlib.sha256()
        for path, _, showers in self._parts:
            stat = path.stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns} {showers.shape}".encode())
            for row in sorted({0, len(showers) // 2, len(showers) - 1}):
                digest.update(np.asarray(showers[row], dtype=np.float64).tobytes())
        digest.update(self.energies.tobytes())
        return digest.hexdigest()

    def _arrays(self, path: Path) -> tuple[Any, Any]:
        with _reading(path):
            file = self._open.enter_context(h5py.File(path, "r"))
            energies, showers = (_numbers(file, name, path) for name in ("incident_energies", "showers"))
        voxels = self.geometry.voxels
        if showers.ndim != 2 or showers.shape[1] != voxels or not len(showers):
            raise UserError(
                f"{path}: showers of {self._detector} should have the shape (N, {voxels}), "
                f"found {showers.shape}"
            )
        if energies.shape not in ((len(showers), 1), (len(showers),)):
            raise UserError(
                f"{path}: incident_energies should have the shape ({len(showers)}, 1), one for each shower, "
                f"found {energies.shape}"
            )
        self.repairs.flat |= energies.ndim == 1
        return energies, showers


def _numbers(file: h5py.File, name: str, path: Path) -> Any:
    values = file.get(name)
    if not isinstance(values, h5py.Dataset) or values.dtype.kind not in "uif":
        found = ", ".join(file) or "nothing"
        raise UserError(f"{path}: there should be a data set {name} of numbers, found {found}")
    require_filters(values, path)
    return values


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tells what HDF5 raises of a file as one line."""
    try:
        yield
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(f"cannot read {path}: {reason(path, error)}") from error
