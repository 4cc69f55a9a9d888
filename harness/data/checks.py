"""What readers of users' files share: shapes that fit, counts that are counts, one line about what is not."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..plugin.detectors import Detector

_Numbers: TypeAlias = npt.NDArray[Any]


def require_shape(place: Path | str, detector: Detector, found: tuple[int, ...]) -> None:
    """Raise UserError unless ``found`` is the shape (N, H, W) of responses of ``detector``."""
    expected = detector.shape
    if len(found) == 3 and found[1:] == expected:
        return
    hint = ""
    if len(found) == 3 and found[1:] == expected[::-1]:
        hint = ": the image axes are swapped"
    elif len(found) == 3 and found[:2] == expected:
        hint = ": the responses should come first"
    raise UserError(
        f"{place}: responses of {detector.name} should have the shape (N, {expected[0]}, {expected[1]}), "
        f"found {found}{hint}"
    )


def as_responses(showers: _Numbers, detector: Detector, place: Path | str, first: int = 0) -> _Numbers:
    """Responses as they are stored: unsigned integers, or float32 where the detector measures.

    Args:
        showers: (n, H, W) numbers of any type; whole ones may be stored as fractions.
        detector: whose responses they are.
        place: the file, for messages.
        first: row of the first of them in the file.

    Raises:
        UserError: they have another shape, or one is no number, infinite, negative, or a fraction where the
            detector counts; names the file, the row and the pixel.
    """
    require_shape(place, detector, showers.shape)
    if showers.dtype.kind not in "uif":
        raise UserError(f"{place}: responses should be numbers, found {showers.dtype}")
    if detector.counted:
        if showers.dtype.kind == "u" and showers.dtype.itemsize <= 4:
            return showers
        with np.errstate(invalid="ignore"):
            counts = showers.astype(np.uint32)
        if np.array_equal(counts, showers):  # nearly always; what is wrong is looked for otherwise
            return counts
    else:
        with np.errstate(over="ignore"):  # what becomes infinite is found below
            showers = showers.astype(np.float32)
    checks = [("finite", ~np.isfinite(showers)), ("not negative", showers < 0)]
    if detector.counted and showers.dtype.kind == "f":
        checks.append((f"a whole number of {detector.unit}", showers != np.rint(showers)))
    for what, wrong in checks:
        if wrong.any():
            row, *pixel = (int(index) for index in np.argwhere(wrong)[0])
            raise UserError(
                f"{place}: row {first + row}, pixel ({pixel[0]}, {pixel[1]}) should be {what}, "
                f"found {showers[row, pixel[0], pixel[1]]:g}"
            )
    if not detector.counted:
        return showers
    row = int(np.argmax(showers.reshape(len(showers), -1).max(axis=1)))
    raise UserError(
        f"{place}: row {first + row} should hold counts below {2**32}, found {showers[row].max():g}"
    )


def photon_sums(showers: _Numbers) -> _Numbers:
    """(N,) sums of (N, H, W) responses: int64 of counts, float64 of what is measured."""
    dtype = np.float64 if showers.dtype.kind == "f" else np.int64
    return np.asarray(showers.sum(axis=(1, 2), dtype=dtype))
