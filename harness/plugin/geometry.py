"""Where the voxels of a calorimeter lie that is read out in cylinders around the particle's direction."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One layer: rings, each of as many equal angles.

    Attributes:
        number: what the experiment calls it.
        edges: (R + 1,) radii between the rings, ascending, in mm.
        angles: in how many equal parts a ring is divided, from -pi on.
        depth: where it begins and ends, from the calorimeter's face on, in mm, where known.
    """

    number: int
    edges: tuple[float, ...]
    angles: int
    depth: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or not (np.diff(self.edges) > 0).all() or self.angles < 1:
            raise ValueError(
                f"layer {self.number} should have 2 or more ascending edges and 1 or more angles, found "
                f"{self.edges} and {self.angles}"
            )

    @property
    def rings(self) -> int:
        """R."""
        return len(self.edges) - 1

    @property
    def voxels(self) -> int:
        """How many there are: in the order of the angles, and within an angle of the rings."""
        return self.rings * self.angles

    @cached_property
    def radius(self) -> Floats:
        """(voxels,) middle of each voxel's ring, in mm."""
        return np.tile((np.array(self.edges[1:]) + np.array(self.edges[:-1])) / 2, self.angles)

    @cached_property
    def angle(self) -> Floats:
        """(voxels,) middle of each voxel's angle; 0 in a layer that is not divided."""
        middle = -np.pi + (np.arange(self.angles) + 0.5) * 2 * np.pi / self.angles
        return np.repeat(middle, self.rings)


@dataclass(frozen=True)
class Cylinders:
    """Layers one after the other.

    Attributes:
        layers: in the order of the voxels.
        threshold: a voxel below it counts as empty, in the detector's unit.
    """

    layers: tuple[Layer, ...]
    threshold: float = 0.0

    @property
    def voxels(self) -> int:
        """Of all layers."""
        return sum(layer.voxels for layer in self.layers)

    @property
    def places(self) -> tuple[slice, ...]:
        """Where each layer's voxels are among all."""
        ends = np.cumsum([layer.voxels for layer in self.layers])
        return tuple(
            slice(int(end) - layer.voxels, int(end)) for end, layer in zip(ends, self.layers, strict=True)
        )

    def layer_at(self, depth: Floats) -> npt.NDArray[np.int64]:
        """(M,) the number of the layer at each depth in mm, -1 where there is none.

        Raises:
            ValueError: it is not known where the layers lie.
        """
        found = np.full(len(depth), -1, np.int64)
        for layer in self.layers:
            if layer.depth is None:
                raise ValueError(f"it is not known how deep layer {layer.number} lies")
            found[(depth >= layer.depth[0]) & (depth < layer.depth[1])] = layer.number
        return found

    def voxel_at(self, layer: npt.NDArray[np.int64], radius: Floats, angle: Floats) -> npt.NDArray[np.int64]:
        """(M,) the voxel around each point, among all, -1 where there is none; an edge is what begins there.

        Args:
            layer: (M,) the layer's number.
            radius: (M,) in mm.
            angle: (M,) in radians, of any turn.
        """
        found = np.full(len(layer), -1, np.int64)
        for each, place in zip(self.layers, self.places, strict=True):
            here = np.flatnonzero(layer == each.number)
            ring = np.searchsorted(each.edges, radius[here], side="right") - 1
            turn = np.floor((angle[here] + np.pi) / (2 * np.pi) * each.angles).astype(np.int64)
            voxel = place.start + turn % each.angles * each.rings + ring
            found[here] = np.where((ring >= 0) & (ring < each.rings), voxel, -1)
        return found
