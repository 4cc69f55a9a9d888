"""What a training is given, in plain arrays and numbers."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..conditions import CLIP, Scaler, geometry_of
from ..spots import Rings
from .networks import DataSummary
from .networks_layers import LayerSummary
from .settings import Settings


@dataclass(frozen=True)
class Progress:
    """Where a training stands: steps done of all, epochs, latest losses, last validation score and health."""

    step: int
    steps: int
    epoch: float
    losses: dict[str, float]
    validation: float | None
    warnings: tuple[str, ...] = ()
    experts: Mapping[str, Any] | None = None


def _ignore(progress: Progress) -> None:
    del progress


@dataclass(frozen=True)
class TrainingJob:
    """All that a training of one model needs; nothing of the benchmark itself.

    Attributes:
        model: its name; each family's ``train`` knows its own.
        preset: ``compact``, ``layers`` or ``paper``.
        detector: its name, recorded only.
        shape: (H, W).
        channel_masks: (C, H, W) booleans: the readout channels.
        half_size: half dimensions (x, y) of the face [cm], None for detectors without a known geometry.
        distance: of the face from the collision point [cm], or None.
        centre: of the face (x, y) [cm], or None.
        feature_names: of the F conditions.
        conditions: (N, F) of the training part, physical units.
        showers: (N, H, W), counts; energies for the ``layers`` preset.
        particle: (N,), equal for responses to the same particle.
        validation_conditions: (V, F), physical units.
        score: from validation conditions and responses (V, H, W) to numbers by name: the one that is called
            ``validation`` chooses the checkpoint, lower is better; all are recorded.
        seed: of everything random.
        out: folder of the results.
        overrides: settings as text, see :func:`simbench.baselines.gan.settings.resolve`.
        provenance: of the data, JSON values, stored verbatim.
        progress: called a few times a second at most.
        device: ``cpu`` or ``cuda``.
        min_photons: the photon threshold of the data.
        training_particles: hashes of the training part's condition rows, stored with the weights.
        rings: where the voxels of a response lie, for the ``layers`` preset.
    """

    model: str
    preset: str
    detector: str
    shape: tuple[int, int]
    channel_masks: npt.NDArray[np.bool_]
    half_size: tuple[float, float] | None
    distance: float | None
    centre: tuple[float, float] | None
    feature_names: tuple[str, ...]
    conditions: npt.NDArray[np.float32]
    showers: npt.NDArray[np.integer]
    particle: npt.NDArray[np.int64]
    validation_conditions: npt.NDArray[np.float32]
    score: Callable[[npt.NDArray[np.float32], npt.NDArray[np.int32]], Mapping[str, float]]
    seed: int
    out: Path
    overrides: Mapping[str, str]
    provenance: Mapping[str, object]
    progress: Callable[[Progress], None] = _ignore
    device: str = "cpu"
    min_photons: int = 1
    training_particles: npt.NDArray[np.uint64] | None = None
    rings: Rings | None = None

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: arrays that do not fit together.
        """
        rows, features = len(self.showers), len(self.feature_names)
        expected = {
            "showers": (self.showers, (rows, *self.shape)),
            "conditions": (self.conditions, (rows, features)),
            "particle": (self.particle, (rows,)),
            "validation conditions": (
                self.validation_conditions,
                (len(self.validation_conditions), features),
            ),
            "channel masks": (self.channel_masks, (len(self.channel_masks), *self.shape)),
        }
        for name, (array, shape) in expected.items():
            if array.shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, found {array.shape}")
        if rows < 2 or len(self.validation_conditions) == 0:
            raise ValueError(
                "a training needs at least 2 responses and 1 for validation, "
                f"found {rows} and {len(self.validation_conditions)}"
            )
        if self.preset == "layers" and self.rings is None:
            raise ValueError(
                f"the layers preset serves energies in layers of rings, detector {self.detector!r} has none"
            )

    def scaler(self) -> Scaler:
        """Fitted on the training part; the features of a ZDC particle where the compact preset knows them.

        The ``layers`` preset takes the logarithm of energies.
        """
        if self.preset == "paper":
            return Scaler.fit(self.conditions, clip=None, geometry=None)
        if self.preset == "layers":
            logs = tuple(i for i, name in enumerate(self.feature_names) if "energy" in name.lower())
            return Scaler.fit(self.conditions, clip=CLIP, geometry=None, logs=logs)
        geometry = geometry_of(self.half_size, self.centre, self.distance, self.feature_names)
        return Scaler.fit(self.conditions, clip=CLIP, geometry=geometry)

    def summary(self, scaler: Scaler) -> DataSummary:
        """What the networks must know of the data."""
        total = self.showers.reshape(len(self.showers), -1).sum(axis=1, dtype=np.float64)
        layered = None
        if self.preset == "layers" and self.rings is not None:
            layered = LayerSummary.of(self.rings, scaler(self.conditions), self.showers)
        return DataSummary(
            shape=self.shape,
            conditions=len(scaler.mean),
            masks=self.channel_masks,
            total_mean=float(total.mean()),
            total_std=float(total.std()),
            total_max=float(total.max()),
            min_photons=self.min_photons,
            layered=layered,
        )

    def identity(self, settings: Settings) -> dict[str, Any]:
        """What makes two jobs the same: JSON values, the arrays by a digest."""
        arrays = (
            self.conditions,
            self.showers,
            self.particle,
            self.validation_conditions,
            self.channel_masks,
        )
        digest = hashlib.blake2b(digest_size=16)
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        identity = {
            "model": self.model,
            "preset": self.preset,
            "detector": self.detector,
            "shape": self.shape,
            "features": self.feature_names,
            "geometry": {"half_size": self.half_size, "centre": self.centre, "distance": self.distance}
            | ({"rings": self.rings.to_json()} if self.rings else {}),
            "min_photons": self.min_photons,
            "seed": self.seed,
            "device": self.device,
            "arrays": digest.hexdigest(),
            "data": dict(self.provenance),
            "settings": asdict(settings),
        }
        plain: dict[str, Any] = json.loads(json.dumps(identity, allow_nan=False))
        return plain
