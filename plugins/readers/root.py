"""ROOT files: a TTree or an RNTuple with one entry a response, read by the package ``uproot``.

A response is an image, a fixed number of pixels an entry, or a list of hits, which the detector's geometry
puts into its pixels. Only branches of numbers and of lists of numbers are read, by their names and never as
expressions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.errors import UserError
from simbench.harness.hooks import ReadRequest, Responses
from simbench.harness.plugin.detectors import Detector

from ..calochallenge import PDG
from ..zdc import FEATURES
from .hdf5 import require_mev
from .hits import Filling
from .options import HITS
from .root_branches import BLOCK, Branches
from .zdc_images import upright
from .zdc_particles import features, species

_TREES = ("TTree", "ROOT::RNTuple")
_DERIVED = 2  # of the nine features, mass and charge are known from a PDG id


def read_root(request: ReadRequest) -> Iterator[Responses]:
    """Entries of each file's tree, one file after the other.

    Raises:
        UserError: ``uproot`` is not installed; a file is damaged, or lacks the tree or a branch; a branch
            does not hold what it should.
    """
    try:
        uproot = import_module("uproot")
    except ImportError as error:
        raise UserError("root files need uproot: pip install 'simbench-hep[root]'") from error
    for path in request.files:
        with _reading(path), uproot.open({str(path): None}, array_cache=None) as file:
            branches = Branches(_tree(file, request.options.get("tree"), path), path)
            yield from upright(_blocks(request, branches, path), request.detector, path)


def _tree(file: Any, name: str | None, path: Path) -> Any:
    """The one that is named, or the only one."""
    found = [key for key, kind in file.classnames(cycle=False).items() if kind in _TREES]
    if name is None and len(set(found)) == 1:
        name = found[0]
    if name not in found:
        asked = "a TTree or RNTuple" if name is None else f"a TTree or RNTuple {name!r}"
        which = " of several: say --option tree=NAME" if name is None and found else ""
        raise UserError(
            f"{path}: there should be {asked}, found {', '.join(dict.fromkeys(found)) or 'none'}{which}"
        )
    return file[name]


def _blocks(request: ReadRequest, branches: Branches, path: Path) -> Iterator[Responses]:
    detector, options = request.detector, request.options
    count = len(branches)
    pdg = _ids(branches, options, detector)
    conditions = _conditions(request, branches, pdg, path)
    filling = Filling(detector, path)
    hits = {name: options[name] for name in HITS if name in options}
    if hits and "image" in options:
        raise UserError(
            f"--option image={options['image']} and hits are two ways to tell a response: say one"
        )
    for start in range(0, count, BLOCK):
        rows = slice(start, min(start + BLOCK, count))
        if hits:
            showers = filling.responses(*branches.hits(hits, detector, rows), start)
        else:
            showers = filling.stored(branches.images(options.get("image", "image"), detector, rows), start)
        numbers = np.arange(rows.start, rows.stop)
        yield Responses(showers, conditions[rows], numbers, pdg[rows].astype(np.int32))
    filling.tell()


def _ids(branches: Branches, options: Mapping[str, str], detector: Detector) -> npt.NDArray[np.int64]:
    """(N,) PDG ids; 0 where nobody tells them."""
    if "pdg" in options or "pdg" in branches:
        return branches.whole(options.get("pdg", "pdg"))
    return np.full(len(branches), PDG.get(detector.name, 0), np.int64)


def _conditions(
    request: ReadRequest, branches: Branches, pdg: npt.NDArray[np.int64], path: Path
) -> npt.NDArray[Any]:
    """(N, F) the detector's features; a ZDC's mass and charge may be left to the PDG id."""
    detector, asked = request.detector, request.options.get("conditions")
    wanted = detector.features
    names = list(detector.feature_names) if asked is None else [name.strip() for name in asked.split(",")]
    zdc, known = detector.features == FEATURES, bool(pdg.any())
    derive = (
        zdc
        and known
        and (
            len(names) == len(FEATURES) - _DERIVED
            if asked is not None
            else not any(name in branches for name in names[-_DERIVED:])
        )
    )
    if derive:
        wanted = wanted[:-_DERIVED]
        names = names[: len(wanted)]
    if len(names) != len(wanted):
        raise UserError(
            f"--option conditions should name {len(wanted)} branches, for "
            f"{', '.join(feature.name for feature in wanted)}, found {len(names)}"
        )
    columns = [
        branches.numbers(name, feature.unit, f"--option conditions: {feature.name}")
        for name, feature in zip(names, wanted, strict=True)
    ]
    values = np.column_stack(columns)
    if derive:
        values = np.column_stack([values, species(pdg, path)])
    if zdc:
        return features(values, path, pdg=pdg if known else None)
    if detector.name in PDG and len(values) and not request.force:
        require_mev(values[:, 0], path)
    return values


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tells what uproot raises of a damaged file, which may be anything, as one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"cannot read {path}: it is no ROOT file, or damaged or truncated: {told}") from error
