"""What a detector is to the benchmark: the shape of a response, the conditions, and named channel maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from .geometry import Cylinders
from .observables import OBSERVABLES, Observable

Masks: TypeAlias = npt.NDArray[np.bool_]
_TRACK = ("Vx", "Vy", "Vz", "Px", "Py", "Pz")


@dataclass(frozen=True)
class Feature:
    """One condition: its name and its unit."""

    name: str
    unit: str


@dataclass(frozen=True)
class ChannelMap:
    """Which pixels are summed into which readout channel.

    Attributes:
        names: C channel names.
        masks: (C, H, W) booleans; a pixel may belong to any number of channels.
    """

    names: tuple[str, ...]
    masks: Masks


@dataclass(frozen=True)
class Detector:
    """A detector, as a plugin offers it.

    Attributes:
        name: what the command line calls it.
        title: its full name, for tables.
        shape: (H, W) of a response.
        unit: what a pixel counts, or measures.
        features: the F conditions, in the order of every conditions array.
        channels: channel maps by the name of their convention.
        default_channels: the convention used unless another is asked for.
        half_size: half dimensions (x, y) of the face in cm, where known.
        centre: centre of the face (x, y) in cm, where known.
        distance: distance of the face from the collision point in cm, where known.
        counted: whether a pixel counts (responses are stored as unsigned integers) or measures (float32).
        observables: the named numbers of a response that metrics are given; those that come with simbench,
            unless others are named.
        geometry: where the voxels of a response, flattened, lie, if in cylinders.
    """

    name: str
    title: str
    shape: tuple[int, int]
    unit: str
    features: tuple[Feature, ...]
    channels: Mapping[str, ChannelMap] = field(repr=False)
    default_channels: str
    half_size: tuple[float, float] | None = None
    centre: tuple[float, float] | None = None
    distance: float | None = None
    counted: bool = True
    observables: tuple[Observable, ...] = field(default=OBSERVABLES, repr=False)
    geometry: Cylinders | None = field(default=None, repr=False)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F conditions, in order."""
        return tuple(feature.name for feature in self.features)

    def impact(self, conditions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """(N, 2) where straight lines from the vertex meet the face's plane, in cm from its centre.

        ``conditions`` are (N, F) with features called Vx, Vy, Vz [cm] and Px, Py, Pz; both sides are alike. A
        particle without Pz meets it nowhere: NaN.

        Raises:
            ValueError: the detector's face is not known, or it has no such features.
        """
        if self.half_size is None or self.centre is None or self.distance is None:
            raise ValueError(f"detector {self.name!r}: it is not known where its face is")
        names = self.feature_names
        missing = [name for name in _TRACK if name not in names]
        if missing:
            raise ValueError(f"detector {self.name!r} has no feature {missing[0]!r}")
        track = conditions[:, [names.index(name) for name in _TRACK]].astype(np.float64)
        vertex, momentum = track[:, :3], track[:, 3:]
        along = np.where(momentum[:, 2] == 0, np.nan, np.abs(momentum[:, 2]))
        flight = self.distance - np.sign(momentum[:, 2]) * vertex[:, 2]
        slope = momentum[:, :2] / along[:, None]
        return np.asarray(vertex[:, :2] + slope * flight[:, None] - self.centre, np.float64)

    def channel_map(self, convention: str | None = None) -> ChannelMap:
        """The channel map of a convention, by default the detector's own choice.

        Raises:
            UserError: the detector has no such convention.
        """
        name = convention or self.default_channels
        if name not in self.channels:
            raise UserError(
                f"detector {self.name!r} has no channel convention {name!r}; it has "
                f"{', '.join(self.channels)}"
            )
        return self.channels[name]
