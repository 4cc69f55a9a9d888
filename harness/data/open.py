"""Where the data of a run come from: the embedded dataset, made once and kept, or a file."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import mapped
from ..errors import UserError, traced
from ..files import cache_folder, make_folder
from ..plugin.datasets import DatasetMaker, MakeRequest, Particles, Responses
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from . import dataset
from .dataset import Dataset
from .plausible import units_problem
from .recognise import dataset_file
from .split import TEST_FRACTION, VALIDATION_FRACTION, selected
from .sums import Projection
from .unit import Gathered, Unit
from .verify import BY_CHECKSUMS, verified

Report = Callable[[int], None]

SEEDS = 2**63
MOST = 10**9  # particles, or responses of each, of a dataset that is made
CONDITIONS = 64  # to try a simulator with
_PARTICLES = 1  # seed of those: of no dataset that comes with simbench


def maker_of(registry: Registry, detector: Detector, name: str | None = None) -> DatasetMaker:
    """The dataset maker called ``name``, or the first that has an embedded dataset of ``detector``.

    Raises:
        UserError: there is none for this detector.
    """
    if name is not None:
        maker = registry.datasets[name]
        if detector.name not in maker.detectors:
            raise UserError(
                f"dataset maker {name!r} does not serve {detector.name!r}; it serves "
                f"{', '.join(maker.detectors)}"
            )
        return maker
    for maker in registry.datasets:
        if detector.name in maker.embedded:
            return maker
    raise UserError(f"no embedded dataset for detector {detector.name!r}; name a file with --data")


def make(path: Path, maker: DatasetMaker, request: MakeRequest, report: Report = lambda _: None) -> str:
    """Make a dataset file and return its fingerprint; ``report`` is told the rows written so far."""
    for what, number in (("particles", request.particles), ("repeats", request.repeats)):
        if number < 1:
            raise UserError(f"{what} should be at least 1, found {number}")
        if number > MOST:
            raise UserError(f"{what} should be at most {MOST:,}, found {number}")
    if not -SEEDS <= request.seed < SEEDS:
        raise UserError(f"--seed should be within 2**63 of 0, found {request.seed}")
    if request.like is not None and not maker.draws_like:
        raise UserError(f"dataset maker {maker.name!r} draws particles of its own only, none like a file's")
    if request.shared and not maker.shares_particles:
        raise UserError(f"dataset maker {maker.name!r} draws a particle in one detector only")
    make_folder(path.parent)
    blocks: Iterator[Responses] = maker.make(request)
    try:
        return dataset.write(
            path,
            request.detector,
            blocks,
            min_photons=request.min_photons,
            provenance=maker.provenance,
            progress=report,
        )
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:  # a maker may be anyone's
        raise UserError(f"dataset maker {maker.name}: {traced(error)}") from error


def embedded_path(
    registry: Registry,
    detector: Detector,
    report: Callable[[int, int], None],
    maker_name: str | None = None,
) -> Path:
    """The embedded dataset's file, made on first use; ``report(done, total)`` follows the making.

    Raises:
        UserError: no maker, or not the one of that name, has an embedded dataset of the detector.
    """
    maker = maker_of(registry, detector, maker_name)
    if detector.name not in maker.embedded:
        raise UserError(f"dataset maker {maker.name!r} has no embedded dataset of {detector.name!r}")
    spec = maker.embedded[detector.name]
    name = f"{maker.name}-{detector.name}-{spec.particles}x{spec.repeats}-seed{spec.seed}"
    # The fingerprint in the name retires a cached file when the maker's physics changes.
    suffix = f"-{spec.fingerprint[:12]}" if spec.fingerprint else ""
    path = cache_folder() / f"{name}{suffix}.h5"
    if not path.exists():
        total = spec.particles * spec.repeats
        request = MakeRequest(detector, spec.particles, spec.repeats, spec.seed)
        found = make(path, maker, request, lambda done: report(done, total))
        if spec.fingerprint not in (None, found):
            warnings.warn(
                f"the embedded dataset of {detector.name} made here has the fingerprint {found[:12]}, "
                f"expected {str(spec.fingerprint)[:12]}: this machine's arithmetic differs",
                stacklevel=2,
            )
    return path


def embedded(data: str) -> bool:
    """Whether ``--data`` names an embedded dataset: ``embedded``, or ``embedded:`` and a dataset maker."""
    return data.partition(":")[0] == "embedded"


def former(registry: Registry, fingerprint: str) -> str | None:
    """What the dataset of that fingerprint is, if it is one that an earlier version embedded."""
    return next(
        (maker.former[fingerprint] for maker in registry.datasets if fingerprint in maker.former), None
    )


def open_data(
    registry: Registry,
    detector: Detector,
    data: str,
    report: Callable[[int, int], None] = lambda *_: None,
    *,
    partial: bool = False,
    force: bool = False,
) -> Dataset:
    """Open ``--data``: ``embedded`` or ``embedded:MAKER``, a dataset file, or users' files of a known kind.

    Args:
        registry: whose readers and makers.
        detector: whose responses.
        data: as ``--data`` has it.
        report: told the rows of the embedded dataset made so far, of how many.
        partial: do without the files of a folder that cannot be read.
        force: take what is not plausible.

    Raises:
        UserError: it cannot be read, does not hold responses of ``detector``, or its content is not what its
            fingerprint says.
    """
    if embedded(data):
        path = embedded_path(registry, detector, report, data.partition(":")[2] or None)
    else:
        path = dataset_file(registry, detector, data, cache_folder, partial=partial, force=force)
    opened = Dataset(path)
    try:
        opened.require(detector)
        opened.checked = BY_CHECKSUMS if data == "embedded" else verified(opened)
        if not (force or embedded(data)):
            _require_units(opened, detector)
    except BaseException:
        opened.__exit__(None, None, None)
        raise
    return opened


def _require_units(opened: Dataset, detector: Detector) -> None:
    doubt = units_problem(opened.conditions, detector)
    if doubt:
        raise UserError(f"{opened.path}: {doubt}; if this is right, say --force")


def particles_of(data: Dataset) -> Particles:
    """The particles of a dataset in the order in which they appear, and how many responses each has."""
    _, first, count = np.unique(data.particle, return_index=True, return_counts=True)
    order = np.argsort(first)
    rows = first[order]
    return Particles(data.conditions[rows], data.pdg[rows], count[order].astype(np.int64))


def split_rows(
    data: Dataset, kind: str, seed: int, min_photons: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row indices of the training and of the test part, of responses at or above ``min_photons``.

    The split is made before the threshold is applied: a particle's side does not depend on the threshold.

    Raises:
        UserError: the threshold is below the dataset's own, or leaves a part empty; or the split is that of
            the files, and these have no parts.
    """
    if min_photons < data.min_photons:
        raise UserError(
            f"--min-photons {min_photons} is below the dataset's own threshold {data.min_photons}: "
            "the responses in between are not in the file"
        )
    test = _of_test_files(data) if kind == "file" else selected(data.particle, kind, seed, TEST_FRACTION)
    kept = np.ones(len(data), dtype=np.bool_)
    if min_photons > data.min_photons:
        kept = data.photons() >= min_photons
    parts = mapped.flatnonzero(~test & kept), mapped.flatnonzero(test & kept)
    if not all(len(part) for part in parts):
        raise UserError(f"--min-photons {min_photons} leaves no responses in the training or the test part")
    return parts


