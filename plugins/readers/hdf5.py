"""HDF5 files: our own, and those of the CaloChallenge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simbench.harness.data.checks import as_responses
from simbench.harness.data.dataset import BLOCK, Dataset
from simbench.harness.data.hdf5 import reason, require_filters
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses

_LOWEST = 100.0  # MeV, as the median: below, it is GeV that are meant
_CALO_BLOCK = 256  # responses; one of the finest has 40,500 voxels


def read_simbench(request: ReadRequest) -> Iterator[Responses]:
    """Our own files, one after the other, to be filtered or joined."""
    for path in request.files:
        with Dataset(path) as data:
            data.require(request.detector)
            if request.min_photons < data.min_photons:
                raise UserError(
                    f"{path} holds responses of {data.min_photons} photons or more only: "
                    f"--min-photons should be at least that, found {request.min_photons}"
                )
            for start in range(0, len(data), BLOCK):
                rows = slice(start, min(start + BLOCK, len(data)))
                showers = data.read(rows.start, rows.stop)
                yield Responses(showers, data.conditions[rows], data.particle[rows], data.pdg[rows])


def read_calochallenge(request: ReadRequest) -> Iterator[Responses]:
    """Files of ``incident_energies`` (N, 1) and ``showers`` (N, V), both in MeV, one after the other."""
    for path in request.files:
        try:
            with h5py.File(path, "r") as file:
                yield from _calo_blocks(file, path, request)
        except UserError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError) as error:  # h5py's, for what is damaged
            raise UserError(f"cannot read {path}: {reason(path, error)}") from error


def _calo_blocks(file: h5py.File, path: Path, request: ReadRequest) -> Iterator[Responses]:
    detector = request.detector
    energies, showers = (_numbers(file, name, path) for name in ("incident_energies", "showers"))
    voxels = detector.shape[0] * detector.shape[1]
    if showers.ndim != 2 or showers.shape[1] != voxels:
        raise UserError(
            f"{path}: showers of {detector.name} should have the shape (N, {voxels}), found {showers.shape}"
        )
    if energies.shape != (len(showers), 1):
        raise UserError(
            f"{path}: incident_energies should have the shape ({len(showers)}, 1), one for each shower, "
            f"found {energies.shape}"
        )
    for start in range(0, len(showers), _CALO_BLOCK):
        rows = slice(start, min(start + _CALO_BLOCK, len(showers)))
        incident = energies[rows]
        wrong = np.flatnonzero(~(np.isfinite(incident[:, 0]) & (incident[:, 0] > 0)))
        if len(wrong):
            raise UserError(
                f"{path}: row {start + wrong[0]}, the incident energy should be above 0 MeV, "
                f"found {incident[wrong[0], 0]:g}"
            )
        if not start and not request.force and np.median(incident) < _LOWEST:
            raise UserError(
                f"{path}: incident_energies should be in MeV, 256 and more in the published data sets, found "
                f"a median of {np.median(incident):.4g} (GeV?); if this is right, say --force"
            )
        images = showers[rows].reshape(-1, *detector.shape)
        count = len(images)
        yield Responses(
            as_responses(images, detector, path, start),
            incident,
            np.arange(rows.start, rows.stop),
            np.zeros(count, np.int32),
        )


def _numbers(file: h5py.File, name: str, path: Path) -> Any:
    values = file.get(name)
    if not isinstance(values, h5py.Dataset) or values.dtype.kind not in "uif":
        found = ", ".join(file) or "nothing"
        raise UserError(f"{path}: there should be a data set {name} of numbers, found {found}")
    require_filters(values, path)
    return values
