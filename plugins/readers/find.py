"""Which files of a folder are of which kind, by their names or, where these do not tell, by their content."""

import re
from collections.abc import Callable
from pathlib import Path

from simbench.harness.plugin.detectors import Detector


def _beside(path: Path) -> list[Path]:
    """The files of a folder, or those beside a file."""
    folder = path if path.is_dir() else path.parent
    return sorted(other for other in folder.iterdir() if other.is_file())


def find_expertsim(_detector: Detector, path: Path) -> tuple[Path, ...] | None:
    """``data_*.pkl``, ``data_cond_*.pkl`` and maybe ``data_coord_*.pkl``, of one set."""
    names = [other for other in _beside(path) if other.suffix in (".pkl", ".pickle")]
    parts: dict[str, list[Path]] = {"cond": [], "coord": [], "": []}
    for other in names:
        found = re.match(r"data_(cond|coord)?", other.name)
        if found:
            parts[found[1] or ""].append(other)
    chosen = [parts[kind] for kind in ("", "cond", "coord")]
    if any(len(part) > 1 for part in chosen) or not (chosen[0] and chosen[1]):
        return None
    files = tuple(part[0] for part in chosen if part)
    return files if path.is_dir() or path in files else None


def find_npz(columns: str) -> Callable[[Detector, Path], tuple[Path, ...] | None]:
    """Finds a pair of arrays; the name of the particles' ends with ``columns``."""

    def find(detector: Detector, path: Path) -> tuple[Path, ...] | None:
        files = _beside(path)
        particles = [f for f in files if re.fullmatch(rf"data_nonrandom_particles{columns}\.np[yz]", f.name)]
        names = rf"data_({detector.name}_)?nonrandom_responses\.np[yz]"
        responses = [other for other in files if re.fullmatch(names, other.name)]
        if len(particles) != 1 or len(responses) != 1:
            return None
        found = (responses[0], particles[0])
        return found if path.is_dir() or path in found else None

    return find


def find_zdcfastsim(detector: Detector, path: Path) -> tuple[Path, ...] | None:
    """``non_zero_examples*.txt`` with the images that end alike, in the order of their numbers."""
    pairs = []
    for examples in _beside(path):
        found = re.fullmatch(r"non_zero_examples(.*)\.txt", examples.name)
        if found:
            images = examples.with_name(f"{detector.name}_image{found[1]}.txt")
            if not images.is_file() and path.is_dir():
                return None
            if path.is_dir() or path in (examples, images):
                pairs.append((_number(found[1]), examples, images))
    return tuple(file for _, *pair in sorted(pairs) for file in pair) or None


def _number(name: str) -> tuple[int, str]:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else 0, name


def find_calochallenge(detector: Detector, path: Path) -> tuple[Path, ...] | None:
    """One HDF5 file, or all of a folder: by their content, for their names do not tell the data set."""
    import h5py

    voxels = detector.shape[0] * detector.shape[1]
    files = [other for other in _beside(path) if other.suffix in (".h5", ".hdf5")]
    found = []
    for other in files if path.is_dir() else [path]:
        try:
            with h5py.File(other, "r") as file:
                showers = file.get("showers")
                if "incident_energies" in file and showers is not None and showers.shape[1:] == (voxels,):
                    found.append(other)
        except OSError:
            continue
    return tuple(found) or None
