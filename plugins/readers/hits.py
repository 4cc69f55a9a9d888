"""Hits of many showers, put into the pixels of a detector; what lies outside is counted and told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from simbench.harness.data.checks import as_responses
from simbench.harness.data.plausible import MEV
from simbench.harness.errors import UserError
from simbench.harness.plugin.detectors import Detector

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
_MM = {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0}


def factor(given: str, wanted: str, what: str) -> float:
    """What turns numbers of one unit into another's: of energies or of lengths.

    Raises:
        UserError: ``what`` is not measured in such a unit.
    """
    base, _, rest = wanted.partition("/")
    name, _, more = given.partition("/")
    for table in (MEV, _MM):
        if base in table and name in table and more in ("", rest):
            return table[name] / table[base]
    known: Mapping[str, float] = next((table for table in (MEV, _MM) if base in table), {})
    raise UserError(f"{what} should be in {' or '.join(known) or wanted}, found {given!r}")


def hit_at(hits: Places, index: int, first: int) -> str:
    """``row 17, hit 3``: hit number ``index`` of a block whose (n,) responses have ``hits`` each."""
    row = int(np.searchsorted(np.cumsum(hits), index, side="right"))
    return f"row {first + row}, hit {index - int(hits[:row].sum())}"


def require_finite(values: Floats, what: str, path: Path, hits: Places, first: int) -> None:
    """Raise UserError where a number of a hit is none, or infinite."""
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        place = hit_at(hits, int(wrong[0]), first)
        raise UserError(f"{path}: {place}, {what} should be finite, found {values[wrong[0]]}")


def whole(values: Floats, what: str, path: Path) -> Places:
    """Numbers that should be whole, as integers.

    Raises:
        UserError: one is not.
    """
    with np.errstate(invalid="ignore"):
        right = (values == np.rint(values)) & (np.abs(values) < 2**31)
    if not right.all():
        at = int(np.flatnonzero(~right)[0])
        raise UserError(f"{path}: {what} should be whole numbers, found {values[at]:g}")
    return values.astype(np.int64)


class Filling:
    """Puts hits into responses, block after block of one file.

    Args:
        detector: whose responses.
        path: the file, for messages.
    """

    def __init__(self, detector: Detector, path: Path) -> None:
        self._detector, self._path = detector, path
        self._hits = self._lost = 0
        self._sum = self._lost_sum = 0.0

    def responses(self, hits: Places, place: Places, content: Floats, first: int) -> npt.NDArray[Any]:
        """(n, H, W) responses as they are stored; of a detector with a threshold, what is below it is 0.

        Args:
            hits: (n,) how many hits each response has.
            place: (M,) the pixel of each hit, flattened, -1 for one outside; response after response.
            content: (M,) energy or count of each.
            first: row of the first response in the file.

        Raises:
            UserError: a content is negative or no finite number, or no count where the detector counts.
        """
        wrong = np.flatnonzero(~(np.isfinite(content) & (content >= 0)))
        if len(wrong):
            raise UserError(
                f"{self._path}: {hit_at(hits, int(wrong[0]), first)} should hold a finite number of "
                f"{self._detector.unit}, 0 or more, found {content[wrong[0]]:g}"
            )
        outside = place < 0
        self._hits, self._lost = self._hits + len(place), self._lost + int(outside.sum())
        self._sum += float(content.sum())
        self._lost_sum += float(content[outside].sum())
        owner = np.repeat(np.arange(len(hits)), hits)
        pixels = self._detector.shape[0] * self._detector.shape[1]
        inside = ~outside
        filled = np.bincount(
            owner[inside] * pixels + place[inside], content[inside], minlength=len(hits) * pixels
        )
        return self.stored(filled.reshape(len(hits), *self._detector.shape), first)

    def stored(self, responses: npt.NDArray[Any], first: int) -> npt.NDArray[Any]:
        """(n, H, W) responses checked, and cut at the threshold, if the detector has one."""
        checked = as_responses(responses, self._detector, self._path, first)
        threshold = self._detector.geometry.threshold if self._detector.geometry is not None else 0.0
        return np.where(checked < threshold, np.zeros((), checked.dtype), checked) if threshold else checked

    def tell(self) -> None:
        """Warn of hits that were outside."""
        if self._lost:
            share = self._lost_sum / self._sum if self._sum else 0.0
            warn(
                f"{self._path}: {self._lost} of {self._hits} hits, with {share:.2%} of the "
                f"{self._detector.unit}, are outside {self._detector.name}: left out",
                stacklevel=2,
            )
