"""Labelled responses, and how a plugin offers to make or to read them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .detectors import Detector


@dataclass(frozen=True)
class RawParticles:
    """Particles before any selection, K of them, and which of their responses held anything at all.

    A dataset holds the responses that are not empty; efficiencies are learned and told from these.

    Attributes:
        conditions: (K, F) float32, physical units.
        particle: (K,) int64, the particle's number in the dataset, -1 if the dataset has none of it.
        pdg: (K,) int32 particle identity (PDG numbering), 0 if unknown.
        hit: (K, R) bool, whether each of R raw responses, drawn once and never redrawn, is not empty.
    """

    conditions: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int64]
    pdg: npt.NDArray[np.int32]
    hit: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Responses:
    """A block of labelled responses, N of them.

    Attributes:
        showers: (N, H, W) unsigned integers, the detector's unit.
        conditions: (N, F) float32, physical units.
        particle: (N,) int64; equal numbers share a condition.
        pdg: (N,) int32 particle identity (PDG numbering), 0 if unknown.
        stream: the raw particles that this block came from, if the source knows them; in all blocks or none.
        part: (N,) uint8, which part its file is of: 0 training, 1 test; in all blocks or none.
    """

    showers: npt.NDArray[Any]
    conditions: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int64]
    pdg: npt.NDArray[np.int32]
    stream: RawParticles | None = None
    part: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Particles:
    """Particles of which responses are asked for, P of them.

    Attributes:
        conditions: (P, F) float32, physical units.
        pdg: (P,) int32 particle identity (PDG numbering), 0 if unknown.
        repeats: (P,) int64, how many responses of each.
    """

    conditions: npt.NDArray[np.float32]
    pdg: npt.NDArray[np.int32]
    repeats: npt.NDArray[np.int64]


@dataclass(frozen=True)
class MakeRequest:
    """What a dataset maker is asked for: ``particles`` x ``repeats`` responses of ``detector``.

    With ``like``, the responses are to be of those particles, as many of each as it says, in its order, and a
    response that never reaches the threshold is left out; only makers with :attr:`DatasetMaker.draws_like`
    are asked so. With ``shared``, names of detectors, particles come from the guns of all of them in turn and
    nothing is selected or redrawn: particle i is the same for each detector asked with the same ``shared``
    and seed; only makers with :attr:`DatasetMaker.shares_particles` are asked so.
    """

    detector: Detector
    particles: int
    repeats: int
    seed: int
    min_photons: int = 1
    like: Particles | None = None
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Embedded:
    """The dataset that a maker stands for when no data are named: its size, seed and fingerprint."""

    particles: int
    repeats: int
    seed: int
    fingerprint: str | None = None


@dataclass(frozen=True)
class DatasetMaker:
    """A source of labelled responses that a plugin offers.

    Attributes:
        name: what ``simbench data make --simulator`` calls it.
        title: its name in prose.
        detectors: names of the detectors it serves.
        make: yields blocks of :class:`Responses` in order.
        provenance: the sentence that every file and table made from it carries.
        embedded: by detector name, the dataset that ``--data embedded`` means.
        draws_like: whether it draws responses of given particles, :attr:`MakeRequest.like`.
        shares_particles: whether it draws one particle in several detectors, :attr:`MakeRequest.shared`.
        former: what a dataset is, by the fingerprint of an embedded dataset of an earlier version.
    """

    name: str
    title: str
    detectors: tuple[str, ...]
    make: Callable[[MakeRequest], Iterator[Responses]]
    provenance: str
    embedded: Mapping[str, Embedded] = field(default_factory=dict)
    draws_like: bool = False
    shares_particles: bool = False
    former: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadRequest:
    """What a dataset reader is asked to read.

    Attributes:
        detector: whose responses the files should hold.
        files: in the order of :attr:`DatasetReader.files`; each is there, and no folder.
        min_photons: the importer drops responses with a smaller photon sum. Only a reader of files that were
            filtered before needs to look at it.
        force: whether to take what is not plausible, such as numbers that look like another unit's.
        options: what ``--option NAME=VALUE`` says, of the names in :attr:`DatasetReader.options`.
    """

    detector: Detector
    files: tuple[Path, ...]
    min_photons: int = 1
    force: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a reader finds in a folder in which not all is well.

    Attributes:
        files: those that it can read, in order.
        left_out: those that it would have to do without, such as one that is cut short or lacks its partner,
            each with a few words that say why. The user is told, and nothing is read unless told to.
    """

    files: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...] = ()


def _of_no_part(_path: Path) -> bool:
    return False


def _finds_nothing(_detector: Detector, _path: Path) -> tuple[Path, ...] | None:
    return None


@dataclass(frozen=True)
class DatasetReader:
    """A kind of users' files that a plugin can read, for ``simbench data import`` and ``--data``.

    Attributes:
        name: the KIND of ``simbench data import KIND FILES`` and of ``--data KIND:FILE,FILE``.
        title: its name in prose.
        files: which files, in which order: ``IMAGES CONDITIONS [POSITIONS]``.
        read: yields blocks of :class:`Responses` in the files' order, in flat memory, empty responses
            included: the importer drops and counts what is below the threshold, groups equal conditions
            (``particle`` may be anything) and stores counts as unsigned integers. What is wrong with a file
            is a ``simbench.harness.errors.UserError`` of one line: file, place, expected, found.
        provenance: a sentence about files of this kind; the importer adds their names and a hash.
        detectors: names of the detectors that it reads; ``None``: any.
        find: ``find(detector, path)``: the files of this kind that a file belongs to, or that a folder holds,
            in order; ``None`` if there are none, :class:`Found` if some cannot be read. It looks at names, or
            at the head of a file, no more.
        min_photons: the threshold of an import unless another is asked for; by default 1 of what is counted,
            and 0 of what is measured.
        options: by name, what can be said of the files by ``--option NAME=VALUE``, in a few words.
        test_file: whether a file is, by its name, of the test part that such data are published with; files
            of both parts together can be split so (``--split file``).
    """

    name: str
    title: str
    files: str
    read: Callable[[ReadRequest], Iterator[Responses]]
    provenance: str
    detectors: tuple[str, ...] | None = None
    find: Callable[[Detector, Path], Found | tuple[Path, ...] | None] = _finds_nothing
    min_photons: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    test_file: Callable[[Path], bool] = _of_no_part

    def threshold(self, detector: Detector) -> int:
        """Of an import, unless another is asked for."""
        return int(detector.counted) if self.min_photons is None else self.min_photons