def _of_test_files(data: Dataset) -> npt.NDArray[np.bool_]:
    if data.part is None:
        raise UserError(
            f"--split file needs data of training and of test files: {data.path.name} does not tell them "
            "apart; name the test files when you import them: simbench data import KIND FILES --test FILE"
        )
    test: npt.NDArray[np.bool_] = data.part == 1
    if test.all() or not test.any():
        raise UserError(
            f"--split file needs data of training and of test files: all {len(test)} responses are of "
            f"{'test' if test.any() else 'training'} files"
        )
    return test


def share_of_test(data: Dataset, kind: str) -> float:
    """The share of the test part that a split of this kind has."""
    return float(_of_test_files(data).mean()) if kind == "file" else TEST_FRACTION


@dataclass(frozen=True)
class Parts:
    """Row indices of the three parts of a dataset, each ascending.

    Attributes:
        train: what a model learns from.
        validation: a tenth of the training part, by particles or events: what chooses a checkpoint.
        test: what decides.
    """

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def parts_of(data: Dataset, kind: str, seed: int, min_photons: int) -> Parts:
    """The three parts, as trainings and runs know them.

    Raises:
        UserError: as :func:`split_rows`, or a part would be empty.
    """
    learned, test = split_rows(data, kind, seed, min_photons)
    held_out = selected(data.particle[learned], kind, seed, VALIDATION_FRACTION, "validation")
    return Parts(learned[~held_out], learned[held_out], test)


def load_rows(data: Dataset, rows: npt.NDArray[np.int64], projection: Projection) -> Unit:
    """What is kept of some rows, conditions and particles too; the responses are read once and dropped."""
    gathered = Gathered(len(rows))
    for block in data.blocks(rows):
        gathered.put(gathered.responses, projection(block))
    return replace(
        gathered.unit(),
        particle=mapped.take(data.particle, rows),
        conditions=mapped.take(data.conditions, rows),
        features=projection.features,
    )


def conditions_of(registry: Registry, detector: Detector, rows: int = CONDITIONS) -> npt.NDArray[np.float32]:
    """(rows, F) conditions of ``detector``, from the first dataset maker that serves it.

    Raises:
        UserError: there is none.
    """
    for maker in registry.datasets:
        if detector.name in maker.detectors:
            blocks = maker.make(MakeRequest(detector, rows, 1, _PARTICLES))
            parts = [block.conditions for block in islice(blocks, rows)]
            return np.concatenate(parts)[:rows].astype(np.float32)
    raise UserError(
        f"no dataset maker serves detector {detector.name!r}: there are no conditions to check with"
    )
