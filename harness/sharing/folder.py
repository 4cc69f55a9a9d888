"""A folder of submissions, plain files that a Git repository holds well.

``FOLDER/DETECTOR/PROTOCOL/NAME/`` has a run's ``result.json``, ``scores.csv`` and ``units``, and a
``submission.json`` with the checksum of each. ``PROTOCOL`` is the beginning of a digest of all that is held
fixed: whatever lies in one such folder may stand in one table.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import make_folder, read_json, write_json
from ..plugin.registry import Registry
from ..record.folder import RunFolder, unit_path
from ..record.responses import responses_folder
from .checks import TOLERANCE, require_schema, require_scores, require_sound

SUBMISSION = "submission.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Submission:
    """A run that was filed.

    Attributes:
        name: of the submission.
        added: when, as ``2026-11-25``.
        protocol: the digest of what it holds fixed.
        run: its folder.
    """

    name: str
    added: str
    protocol: str
    run: RunFolder

    @property
    def detector(self) -> str:
        """Whose responses."""
        return str(self.run.result["protocol"]["detector"])


def protocol_digest(protocol: Mapping[str, Any]) -> str:
    """Twelve digits that tell what is held fixed: metrics and their versions too."""
    return hashlib.sha256(json.dumps(protocol, sort_keys=True).encode()).hexdigest()[:12]


def add(
    registry: Registry,
    run: Path,
    to: Path,
    name: str | None = None,
    added: str | None = None,
    tolerance: float = TOLERANCE,
) -> Path:
    """Check a run and file it; gives the folder of the submission, which appears whole.

    Args:
        registry: whose metrics score it again.
        run: the folder that ``simbench run`` wrote.
        to: the folder of submissions, made if need be.
        name: of the submission; by default the run folder's name.
        added: the day, by default today.
        tolerance: relative, of each score that is made again.

    Raises:
        UserError: the run is refused; says why.
    """
    if not 0 <= tolerance < 1:
        raise UserError(f"--tolerance should be from 0 and below 1, found {tolerance:g}")
    name = Path(os.path.abspath(run)).name if name is None else name  # noqa: PTH100 - a link keeps its name
    if not _NAME.fullmatch(name):
        raise UserError(
            f"the name {name!r} is refused: a submission's has a-z, 0-9, and after the first sign also . _ -"
        )
    added = date.today().isoformat() if added is None else added
    _require_date(added)
    folder = require_sound(run)
    protocol = folder.result["protocol"]
    place = to / str(protocol["detector"]) / protocol_digest(protocol)
    if (place / name).exists():
        raise UserError(f"{place / name} is there already: give another --name")
    _require_same_reference(folder, place)
    require_scores(registry, folder, tolerance)
    make_folder(place)
    part = place / f".{name}.{secrets.token_hex(8)}.part"
    try:
        for path in _files(folder):
            target = part / path.relative_to(run)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        checksums = {path.relative_to(part).as_posix(): _checksum(path) for path in _all(part)}
        told = {"schema": 1, "name": name, "added": added, "files": checksums}
        require_schema("submission", told, run)
        write_json(part / SUBMISSION, told)
        part.rename(place / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place / name


def submissions(folder: Path) -> list[Submission]:
    """All submissions of a folder, by detector, protocol, day and name; their checksums are not looked at.

    Raises:
        UserError: there is none, or one is not of this form or in the wrong place.
    """
    found = [_read(path.parent) for path in sorted(folder.glob(f"*/*/*/{SUBMISSION}"))]
    if not found:
        raise UserError(f"{folder} holds no submission: simbench results add RUN --to {folder} files one")
    return sorted(found, key=lambda one: (one.detector, one.protocol, one.added, one.name))


def problems(registry: Registry, folder: Path, tolerance: float, report: Report) -> Iterator[str]:
    """What is wrong in a folder of submissions, a line each; ``report`` is told those that are checked."""
    places = [path for path in sorted(folder.glob("*/*/*")) if path.is_dir()]
    if not places:
        raise UserError(f"{folder} holds no submission: simbench results add RUN --to {folder} files one")
    for stray in sorted(folder.glob("*/*/*")):
        if not stray.is_dir():
            yield f"{stray} is no submission"
    for number, place in enumerate(places):
        try:
            _require_checksums(place)
            submission = _read(place)
            require_sound(place)
            _require_same_reference(submission.run, place.parent)
            require_scores(registry, submission.run, tolerance)
        except UserError as error:
            yield str(error)
        report(number + 1, len(places))


def _read(place: Path) -> Submission:
    told = read_json(place / SUBMISSION)
    require_schema("submission", told, place / SUBMISSION)
    _require_date(told["added"])
    run = RunFolder(place)
    require_schema("result", run.result, place / "result.json")
    protocol = run.result["protocol"]
    expected = (protocol["detector"], protocol_digest(protocol), told["name"])
    if place.parts[-3:] != expected:
        raise UserError(f"{place}: its detector, protocol and name are {'/'.join(expected)}")
    return Submission(told["name"], told["added"], expected[1], run)


def _require_checksums(place: Path) -> None:
    told = read_json(place / SUBMISSION)
    require_schema("submission", told, place / SUBMISSION)
    there = {path.relative_to(place).as_posix(): path for path in _all(place) if path.name != SUBMISSION}
    for name in sorted(told["files"].keys() | there.keys()):
        if name not in there:
            raise UserError(f"{place / name} is missing")
        if name not in told["files"]:
            raise UserError(f"{place / name} is not one of the submission's files")
        if _checksum(there[name]) != told["files"][name]:
            raise UserError(f"{place / name} is not what was submitted: its checksum is another")


def _require_same_reference(run: RunFolder, place: Path) -> None:
    """The responses that a run was scored by are those of the other submissions of its protocol."""
    reference = run.reference
    for path in sorted(place.glob(f"[!.]*/{SUBMISSION}")):
        if path.parent == run.path:
            continue
        other = RunFolder(path.parent).reference
        if other is not None and reference is not None and not np.array_equal(other.sums, reference.sums):
            raise UserError(f"{run.path}: the reference responses are not those of {path.parent}")
        return


def _require_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"the day should be like 2026-11-25, found {text!r}") from error


def _files(run: RunFolder) -> Iterator[Path]:
    """What is filed of a run: what it is scored from, and no page."""
    units = run.path / "units"
    yield from (run.path / "result.json", run.path / "scores.csv")
    paths = [units / "reference.npz", units / "training.npz"]
    for model in run.result["models"]:
        if model["status"] == "ok":
            runs = range(run.result["settings"]["runs"])
            paths += [unit_path(units, model["name"], f"run{number}") for number in runs]
    for path in paths:
        yield from (path,) if path.exists() else ()
        yield from sorted(responses_folder(path).glob("*.npz"))


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _checksum(path: Path) -> str:
    if path.is_symlink():
        raise UserError(f"{path} is a link: a submission holds its files itself")
    return hashlib.sha256(path.read_bytes()).hexdigest()
