"""From conditions in physical units to the inputs of a cascade's networks.

The features of :mod:`simbench.baselines.conditions`, standardised and clipped, and for a ZDC the logarithm of
the energy on overlapping bumps, for all particles and for each sign of the charge: the photon sum changes its
kind with the energy, and a charged particle is bent past the face or onto it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conditions import Geometry, Scaler

CLIP = 5.0  # scaled conditions stay within this many deviations
BUMPS = 24
_NARROWEST = 0.05  # of a bump, in units of log E


@dataclass(frozen=True)
class Inputs:
    """What a cascade is told of a particle.

    Attributes:
        scaler: of the features.
        centres: (M,) of the bumps, log(E / GeV); empty for conditions that are no ZDC's.
    """

    scaler: Scaler
    centres: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, conditions: npt.NDArray[np.float32], geometry: Geometry | None) -> "Inputs":
        """Fitted on conditions (N, F) of the training part alone; ``geometry`` of a ZDC's face."""
        scaler = Scaler.fit(conditions, clip=CLIP, geometry=geometry)
        if geometry is None:
            return cls(scaler, np.zeros(0))
        return cls(scaler, np.quantile(_log_energy(conditions), np.linspace(0.02, 0.98, BUMPS)))

    def __call__(self, conditions: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """(N, K) inputs of conditions (N, F)."""
        scaled = self.scaler(conditions)
        if not len(self.centres):
            return scaled
        width = np.maximum(np.gradient(self.centres), _NARROWEST)
        bumps = np.exp(-0.5 * ((_log_energy(conditions)[:, None] - self.centres) / width) ** 2)
        charge = np.asarray(conditions, dtype=np.float64)[:, 8:9]
        parts = [scaled, bumps, bumps * (charge > 0), bumps * (charge < 0)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return {"scaler": self.scaler.to_json(), "centres": self.centres.tolist()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Inputs":
        """The inputs of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        return cls(Scaler.from_json(stored["scaler"]), np.asarray(stored["centres"], dtype=np.float64))


def checked(conditions: npt.ArrayLike, features: int) -> npt.NDArray[Any]:
    """Conditions (N, F) as an array.

    Raises:
        ValueError: they have another shape, or are not all finite.
    """
    array = np.asarray(conditions)
    if array.ndim != 2 or array.shape[1] != features:
        raise ValueError(f"conditions must have the shape (N, {features}), found {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("conditions must be finite; found NaN or infinity")
    return array


def _log_energy(conditions: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(np.asarray(conditions, dtype=np.float64)[:, 0], 1e-3)))
