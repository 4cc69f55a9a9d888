"""A run's folder: the files that finished units leave behind, written and read.

A unit is one run of one model. Its file holds what scores and figures need of every response, so that
neither a resumed run nor a report generates anything again.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import mapped, rng
from ..data.unit import OPTIONAL, Sums, Unit, narrow
from ..errors import UserError
from ..files import atomic
from .result import read_result

REFERENCE = "reference.npz"  # no unit is called so: theirs end in -run0.npz and so on
TRAINING = "training.npz"  # what is kept of the responses that models learn from
EXAMPLES = 6  # responses of which the images are kept
_TURN = 2**20  # bytes unpacked at a time


def example_rows(photons: Sums) -> npt.NDArray[np.int64]:
    """Rows of the test part to keep images of, spread over the brightest third by reference photons.

    Most responses are a few photons: their pictures tell nothing.
    """
    order = np.argsort(photons, kind="stable")
    shares = 1 - np.geomspace(0.33, 0.002, EXAMPLES)
    return np.unique(order[(shares * (len(order) - 1)).astype(np.int64)])


def unit_path(units: Path, label: str, part: str) -> Path:
    """The file of a part of a model's work, such as ``run0``; different labels give different names."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in label)
    name = plain if plain == label and len(plain) <= 80 else f"{plain[-80:]}-{rng.derive(label):016x}"
    return units / f"{name}-{part}.npz"


def save_unit(path: Path, unit: Unit, identity: Mapping[str, Any]) -> None:
    """Write a unit, with what identifies it, atomically."""
    arrays: dict[str, Any] = {
        "identity": np.array(json.dumps(identity, sort_keys=True)),
        "columns": np.array(unit.columns),
        "sums": narrow(unit.sums),
    }
    for name in OPTIONAL:
        value = getattr(unit, name)
        if value is not None:
            arrays[name] = value
    # As numpy.savez_compressed, but at the level that takes a quarter of the time for a fifth more bytes.
    with atomic(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            mapped.forget()


def load_unit(path: Path, identity: Mapping[str, Any] | None = None) -> Unit | None:
    """The unit of a file; ``None`` if there is none, or it is damaged, or (if given) of another identity."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if identity is not None and str(stored["identity"]) != json.dumps(identity, sort_keys=True):
                return None
            optional: dict[str, Any] = {name: _member(stored, name) for name in OPTIONAL if name in stored}
            for name in {"observed", "features", "notes"} & optional.keys():
                optional[name] = tuple(map(str, optional[name]))
            columns = tuple(str(name) for name in stored["columns"])
            return Unit(narrow(_member(stored, "sums")), columns, **optional)
    except Exception:  # noqa: BLE001 - a damaged unit, whatever its damage, is made again
        return None


def _member(stored: Any, name: str) -> npt.NDArray[Any]:
    """An array of an open file; in a file of its own if it is large (:mod:`simbench.harness.mapped`)."""
    with stored.zip.open(f"{name}.npy") as member:
        if np.lib.format.read_magic(member) != (1, 0):
            return np.asarray(stored[name])
        shape, by_column, kind = np.lib.format.read_array_header_1_0(member)
        if by_column or kind.hasobject or kind.itemsize * int(np.prod(shape)) < mapped.LARGE:
            return np.asarray(stored[name])
        values = mapped.empty(shape, kind)
        flat: Any = values.reshape(-1).view(np.uint8)
        filled = 0
        while filled < len(flat):
            count = member.readinto(flat[filled : filled + _TURN])
            if not count:
                raise ValueError(f"{name} ends after {filled} of {len(flat)} bytes")
            filled += count
        if member.read(1):  # which also checks the sum of all
            raise ValueError(f"{name} goes on after {filled} bytes")
        mapped.forget()
        return values


def stored_identity(path: Path) -> dict[str, Any] | None:
    """What a unit's file says it was made of; ``None`` if there is no such file, or it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = json.loads(str(stored["identity"]))
    except Exception:  # noqa: BLE001 - as in load_unit
        return None
    return found if isinstance(found, dict) else None


class RunFolder:
    """A finished run: its result and its units, which belong together.

    Args:
        path: the folder.
        result: the content of its ``result.json``, where that is known.

    Raises:
        UserError: the folder holds no result, or units of another run.
    """

    def __init__(self, path: Path, result: dict[str, Any] | None = None) -> None:
        self.path = path
        self.result = read_result(path) if result is None else result
        self._check_units()

    def _check_units(self) -> None:
        """Each unit is of this result, its seed and all else that identifies it.

        Of a result by an older version, which tells no identity, only what both say is compared.
        """
        units = (self.path if self.path.is_dir() else self.path.parent) / "units"
        settings, protocol = self.result["settings"], self.result["protocol"]
        told = stored_identity(units / REFERENCE)
        known = any(model.get("identity") for model in self.result["models"])
        self._require(units / REFERENCE, told, {"dataset": protocol["dataset"]}, known)
        for model in self.result["models"]:
            if model["status"] != "ok":
                continue
            expected = {"seed": settings["seed"], **(model.get("identity") or {})}
            for run in range(settings["runs"]):
                path = unit_path(units, model["name"], f"run{run}")
                identity = {**expected, "run": run}
                self._require(path, stored_identity(path), identity, bool(model.get("identity")))

    def _require(
        self, path: Path, found: Mapping[str, Any] | None, expected: Mapping[str, Any], known: bool
    ) -> None:
        for name, value in expected.items():
            if found is not None and (known or name in found) and found.get(name) != value:
                raise UserError(
                    f"{path} belongs to another run than {self.path / 'result.json'}: its {name} is "
                    f"{found.get(name)!r:.60}, expected {value!r:.60}; start that run again"
                )

    @property
    def reference(self) -> Unit | None:
        """The reference responses of the test part."""
        return load_unit(self.path / "units" / REFERENCE)

    def unit(self, label: str, run: int) -> Unit | None:
        """One run of one model, if it was finished."""
        return load_unit(unit_path(self.path / "units", label, f"run{run}"))
