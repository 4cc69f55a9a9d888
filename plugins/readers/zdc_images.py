"""Whether the axes of square images are the right way round: neutral particles make light where they hit."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import photon_sums
from simbench.harness.errors import UserError
from simbench.harness.hooks import Responses
from simbench.harness.plugin.detectors import Detector

_BRIGHT = 30  # photons: below, the middle of the light says little
_ENOUGH = 100  # responses
_CLEAR = 1.0  # sum of two correlations with the other axis, and
_TIMES = 3.0  # that over those with the right one
_FAINT = 0.5  # sum of two correlations with the right one


def upright(blocks: Iterator[Responses], detector: Detector, file: Path) -> Iterator[Responses]:
    """The same blocks; refuses them at the end if their image axes are swapped.

    In images of other than square shape the shape tells; here the middle of the light, along each axis, is
    correlated with where a neutral particle meets the face. Both signs count, for an axis may be mirrored.

    Raises:
        UserError: each axis follows the other's coordinate, and not its own.
    """
    if detector.shape[0] != detector.shape[1]:
        yield from blocks
        return
    sides = {True: _Correlations(), False: _Correlations()}
    for block in blocks:
        for forward, correlations in sides.items():
            rows = (block.conditions[:, 6] > 0) == forward
            correlations.add(_positions(block.showers[rows], block.conditions[rows], detector))
        yield block
    for correlations in sides.values():
        straight, swapped = correlations.result()
        if swapped > max(_CLEAR, _TIMES * straight):
            raise UserError(
                f"{file}: the image axes, or Px and Py, are swapped: expected x first, then y; found the "
                f"light of {correlations.count} neutral particles to follow the other coordinate"
            )
        if straight < _FAINT:
            warnings.warn(
                f"{file}: the light of {correlations.count} neutral particles is not where they hit: "
                "are the features in order, and do images and particles belong together?",
                stacklevel=2,
            )


def _positions(showers: npt.NDArray[Any], conditions: npt.NDArray[np.float32], detector: Detector) -> Any:
    """(n, 4): middle of the light on both axes, impact in x and y; of the bright and neutral on the face."""
    if detector.half_size is None or detector.centre is None or detector.distance is None:
        return np.zeros((0, 4))
    impact = detector.impact(conditions)
    sums = photon_sums(showers)
    chosen = (np.abs(impact) < detector.half_size).all(axis=1) & (conditions[:, 8] == 0) & (sums >= _BRIGHT)
    light, total = showers[chosen], sums[chosen]
    middle = [
        light.sum(axis=2 - axis, dtype=np.float64) @ np.arange(detector.shape[axis]) / total
        for axis in (0, 1)
    ]
    return np.column_stack([*middle, impact[chosen]])


class _Correlations:
    """Correlations of four columns, of which rows come piece by piece."""

    def __init__(self) -> None:
        self.count = 0
        self._sums = np.zeros(4)
        self._products = np.zeros((4, 4))

    def add(self, rows: npt.NDArray[np.float64]) -> None:
        self.count += len(rows)
        self._sums += rows.sum(axis=0)
        self._products += rows.T @ rows

    def result(self) -> tuple[float, float]:
        """How much the first two columns follow the last two in their order, and in the other order."""
        if self.count < _ENOUGH:
            return 1.0, 0.0
        mean = self._sums / self.count
        covariance = self._products / self.count - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.nan_to_num(np.abs(covariance / np.outer(spread, spread)))
        return float(found[0, 2] + found[1, 3]), float(found[0, 3] + found[1, 2])
