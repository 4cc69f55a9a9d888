"""Which files of a folder are of which kind, by their names or, where these do not tell, by their content.

What would be of a kind but cannot be read, or lacks its partner, is named: nobody is to miss it later.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from simbench.harness.data.hdf5 import reason
from simbench.harness.hooks import Found
from simbench.harness.plugin.detectors import Detector

from ..calochallenge import DETECTORS

_HDF5 = (".h5", ".hdf5")


def _beside(path: Path) -> list[Path]:
    """The files of a folder, or those beside a file; links that lead nowhere too."""
    folder = path if path.is_dir() else path.parent
    return sorted(other for other in folder.iterdir() if other.is_file() or other.is_symlink())


def _told(
    files: Iterable[Path], left_out: Iterable[tuple[Path, str]] = ()
) -> Found | tuple[Path, ...] | None:
    """The files, with what is left out if anything is."""
    files, left_out = tuple(files), tuple(left_out)
    return Found(files, left_out) if left_out else files or None


def find_expertsim(_detector: Detector, path: Path) -> Found | tuple[Path, ...] | None:
    """``data_*.pkl``, ``data_cond_*.pkl`` and maybe ``data_coord_*.pkl``, of one set."""
    names = [other for other in _beside(path) if other.suffix in (".pkl", ".pickle")]
    parts: dict[str, list[Path]] = {"cond": [], "coord": [], "": []}
    for other in names:
        found = re.match(r"data_(cond|coord)?", other.name)
        if found:
            parts[found[1] or ""].append(other)
    chosen = [parts[kind] for kind in ("", "cond", "coord")]
    every = [other for part in chosen for other in part]
    if not every or not (path.is_dir() or path in every):
        return None
    if any(len(part) > 1 for part in chosen):  # several sets
        return None
    if not (chosen[0] and chosen[1]):
        lacking = "data_cond_*.pkl" if chosen[0] else "data_*.pkl with the images"
        return _told((), ((other, f"there is no {lacking} beside it") for other in every))
    return _told(every)


def find_npz(columns: str) -> Callable[[Detector, Path], Found | tuple[Path, ...] | None]:
    """Finds a pair of arrays; the name of the particles' ends with ``columns``."""

    def find(detector: Detector, path: Path) -> Found | tuple[Path, ...] | None:
        files = _beside(path)
        table = rf"data_nonrandom_particles{columns}\.np[yz]"
        particles = [f for f in files if re.fullmatch(table, f.name)]
        names = rf"data_({detector.name}_)?nonrandom_responses\.np[yz]"
        responses = [other for other in files if re.fullmatch(names, other.name)]
        every = [*responses, *particles]
        if not every or not (path.is_dir() or path in every):
            return None
        if len(particles) == len(responses) == 1:
            return _told(every)
        if particles and responses:  # several sets
            return None
        lacking = f"data_nonrandom_particles{columns}.npz" if responses else "data_nonrandom_responses.npz"
        return _told((), ((other, f"there is no {lacking} beside it") for other in every))

    return find


def find_zdcfastsim(detector: Detector, path: Path) -> Found | tuple[Path, ...] | None:
    """``non_zero_examples*.txt`` with the images that end alike, in the order of their numbers."""
    ends: dict[str, list[Path]] = {}
    for other in _beside(path):
        found = re.fullmatch(rf"(non_zero_examples|{detector.name}_image)(.*)\.txt", other.name)
        if found:
            ends.setdefault(found[2], []).append(other)
    if not path.is_dir():
        ends = {end: files for end, files in ends.items() if path in files}
    pairs, alone = [], []
    for end, files in sorted(ends.items(), key=lambda each: _number(each[0])):
        names = f"non_zero_examples{end}.txt", f"{detector.name}_image{end}.txt"
        pair = [other for name in names for other in files if other.name == name]
        if len(pair) == len(names):
            pairs += pair
        else:
            lacking = names[0] if pair[0].name == names[1] else names[1]
            alone.append((pair[0], f"there is no {lacking} beside it"))
    return _told(pairs, alone)


def _number(name: str) -> tuple[int, str]:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else 0, name


def find_calochallenge(detector: Detector, path: Path) -> Found | tuple[Path, ...] | None:
    """One HDF5 file, or all of a folder: by their content, for their names do not tell the data set."""
    files = [other for other in _beside(path) if other.suffix.lower() in _HDF5] if path.is_dir() else [path]
    found, left_out, others = [], [], []
    for other in files:
        why = _unfit(detector, other)
        if why is None:
            found.append(other)
        elif why:
            left_out.append((other, why))
        else:
            others.append(other)
    if not path.is_dir() and left_out and path.suffix.lower() not in _HDF5:
        return None
    if found and others:
        names = ", ".join(other.name for other in others)
        warnings.warn(f"{path}: not read, for they hold no showers of {detector.name}: {names}", stacklevel=2)
    return _told(found, left_out)


_TESTS = re.compile(r"dataset_(1_photons_2|1_pions_2|2_2|3_[34])\.(h5|hdf5)")


def calochallenge_reference(path: Path) -> bool:
    """Whether a file has the name of one that the challenge evaluates against."""
    return _TESTS.fullmatch(path.name) is not None


def find_root(_detector: Detector, path: Path) -> tuple[Path, ...] | None:
    """A file that begins as ROOT's do; none of a folder, where it may be what others were made of."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return (path,) if file.read(4) == b"root" else None


def find_showerdata(_detector: Detector, path: Path) -> tuple[Path, ...] | None:
    """One HDF5 file with what showerdata writes, or all of a folder."""
    files = [other for other in _beside(path) if other.suffix.lower() in _HDF5] if path.is_dir() else [path]
    return tuple(other for other in files if _holds_points(other)) or None


def _holds_points(path: Path) -> bool:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return {"showers", "num_points", "shape"} <= set(file)
    except OSError:
        return False


def _unfit(detector: Detector, path: Path) -> str | None:
    """Why a file is not read: ``None`` if it is, and nothing to be said where it is of another kind."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = {"incident_energies", "showers"} & set(file)
            if "format_version" in file.attrs or not names:
                return ""
            if len(names) == 1:
                return f"it has {names.pop()} only, not incident_energies and showers"
            shape = file["showers"].shape
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError) as error:
        return reason(path, error)
    voxels = detector.shape[0] * detector.shape[1]
    if shape[1:] == (voxels,):
        return None
    others = [geometry.voxels for _, geometry in DETECTORS.values()]
    return (
        ""
        if shape[1:] in [(other,) for other in others]
        else f"its showers have the shape {shape}, expected (N, {voxels})"
    )
