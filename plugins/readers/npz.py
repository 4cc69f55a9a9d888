"""Responses and particles in a pair of ``.npz`` files, as Wojnar and Majerz keep them.

Particles are the nine features; the PDG id follows, and in Majerz's files the response's photon sum after it
(both as their published code takes them apart). Older pairs lack the PDG id.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import as_responses, photon_sums, require_shape
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses

from .arrays import ArrayFile
from .zdc_images import upright
from .zdc_particles import NAMES, features

BLOCK = 512  # responses
_FEATURES = len(NAMES)
_COLUMNS = {"wojnar": (_FEATURES, _FEATURES + 1), "majerz": (_FEATURES + 2,)}


def _read(kind: str, request: ReadRequest) -> Iterator[Responses]:
    if len(request.files) != 2:
        raise UserError(f"{kind} needs two files, RESPONSES PARTICLES; found {len(request.files)}")
    return upright(_blocks(kind, request), request.detector, request.files[0])


read_wojnar = partial(_read, "wojnar")
read_majerz = partial(_read, "majerz")


def _blocks(kind: str, request: ReadRequest) -> Iterator[Responses]:
    images, table = request.files
    with ArrayFile(images) as responses, ArrayFile(table) as particles:
        if len(responses.shape) == 2 and len(particles.shape) == 3:
            raise UserError(f"the files should be RESPONSES PARTICLES, found {images} and {table}: swap them")
        require_shape(images, request.detector, responses.shape)
        values = _table(kind, particles)
        if len(values) != responses.shape[0]:
            raise UserError(
                f"{table}: there should be {responses.shape[0]} particles, one a response of {images}, "
                f"found {len(values)}"
            )
        pdg = _ids(values[:, _FEATURES], table) if values.shape[1] > _FEATURES else None
        conditions = features(values[:, :_FEATURES], table, pdg=pdg)
        ids = np.zeros(len(values), np.int32) if pdg is None else pdg.astype(np.int32)
        start = 0
        for block in responses.blocks(BLOCK):
            rows = slice(start, start + len(block))
            showers = as_responses(block, request.detector, images, start)
            if kind == "majerz":
                _check_sums(showers, values[rows, _FEATURES + 1], images, table, start)
            yield Responses(showers, conditions[rows], np.arange(rows.start, rows.stop), ids[rows])
            start = rows.stop


def _table(kind: str, particles: ArrayFile) -> npt.NDArray[np.float64]:
    columns = _COLUMNS[kind]
    if len(particles.shape) != 2 or particles.shape[1] not in columns:
        other = [name for name, known in _COLUMNS.items() if particles.shape[1:] in [(n,) for n in known]]
        hint = f": it looks like kind {other[0]}" if other else ""
        raise UserError(
            f"{particles.path}: particles should have the shape (N, {' or '.join(map(str, columns))}), "
            f"found {particles.shape}{hint}"
        )
    return particles.whole().astype(np.float64)


def _ids(values: npt.NDArray[np.float64], table: Path) -> npt.NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        right = (values == np.rint(values)) & (np.abs(values) < 2**31)
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise UserError(
            f"{table}: row {row}, column {_FEATURES} should be a PDG id (whole), found {values[row]:g}"
        )
    return values.astype(np.int64)


def _check_sums(
    showers: npt.NDArray[Any], expected: npt.NDArray[np.float64], images: Path, table: Path, first: int
) -> None:
    found = photon_sums(showers)
    wrong = np.flatnonzero(~(found == expected))
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{table}: row {first + row}, the photon sum in the last column should be {found[row]}, that of "
            f"the response in {images}, found {expected[row]:g}"
        )
