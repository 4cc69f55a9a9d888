"""What a training of a cascade of energies is given."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..job import CascadeJob
from .tree import Calorimeter


@dataclass(frozen=True)
class EnergyJob(CascadeJob):
    """As :class:`CascadeJob`, of (N, H, W) energies in the voxels of a calorimeter.

    Attributes:
        calorimeter: its layers; the voxels of a shower are theirs, in order.
    """

    calorimeter: Calorimeter = field(kw_only=True)

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: arrays that do not fit together, energies that are none, or no single condition.
        """
        self.check_shapes()
        if len(self.feature_names) != 1 or not (self.conditions > 0).all():
            raise ValueError("a cascade of energies needs one condition, the incident energy, above 0")
        if self.calorimeter.voxels != self.shape[0] * self.shape[1]:
            raise ValueError(f"{self.shape} should have the calorimeter's {self.calorimeter.voxels} voxels")
        totals = self.totals()
        if not np.isfinite(totals).all() or min(block.min() for block in self.showers) < 0:
            raise ValueError("energies should be finite and 0 or more")
        if np.count_nonzero(totals) < 4:
            raise ValueError("a training needs at least 4 showers with energy")

    def totals(self) -> npt.NDArray[np.float64]:
        """(N,) energies deposited."""
        return np.array([shower.sum(dtype=np.float64) for shower in self.showers])

    def voxels(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(n, V) energies of some rows."""
        return self.showers[rows].reshape(len(rows), -1).astype(np.float64)

    def identity(self, settings: Any) -> dict[str, Any]:
        """As of :class:`CascadeJob`, with rings and angles of each layer."""
        return {**super().identity(settings), "layers": [[*layer] for layer in self.calorimeter.layers]}
