"""The responses themselves, kept by ``--keep responses``: a folder a run, a file a chunk, lit pixels only.

A response of the embedded data takes 40 (proton) to 150 (neutron) bytes so.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.unit import Lit
from ..errors import UserError
from ..files import atomic


def responses_folder(unit: Path) -> Path:
    """Where the responses of a unit's file are."""
    return unit.with_name(f"{unit.stem}-responses")


def save_block(unit: Path, chunk: int, lit: Lit) -> None:
    """Write the responses of a chunk, atomically."""
    folder = responses_folder(unit)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / f"{chunk:06}.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, count=lit.count, pixel=lit.pixel, content=lit.content)


def has_blocks(unit: Path, chunks: int) -> bool:
    """Whether the responses of all chunks are there."""
    folder = responses_folder(unit)
    return all((folder / f"{chunk:06}.npz").exists() for chunk in range(chunks))


def blocks(unit: Path, shape: tuple[int, int]) -> Iterator[npt.NDArray[Any]]:
    """The responses of a unit, (n, H, W) chunk by chunk.

    Raises:
        UserError: a file cannot be read.
    """
    for path in sorted(responses_folder(unit).glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as stored:
                lit = Lit(stored["count"], stored["pixel"], stored["content"])
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{path} is damaged: {error}") from error
        yield lit.responses(shape)
