"""Users' files named directly as ``--data``: recognised, imported once into the cache, opened as ours."""

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import h5py

from ..errors import UserError, traced
from ..files import ways_to
from ..plugin.datasets import DatasetReader, Found, ReadRequest
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from .hdf5 import reason
from .importing import Report, import_files
from .verify import known

# What downloads and copies call a file until it is whole.
_UNFINISHED = re.compile(r"\.?(?P<name>.+)\.(part|partial|filepart|crdownload|download|incomplete|aria2|tmp)")
_COPIED = re.compile(r"\.(?P<name>.+)\.[A-Za-z0-9]{6}")  # rsync's
_PACKED = re.compile(r"(?P<name>.+)\.(gz|bz2|xz|zst|zip|7z|tar)")
_WRITTEN = "it is still being written"
_NAMED = 4  # files in a message


def dataset_file(
    registry: Registry,
    detector: Detector,
    data: str,
    cache: Callable[[], Path],
    report: Report = lambda _: None,
    *,
    partial: bool = False,
    force: bool = False,
) -> Path:
    """The dataset file that ``--data`` means: the file itself if it is ours, else an import of it.

    ``data`` is a file of ours; or ``KIND:FILE,FILE``; or another file, or a folder, that a reader recognises
    as its own. What is imported is kept in the folder ``cache()`` under what identifies the files and their
    reader (:func:`_key`): it is imported again when one of these has changed.

    Args:
        registry: whose readers.
        detector: whose responses.
        data: as ``--data`` has it.
        cache: tells the folder.
        report: told the number of responses read.
        partial: do without the files of a folder that cannot be read, instead of refusing it.
        force: take what is not plausible, see :mod:`.plausible`.

    Raises:
        UserError: nobody recognises it, several do, or it, or a file of it, cannot be read.
    """
    path = Path(data)
    left_out: tuple[str, ...] = ()
    if not path.exists() and not path.is_symlink() and ":" in data:
        kind, _, names = data.partition(":")
        reader = registry.readers[kind]
        files = tuple(Path(name) for name in names.split(",") if name)
    elif _is_ours(path) or not path.exists():
        return path
    else:
        reader, found = _recognised(registry, detector, path)
        files, left_out = found.files, tuple(f"{file.name} ({why})" for file, why in found.left_out)
        if left_out:
            _require_whole(path, found, partial)
    test = tuple(file for file in files if reader.test_file(file))
    learned = tuple(file for file in files if file not in test)
    if not learned:  # of one part only: as files that have none
        learned, test = files, ()
    request = ReadRequest(detector, (*learned, *test), reader.threshold(detector), force)
    more = [*left_out, *(["forced"] if force else []), *(f"test: {file.name}" for file in test)]
    key = _key(registry, reader, request, more)
    kept = cache() / "imported" / f"{reader.name}-{detector.name}-{key}.h5"
    if not kept.exists():
        request = replace(request, files=learned)
        done = import_files(reader, request, kept, report, left_out=left_out, test=test)
        known(kept, done.fingerprint)
    return kept


def _is_ours(path: Path) -> bool:
    """Whether a file is a dataset of ours, however damaged."""
    try:
        with h5py.File(path, "r") as file:
            return "format_version" in file.attrs
    except OSError:
        return (
            path.suffix == ".h5" and path.is_file()
        )  # it may have been one: its own message is the clearest


def _require_whole(path: Path, found: Found, partial: bool) -> None:
    """Raise UserError for files that would be left out, unless that is allowed; then it is a warning."""
    shown = [f"{file.name} ({why})" for file, why in found.left_out[:_NAMED]]
    if len(found.left_out) > _NAMED:
        shown.append(f"and {len(found.left_out) - _NAMED} more")
    listed = ", ".join(shown)
    if not found.files:
        itself = [file for file, _ in found.left_out] == [path]
        why = found.left_out[0][1] if itself else f"no file of it can be read: {listed}"
        raise UserError(f"cannot read the dataset {path}: {why}")
    total = len(found.files) + len(found.left_out)
    if not partial:
        raise UserError(
            f"{path}: {len(found.left_out)} of {total} files cannot be read: {listed}; mend or remove them, "
            "or do without them with --allow-partial"
        )
    warnings.warn(f"{path}: {len(found.left_out)} of {total} files are left out: {listed}", stacklevel=2)


