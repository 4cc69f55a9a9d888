"""Counts as real numbers and back: dequantised logarithms, standardised.

A pixel with n photons becomes log(1 + n + w u), u uniform in (0, 1), less a mean and over a scale. With
w <= 1 the intervals of neighbouring counts do not overlap, so counts come back exactly. What a flow makes
ends between them: there a response's total is shared out to the pixels (:meth:`Representation.weights`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_DARK = 0.02  # of its intensity counts in a pixel without photons
_LARGEST = 20.0  # logarithms above that, 5e8 photons in a pixel, are no response


@dataclass(frozen=True)
class Representation:
    """The map between counts and real numbers.

    Attributes:
        width: w of the noise, above 0 and at most 1.
        mean: of the logarithms of the training part, over all pixels.
        scale: their standard deviation.
    """

    width: float
    mean: float
    scale: float

    @classmethod
    def fit(cls, showers: npt.NDArray[np.integer], width: float) -> "Representation":
        """Standardised on counts (N, H, W) of the training part; the noise is taken at its middle."""
        values, numbers = np.unique(showers, return_counts=True)
        logs = np.log1p(values + 0.5 * width)
        mean = np.average(logs, weights=numbers)
        scale = np.sqrt(np.average((logs - mean) ** 2, weights=numbers))
        return cls(width, float(mean), float(scale) if scale > 0 else 1.0)

    def encode(self, counts: npt.NDArray[np.integer], uniforms: npt.NDArray[np.floating]) -> Floats:
        """Real numbers of counts, element by element, with uniforms in (0, 1)."""
        # In double precision: the gap above 1e7 photons is lost in single.
        logs = np.log1p(counts + self.width * uniforms.astype(np.float64))
        return np.asarray((logs - self.mean) / self.scale, dtype=np.float32)

    def intensities(self, x: Floats) -> npt.NDArray[np.float64]:
        """What n + w u is of real numbers, element by element; not below 0."""
        logs = np.clip(x.astype(np.float64) * self.scale + self.mean, 0, _LARGEST)
        return np.asarray(np.expm1(logs), dtype=np.float64)

    def decode(self, x: Floats) -> Ints:
        """The counts whose intervals real numbers lie in, or are nearest to; :meth:`encode` backwards."""
        middle = 0.5 * (1 + self.width)  # of the gap between an interval's start and the next one's
        return np.floor(self.intensities(x) + (1 - middle)).astype(np.int64)

    def weights(self, x: Floats) -> npt.NDArray[np.float64]:
        """What real numbers count for, element by element, when a total is shared out to them.

        Their intensities, where they have photons; a faint part of them where they have none, for the noise
        of many dark pixels would take photons away from the others.
        """
        intensities = self.intensities(x)
        return np.where(intensities < 0.5 * (1 + self.width), _DARK * intensities, intensities)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Representation":
        """The representation of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or impossible.
        """
        found = cls(*(float(stored[name]) for name in ("width", "mean", "scale")))
        if not (0 < found.width <= 1 and found.scale > 0 and np.isfinite([found.mean, found.scale]).all()):
            raise ValueError("the representation of counts is impossible")
        return found
