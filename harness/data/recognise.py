"""Users' files named directly as ``--data``: recognised, imported once into the cache, opened as ours."""

import hashlib
import json
from pathlib import Path

import h5py

from ..errors import UserError, traced
from ..plugin.datasets import DatasetReader, ReadRequest
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from .importing import Report, import_files


def dataset_file(
    registry: Registry, detector: Detector, data: str, cache: Path, report: Report = lambda _: None
) -> Path:
    """The dataset file that ``--data`` means: the file itself if it is ours, else an import of it.

    ``data`` is a file of ours; or ``KIND:FILE,FILE``; or another file, or a folder, that a reader recognises
    as its own. What is imported is kept in the folder ``cache`` under the files' paths, sizes and times of
    change: it is imported again when one of these has changed.

    Raises:
        UserError: nobody recognises it, several do, or it cannot be read.
    """
    path = Path(data)
    if not path.exists() and ":" in data:
        kind, _, names = data.partition(":")
        reader = registry.readers[kind]
        files = tuple(Path(name) for name in names.split(",") if name)
    elif _is_ours(path) or not path.exists():
        return path
    else:
        reader, files = _recognised(registry, detector, path)
    request = ReadRequest(detector, files, reader.min_photons)
    kept = cache / "imported" / f"{reader.name}-{detector.name}-{_key(registry, reader, request)}.h5"
    if not kept.exists():
        import_files(reader, request, kept, report)
    return kept


def _is_ours(path: Path) -> bool:
    """Whether a file is a dataset of ours, however damaged."""
    try:
        with h5py.File(path, "r") as file:
            return "format_version" in file.attrs
    except OSError:
        return path.suffix == ".h5"  # it may have been one: its own message is the clearest


def _recognised(registry: Registry, detector: Detector, path: Path) -> tuple[DatasetReader, tuple[Path, ...]]:
    found = {}
    for reader in registry.readers:
        if reader.detectors is not None and detector.name not in reader.detectors:
            continue
        try:
            files = reader.find(detector, path)
        except Exception as error:  # a reader may be anyone's
            raise UserError(f"{path}: the reader {reader.name} failed on it: {traced(error)}") from error
        if files:
            found[reader.name] = reader, tuple(files)
    if len(found) == 1:
        return next(iter(found.values()))
    what = f"the folder {path}" if path.is_dir() else str(path)
    if found:
        raise UserError(f"{what} may be of kind {' or '.join(found)}: say which, with --data KIND:FILE,FILE")
    kinds = ", ".join(reader.name for reader in registry.readers)
    what = "it is a folder" if path.is_dir() else "it is no dataset of ours"
    raise UserError(
        f"cannot read the dataset {path}: {what}, and no reader finds responses of {detector.name} in it; "
        f"name the kind, with --data KIND:FILE,FILE, one of {kinds}"
    )


def _key(registry: Registry, reader: DatasetReader, request: ReadRequest) -> str:
    source = registry.readers.sources[reader.name]
    states = []
    for path in request.files:
        if not path.is_file():  # the importer says so
            continue
        state = path.stat()
        states.append([str(path.resolve()), state.st_size, state.st_mtime_ns])
    text = json.dumps([source.name, source.version, request.min_photons, states])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