def _recognised(registry: Registry, detector: Detector, path: Path) -> tuple[DatasetReader, Found]:
    """The one reader that knows a file or folder, and what it finds; a link's target is looked at as well."""
    doubtful: list[tuple[DatasetReader, Found]] = []
    for way in dict.fromkeys((path, *ways_to(path)[1:])):
        found = []
        for reader in registry.readers:
            if reader.detectors is not None and detector.name not in reader.detectors:
                continue
            answer = _asked(reader, detector, way)
            if answer.files:
                found.append((reader, answer))
            elif answer.left_out:
                doubtful.append((reader, answer))
        if len(found) == 1:
            reader, answer = found[0]
            beside = _beside(way, answer) if way.is_dir() else ()
            return reader, Found(answer.files, (*answer.left_out, *beside))
        if found:
            names = " or ".join(reader.name for reader, _ in found)
            what = f"the folder {path}" if path.is_dir() else str(path)
            raise UserError(f"{what} may be of kind {names}: say which, with --data KIND:FILE,FILE")
    if doubtful:
        return doubtful[0]
    kinds = ", ".join(reader.name for reader in registry.readers)
    raise UserError(
        f"cannot read the dataset {path}: {_what(path)}, and no reader finds responses of {detector.name} in "
        f"it; name the kind, with --data KIND:FILE,FILE, one of {kinds}"
    )


def _asked(reader: DatasetReader, detector: Detector, path: Path) -> Found:
    try:
        answer = reader.find(detector, path)
        if isinstance(answer, Found):
            return Found(
                tuple(map(Path, answer.files)), tuple((Path(file), str(why)) for file, why in answer.left_out)
            )
        return Found(tuple(map(Path, answer or ())))
    except Exception as error:  # a reader may be anyone's
        raise UserError(f"{path}: the reader {reader.name} failed on it: {traced(error)}") from error


def _beside(folder: Path, found: Found) -> Iterable[tuple[Path, str]]:
    """Files of a folder that would be of the kind found if they were whole, unpacked, or there at all."""
    taken = {*found.files, *(file for file, _ in found.left_out)}
    names = {file.name for file in taken}
    suffixes = {file.suffix.lower() for file in taken}
    for other in sorted(folder.iterdir()):
        if other in taken:
            continue
        if other.is_symlink() and not other.exists():
            if other.suffix.lower() in suffixes:
                yield other, f"it is a link to {other.readlink()}, which is not there"
            continue
        for form, why in ((_UNFINISHED, _WRITTEN), (_COPIED, _WRITTEN), (_PACKED, "it is packed: unpack it")):
            match = form.fullmatch(other.name)
            if match and Path(match["name"]).suffix.lower() in suffixes and match["name"] not in names:
                yield other, why
                break


def _what(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    try:
        with h5py.File(path, "r"):
            return "it is no dataset of ours"
    except OSError as error:
        why = reason(path, error)
        return (
            why
            if "truncated" in why or "written" in why or path.suffix in (".h5", ".hdf5")
            else "it is no dataset of ours"
        )


def _key(registry: Registry, reader: DatasetReader, request: ReadRequest, more: Sequence[str]) -> str:
    """What an import depends on: the reader and its code, and of each file its place, size and times.

    A copy that keeps times sets that of the content, and cannot set that of a change of state (ctime).
    """
    source = registry.readers.sources[reader.name]
    states = []
    for path in request.files:
        if not path.is_file():  # the importer says so
            continue
        state = path.stat()
        states.append(
            [str(path.resolve()), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
        )
    about = [source.name, source.version, source.code(), request.min_photons, list(request.detector.shape)]
    text = json.dumps([*about, states, *([list(more)] if more else [])])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
