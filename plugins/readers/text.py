"""The text files that zdcfastsim extracts from ALICE O2's full simulation, read line by line.

``non_zero_examples.txt`` has two lines a particle, for the neutron (N) and the proton calorimeter (P), which
agree but for the photon sum; ``neutron_image.txt`` and ``proton_image.txt`` have one image a particle, in the
same order, one line for each first index.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import photon_sums
from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses
from simbench.harness.plugin.detectors import Detector

from .text_images import read_images
from .zdc_images import upright
from .zdc_particles import features, species

HEADER = ("Detector", "Pdg", "Energy", "Vx", "Vy", "Vz", "Px", "Py", "Pz", "PhotonSum")
LETTERS = {"neutron": "N", "proton": "P"}
BLOCK = 1024  # responses


class Examples(NamedTuple):
    """Particles of one file: features (N, 9), PDG ids (N,), photon sums (N,) in the detector asked for."""

    conditions: npt.NDArray[np.float32]
    pdg: npt.NDArray[np.int32]
    photons: npt.NDArray[np.int64]


def read_zdcfastsim(request: ReadRequest) -> Iterator[Responses]:
    """Responses of pairs of files, EXAMPLES IMAGES, one pair after the other.

    Raises:
        UserError: the files are not such pairs, or do not fit each other.
    """
    if len(request.files) % 2:
        raise UserError(f"zdcfastsim needs pairs of files, EXAMPLES IMAGES; found {len(request.files)} files")
    for examples, images in zip(request.files[::2], request.files[1::2], strict=True):
        yield from upright(_blocks(request.detector, examples, images), request.detector, images)


def _blocks(detector: Detector, examples: Path, images: Path) -> Iterator[Responses]:
    particles = read_examples(examples, LETTERS[detector.name])
    start = 0
    for showers in read_images(images, detector.shape, len(particles.pdg), BLOCK):
        rows = slice(start, start + len(showers))
        found, expected = photon_sums(showers), particles.photons[rows]
        wrong = np.flatnonzero(found != expected)
        if len(wrong):
            image = start + int(wrong[0])
            raise UserError(
                f"{images}: image {image} (from line {image * detector.shape[0] + 1}) should have the photon "
                f"sum {expected[wrong[0]]} that {examples} gives, found {found[wrong[0]]}"
            )
        numbers = np.arange(rows.start, rows.stop)
        yield Responses(showers, particles.conditions[rows], numbers, particles.pdg[rows])
        start = rows.stop


def read_examples(path: Path, letter: str) -> Examples:
    """The particles of an examples file, mass and charge by their PDG ids, as detector ``letter`` saw them.

    Raises:
        UserError: the file cannot be read, a line is not what it should be, or a PDG id is unknown.
    """
    values, pdg, photons, lines = array("d"), array("q"), array("q"), array("q")
    for line, cells in _particles(path, letter):
        lines.append(line)
        pdg.append(_whole(cells[1], f"{path}: line {line}, Pdg"))
        for name, cell in zip(HEADER[2:9], cells[2:9], strict=True):
            values.append(_number(cell, f"{path}: line {line}, {name}"))
        photons.append(_whole(cells[9], f"{path}: line {line}, PhotonSum"))
    if not lines:
        raise UserError(f"{path}: there should be two lines, N and P, for each particle, found none")
    ids = np.array(pdg)

    def place(row: int) -> str:
        return f"line {lines[row]}"

    conditions = np.column_stack([np.array(values).reshape(-1, 7), species(ids, path, place)])
    checked = features(conditions, path, place=place)
    return Examples(checked, ids.astype(np.int32), np.array(photons))


def _particles(path: Path, letter: str) -> Iterator[tuple[int, list[str]]]:
    """The line where each particle begins, and the cells of its row for ``letter`` in the order of HEADER."""
    order: list[int] | None = None
    first: tuple[int, list[str]] | None = None
    for line, cells in _lines(path):
        if order is None:
            order = _order(cells, path, line)
            continue
        if len(cells) != len(HEADER):
            raise UserError(f"{path}: line {line} should have {len(HEADER)} values, found {len(cells)}")
        row = [cells[index] for index in order]
        if row[0] not in LETTERS.values():
            found = "a second header" if row[0] == HEADER[0] else repr(row[0])
            raise UserError(f"{path}: line {line}, Detector should be N or P, found {found}")
        if first is None:
            first = line, row
            continue
        if row[0] == first[1][0] or row[1:9] != first[1][1:9]:
            found = f"{row[0]} twice" if row[0] == first[1][0] else "two particles"
            raise UserError(
                f"{path}: lines {first[0]} and {line} should be one particle in the detectors N and P, "
                f"found {found}"
            )
        yield first[0], row if row[0] == letter else first[1]
        first = None
    if first is not None:
        raise UserError(
            f"{path}: line {first[0]} should be followed by the same particle's other row, found none"
        )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that is not blank."""
    line = 0
    try:
        with path.open(encoding="ascii", newline="\n") as file:
            for line, text in enumerate(file, 1):
                if not text.isspace():
                    yield line, [cell.strip() for cell in text.split(",")]
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(
            f"{path}: after line {line} there should be plain text, found byte {byte:#x}"
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _order(cells: list[str], path: Path, line: int) -> list[int]:
    """Where the columns of HEADER are."""
    if sorted(cells) != sorted(HEADER):
        raise UserError(
            f"{path}: line {line} should be the header {','.join(HEADER)}, each name once, found "
            f"{','.join(cells)[:100]}"
        )
    return [cells.index(name) for name in HEADER]


def _whole(text: str, place: str) -> int:
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isdecimal() and len(digits) < 16):
        raise UserError(f"{place} should be a whole number, found {text[:40]!r}")
    return int(text)


def _number(text: str, place: str) -> float:
    try:
        return float(text.replace("_", "?"))  # float() would take 1_000
    except ValueError:
        raise UserError(f"{place} should be a number, found {text[:40]!r}") from None
