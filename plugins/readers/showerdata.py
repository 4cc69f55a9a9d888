"""HDF5 files of the package ``showerdata``: showers as clouds of points, of any number.

``showers`` is a list of numbers a shower, point after point: x and y in mm, the layer, the energy in GeV and,
in files of five columns, the time; ``shape`` has the number of columns, ``num_points`` that of points,
``energies`` (N, 1) and ``pdg`` (N,) are of the particles and ``directions`` (N, 3) their unit vectors.
https://github.com/FLC-QU-hep/ShowerData
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from simbench.harness.data.hdf5 import reason, require_filters
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses
from simbench.harness.plugin.geometry import Cylinders

from ..calochallenge import PDG
from .hdf5 import require_mev
from .hits import Filling, factor, require_finite, whole

NEEDED = ("showers", "shape", "num_points", "energies", "pdg", "directions")
_NUMBERS = 4_000_000  # voxels that a block holds at most
_STRAIGHT = 1e-3  # of a direction along z: how large the other parts may be


def read_showerdata(request: ReadRequest) -> Iterator[Responses]:
    """Files of point clouds, one after the other, in the detector's voxels.

    Raises:
        UserError: a file is damaged or of another layout, its arrays do not fit each other, or the detector
            has no voxels in cylinders or other features than the particle's energy.
    """
    detector = request.detector
    if detector.geometry is None or len(detector.features) != 1:
        raise UserError(
            f"showerdata files hold points around the particle's direction and its energy: {detector.name} "
            "should have layers of rings and angles, and the incident energy as its one feature"
        )
    for path in request.files:
        try:
            with h5py.File(path, "r") as file:
                yield from _blocks(request, detector.geometry, path, _arrays(file, path))
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise UserError(f"cannot read {path}: {reason(path, error)}") from error


def _arrays(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    found = {name: file.get(name) for name in NEEDED}
    missing = [name for name, values in found.items() if not isinstance(values, h5py.Dataset)]
    if missing:
        raise UserError(
            f"{path}: there should be the data sets {', '.join(NEEDED)}, found no {', '.join(missing)} among "
            f"{', '.join(file) or 'nothing'}"
        )
    for name, values in found.items():
        require_filters(values, path)
        kind = h5py.check_vlen_dtype(values.dtype) if name == "showers" else values.dtype
        if kind is None or kind.kind not in "uif":
            raise UserError(f"{path}: {name} should hold numbers, found {values.dtype}")
    return found


def _blocks(
    request: ReadRequest, geometry: Cylinders, path: Path, arrays: dict[str, h5py.Dataset]
) -> Iterator[Responses]:
    detector = request.detector
    feature = detector.features[0]
    count = len(arrays["showers"])
    columns = _columns(arrays, path)
    points = whole(np.asarray(arrays["num_points"][()], np.float64).reshape(-1), "num_points", path)
    pdg = whole(np.asarray(arrays["pdg"][()], np.float64).reshape(-1), "pdg", path).astype(np.int32)
    energies = np.asarray(arrays["energies"][()], np.float64).reshape(-1)
    directions = np.asarray(arrays["directions"][()], np.float64)
    for name, length in (
        ("num_points", points),
        ("pdg", pdg),
        ("energies", energies),
        ("directions", directions),
    ):
        if len(length) != count:
            raise UserError(f"{path}: {name} should have {count} rows, one a shower, found {len(length)}")
    _require_particles(energies, directions, path, request.force)
    energies = energies * factor(request.options.get("energies", "GeV"), feature.unit, "--option energies")
    if detector.name in PDG and not request.force and count:
        require_mev(energies, path)
    scale = factor(request.options.get("points", "GeV"), detector.unit, "--option points")
    filling = Filling(detector, path)
    step = max(1, _NUMBERS // geometry.voxels)
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        cloud = _cloud(arrays["showers"][rows], points[rows], columns, path, start)
        for column, name in enumerate(("x", "y", "the layer or depth")):
            require_finite(cloud[:, column], name, path, points[rows], start)
        number = _layer(cloud[:, 2], geometry, request.options.get("depth", "layer"), path, start)
        place = geometry.voxel_at(
            number, np.hypot(cloud[:, 0], cloud[:, 1]), np.arctan2(cloud[:, 1], cloud[:, 0])
        )
        showers = filling.responses(points[rows], place, cloud[:, 3] * scale, start)
        yield Responses(
            showers, energies[rows, None].astype(np.float32), np.arange(rows.start, rows.stop), pdg[rows]
        )
    filling.tell()


def _columns(arrays: dict[str, h5py.Dataset], path: Path) -> int:
    shape = np.asarray(arrays["shape"][()]).reshape(-1).tolist()
    if len(shape) != 3 or shape[2] not in (4, 5):
        raise UserError(f"{path}: shape should be showers, points and 4 or 5 columns, found {shape}")
    return int(shape[2])


def _require_particles(
    energies: npt.NDArray[np.float64], directions: npt.NDArray[np.float64], path: Path, force: bool
) -> None:
    wrong = np.flatnonzero(~(np.isfinite(energies) & (energies > 0)))
    if len(wrong):
        raise UserError(
            f"{path}: row {wrong[0]}, the incident energy should be above 0, found {energies[wrong[0]]:g}"
        )
    if directions.ndim != 2 or directions.shape[1] != 3:
        raise UserError(f"{path}: directions should have the shape (N, 3), found {directions.shape}")
    aside = np.flatnonzero(~(np.abs(directions[:, :2]) <= _STRAIGHT).all(axis=1))
    if len(aside) and not force:
        found = ", ".join(f"{value:g}" for value in directions[aside[0]])
        raise UserError(
            f"{path}: row {aside[0]}, the direction should be along z, for it is no feature of the detector, "
            f"found {found} ({len(aside)} of {len(directions)} showers); if this is right, say --force"
        )


def _cloud(
    showers: npt.NDArray[Any], points: npt.NDArray[np.int64], columns: int, path: Path, first: int
) -> npt.NDArray[np.float64]:
    """(M, columns) points of all showers of a block."""
    sizes = np.fromiter((len(shower) for shower in showers), np.int64, len(showers))
    wrong = np.flatnonzero(sizes != points * columns)
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{path}: row {first + row} should have {points[row]} points, as num_points says, of {columns} "
            f"numbers, found {sizes[row]} numbers"
        )
    return np.concatenate([*showers, np.zeros(0)]).astype(np.float64).reshape(-1, columns)


def _layer(
    third: npt.NDArray[np.float64], geometry: Cylinders, depth: str, path: Path, first: int
) -> npt.NDArray[np.int64]:
    """(M,) the number of each point's layer, kept by showerdata as up to a tenth more."""
    if depth != "layer":
        try:
            return geometry.layer_at(third * factor(depth, "mm", "--option depth"))
        except ValueError as error:
            raise UserError(f"--option depth: {error}") from error
    layer = np.floor(third + 0.1)
    aside = np.flatnonzero(np.abs(third - layer) > 0.1)
    if len(aside):
        raise UserError(
            f"{path}: from row {first} on, the third column should hold the layer, found "
            f"{third[aside[0]]:g}; of a depth say --option depth=mm"
        )
    return whole(layer, "layers", path)
