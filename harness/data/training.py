"""The training part of a run's split in one file, for simulators that draw from what was there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..files import atomic, cache_folder, make_folder
from ..plugin.datasets import MakeRequest
from ..plugin.detectors import Detector
from ..plugin.registry import Registry
from .dataset import Dataset
from .unit import Lit

_ROWS = 64  # of a part that is there to try a simulator with


@dataclass(frozen=True)
class TrainingPart:
    """N labelled responses, by their pixels that are not zero.

    Attributes:
        conditions: (N, F) float32, physical units.
        particle: (N,) equal numbers share a condition.
        shape: (H, W) of a response.
        lit: the responses.
    """

    conditions: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int64]
    shape: tuple[int, int]
    lit: Lit

    def __len__(self) -> int:
        return len(self.particle)

    def responses(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        """The responses of some rows, in any order and any number of times: (n, H, W)."""
        start = np.append(0, np.cumsum(self.lit.count, dtype=np.int64))
        count = self.lit.count[rows].astype(np.int64)
        # The pixels of the rows, one row after the other.
        place = np.repeat(start[rows] - (np.cumsum(count) - count), count) + np.arange(count.sum())
        picked = Lit(self.lit.count[rows], self.lit.pixel[place], self.lit.content[place])
        return picked.responses(self.shape)


def read_training(path: Path) -> TrainingPart:
    """The training part in a file, as ``Context.training`` names it.

    Raises:
        UserError: the file cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            lit = Lit(stored["count"], stored["pixel"], stored["content"])
            height, width = stored["shape"].tolist()
            return TrainingPart(stored["conditions"], stored["particle"], (height, width), lit)
    except OSError as error:
        raise UserError(f"cannot read the training part {path}: {error.strerror or error}") from error
    except Exception as error:  # zipfile and NumPy raise errors of many kinds for what is damaged
        raise UserError(f"{path} holds no training part, or is damaged: {error}") from error


def keep_training_part(data: Dataset, rows: npt.NDArray[np.int64], name: str) -> Path:
    """The file of some rows of a dataset in the cache folder, written unless it is there.

    Args:
        data: the dataset.
        rows: of the training part, ascending.
        name: what tells this choice of rows from others of the same data.
    """
    path = _folder() / f"{data.detector}-{data.fingerprint[:16]}-{name}.npz"
    if not path.exists():
        lit = [Lit.of(block) for block in data.blocks(rows)]
        _write(path, data.conditions[rows], data.particle[rows], data.shape, lit)
    return path


def sample_training_part(registry: Registry, detector: Detector) -> Path:
    """The file of a few responses of ``detector``'s first dataset maker, to try a simulator with.

    Raises:
        UserError: no maker serves it.
    """
    for maker in registry.datasets:
        if detector.name in maker.detectors:
            path = _folder() / f"{detector.name}-sample-{maker.name}.npz"
            blocks = list(maker.make(MakeRequest(detector, _ROWS // 4, 4, 0)))
            conditions, particle = (
                np.concatenate([getattr(block, name) for block in blocks])
                for name in ("conditions", "particle")
            )
            lit = [Lit.of(block.showers) for block in blocks]
            _write(path, conditions, particle, detector.shape, lit)
            return path
    raise UserError(f"no dataset maker serves detector {detector.name!r}: there is no training part to try")


def _folder() -> Path:
    return make_folder(cache_folder() / "training")


def _write(
    path: Path,
    conditions: npt.NDArray[np.float32],
    particle: npt.NDArray[np.int64],
    shape: tuple[int, int],
    lit: list[Lit],
) -> None:
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in lit]) for name in ("count", "pixel", "content")
    }
    arrays |= {"conditions": conditions, "particle": particle, "shape": np.array(shape)}
    with atomic(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)
