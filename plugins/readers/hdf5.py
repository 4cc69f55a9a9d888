"""HDF5 files: our own, and those of the CaloChallenge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from simbench.harness.challenge.showers import Showers
from simbench.harness.data.checks import as_responses
from simbench.harness.data.dataset import BLOCK, Dataset
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses

from ..calochallenge import PDG

_LOWEST = 100.0  # MeV, as the median: below, it is GeV that are meant


def require_mev(energies: npt.NDArray[Any], path: Path) -> None:
    """Raise UserError where incident energies of the CaloChallenge's detectors can hardly be in MeV."""
    if np.median(energies) < _LOWEST:
        raise UserError(
            f"{path}: incident_energies should be in MeV, 256 and more in the published data sets, "
            f"found a median of {np.median(energies):.4g} (GeV?); if this is right, say --force"
        )


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
                yield data.responses(start, data.read(start, min(start + BLOCK, len(data))))


def read_calochallenge(request: ReadRequest) -> Iterator[Responses]:
    """Files of ``incident_energies`` and ``showers``, in MeV, each as the challenge reads it."""
    geometry = request.detector.geometry
    if geometry is None:
        raise UserError(f"detector {request.detector.name} has no layers of rings and angles")
    for path in request.files:
        with Showers((path,), geometry, request.detector.name) as showers:
            energies: Any = showers.energies  # double precision: the importer tells what does not fit
            if not request.force:
                require_mev(energies, path)
            start = 0
            for block in showers.blocks():
                rows = slice(start, start + len(block))
                start = rows.stop
                yield Responses(
                    as_responses(
                        block.reshape(-1, *request.detector.shape), request.detector, path, rows.start
                    ),
                    energies[rows, None],
                    np.arange(rows.start, rows.stop),
                    np.full(len(block), PDG[request.detector.name], np.int32),
                )
            if showers.repairs.negative:
                warn(f"{path}: {showers.repairs.negative} voxels are below 0 MeV: read as 0", stacklevel=2)
