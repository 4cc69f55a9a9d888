"""Scales of conditions that belong to an ONNX model: the scaled feature is (x - mean) / scale, in float32."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import UserError
from ...files import read_json

_HEADS = ("#means", "#scales")  # of the two blocks of a text file


@dataclass(frozen=True)
class Scales:
    """Means and scales of F conditions, each a float32."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __call__(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, F) scaled conditions; each step in float32, as ALICE's O2 computes it."""
        mean, scale = np.array(self.mean, np.float32), np.array(self.scale, np.float32)
        return np.asarray((conditions - mean) / scale, dtype=np.float32)


def read_scales(path: Path) -> Scales:
    """The scales in a file: O2's text, JSON with the lists ``mean`` and ``scale``, or npz with such arrays.

    The text is a line ``#means``, a number a line, a line ``#scales``, and as many numbers.

    Raises:
        UserError: the file cannot be read, or is of no such form; says where.
    """
    if path.suffix in (".pkl", ".pickle", ".joblib"):
        raise UserError(
            f"{path}: a pickle can run code and is not read; write its mean_ and scale_ to JSON, npz or text"
        )
    if path.suffix == ".json":
        mean, scale = _named(read_json(path), path)
    elif path.suffix == ".npz":
        mean, scale = _from_npz(path)
    else:
        mean, scale = _from_text(path)
    return _checked(mean, scale, path)


def write_scales(path: Path, scales: Scales) -> None:
    """Write O2's text; every float32 is written so that it is read back as it was."""
    blocks = zip(_HEADS, (scales.mean, scales.scale), strict=True)
    lines = [
        line for head, values in blocks for line in (head, *(str(np.float32(value)) for value in values))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _from_text(path: Path) -> tuple[list[float], list[float]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"cannot read the scales {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text file of scales: {error}") from error
    blocks: list[list[float]] = []
    for number, line in enumerate((line.strip() for line in lines), 1):
        if line.startswith("#"):
            expected = _HEADS[len(blocks)] if len(blocks) < len(_HEADS) else "no further block"
            if line != expected:
                raise UserError(f"{path}, line {number}: expected {expected}, found {line!r}")
            blocks.append([])
        elif not blocks:
            raise UserError(f"{path}, line {number}: expected {_HEADS[0]}, found {line!r}")
        elif line:
            try:
                blocks[-1].append(float(line))
            except ValueError:
                raise UserError(f"{path}, line {number}: expected a number, found {line!r}") from None
    if len(blocks) < len(_HEADS):
        raise UserError(f"{path}: expected a line {_HEADS[len(blocks)]}, found the end of the file")
    return blocks[0], blocks[1]


def _from_npz(path: Path) -> tuple[Any, Any]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return _named({name: file[name].tolist() for name in file.files}, path)
    except OSError as error:
        raise UserError(f"cannot read the scales {path}: {error.strerror or error}") from error
    except UserError:
        raise
    except Exception as error:  # NumPy raises errors of many kinds for what is damaged
        raise UserError(f"{path} is no npz file of numbers: {' '.join(str(error).split())}") from error


def _named(values: Any, path: Path) -> tuple[Any, Any]:
    """``mean`` and ``scale``, or with the underscore that scikit-learn puts behind them."""
    found = values if isinstance(values, dict) else {}
    pair = [found.get(name, found.get(f"{name}_")) for name in ("mean", "scale")]
    if None in pair:
        told = ", ".join(map(str, found)) or "neither"
        raise UserError(f"{path}: expected mean and scale, found {told}")
    return pair[0], pair[1]


def _checked(mean: Any, scale: Any, path: Path) -> Scales:
    arrays = []
    for what, values in (("mean", mean), ("scale", scale)):
        try:
            with np.errstate(over="ignore"):
                array = np.array(values, dtype=np.float32)
        except (TypeError, ValueError):
            raise UserError(
                f"{path}: expected a list of numbers as {what}, found {json.dumps(values)[:60]}"
            ) from None
        if array.ndim != 1 or not np.isfinite(array).all():
            raise UserError(f"{path}: expected a list of finite numbers as {what}, found {array.tolist()}")
        arrays.append(array)
    if len(arrays[0]) != len(arrays[1]):
        raise UserError(
            f"{path}: expected as many scales as means, found {len(arrays[0])} means, {len(arrays[1])} scales"
        )
    if (arrays[1] == 0).any():
        raise UserError(
            f"{path}: scale {int(np.flatnonzero(arrays[1] == 0)[0]) + 1} is 0, which divides nothing"
        )
    return Scales(tuple(arrays[0].tolist()), tuple(arrays[1].tolist()))
