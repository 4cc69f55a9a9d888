"""Weights files: safetensors with a JSON header, so that loading one runs no code."""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

FILE_NAME = "weights.safetensors"
FORMAT = 1
_KEY = "simbench"  # the header's place among the file's metadata
_REQUIRED = {"model": str, "preset": str, "detector": str, "settings": dict, "data": dict, "training": dict}


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_weights(path: Path, arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]) -> None:
    """Write arrays and a header of plain JSON values.

    Raises:
        ValueError: the header holds what JSON cannot, or a real array holds NaN or infinity.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"cannot store the weights {name!r}: they are not finite in {array.dtype}")
    text = json.dumps({"format": FORMAT, **header}, sort_keys=True, allow_nan=False)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, save(contiguous, metadata={_KEY: text}))


def read_weights(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of a weights file, or of the file ``weights.safetensors`` in a folder.

    Raises:
        ValueError: the file is missing, damaged, not one of ours or of a format unknown here.
    """
    path = path / FILE_NAME if path.is_dir() else path
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ValueError(f"cannot read the weights {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file, or is damaged: {error}") from error
    if _KEY not in metadata:
        raise ValueError(f"{path} holds no weights of simbench: its metadata have no {_KEY!r} header")
    try:
        header = json.loads(metadata[_KEY])
    except ValueError as error:
        raise ValueError(f"{path}: the header is no JSON: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else type(header).__name__
        raise ValueError(f"{path}: expected weights of format {FORMAT}, found {found!r}")
    for name, kind in _REQUIRED.items():
        found = header.get(name)
        if not isinstance(found, kind):
            raise ValueError(  # noqa: TRY004 (a user's file, not a programmer's argument)
                f"{path}: the header's {name!r} must be {kind.__name__}, found {found!r}"
            )
    return header, arrays
