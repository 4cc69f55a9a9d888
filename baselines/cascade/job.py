"""What a training of a cascade is given, in plain arrays and numbers."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simbench.harness import rng

from ..conditions import Geometry


@dataclass(frozen=True)
class Progress:
    """Where a training stands: updates done of all, the latest losses, the last validation (nats)."""

    step: int
    steps: int
    losses: dict[str, float]
    validation: float | None


def _ignore(progress: Progress) -> None:
    del progress


@dataclass(frozen=True)
class CascadeJob:
    """All that a training needs; nothing of the benchmark itself.

    Attributes:
        model: its registered name.
        preset: ``compact``.
        detector: its name, recorded only.
        shape: (H, W).
        geometry: of the face, ``None`` where none is known.
        feature_names: of the F conditions.
        conditions: (N, F) of the training part, physical units.
        showers: (N, H, W) counts.
        particle: (N,), equal for responses to the same particle.
        min_photons: the photon threshold of the data.
        seed: of everything random.
        out: folder of the results.
        overrides: settings as text.
        provenance: of the data, JSON values, stored verbatim.
        training_particles: hashes of the training part's condition rows, stored with the weights.
        progress: told how it goes.
    """

    model: str
    preset: str
    detector: str
    shape: tuple[int, int]
    geometry: Geometry | None
    feature_names: tuple[str, ...]
    conditions: npt.NDArray[np.float32]
    showers: npt.NDArray[np.integer]
    particle: npt.NDArray[np.int64]
    min_photons: int
    seed: int
    out: Path
    overrides: Mapping[str, str]
    provenance: Mapping[str, object]
    training_particles: npt.NDArray[np.uint64] | None = None
    progress: Callable[[Progress], None] = _ignore

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: arrays that do not fit together, or no counts.
        """
        self.check_shapes()
        if self.showers.dtype.kind not in "ui":
            raise ValueError(f"a cascade learns counts; these responses are {self.showers.dtype}")

    def check_shapes(self) -> None:
        """Refuse arrays that do not fit together, or too few particles, with a ValueError."""
        rows = len(self.showers)
        for name, array, shape in (
            ("showers", self.showers, (rows, *self.shape)),
            ("conditions", self.conditions, (rows, len(self.feature_names))),
            ("particle", self.particle, (rows,)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, found {array.shape}")
        if len(np.unique(self.particle)) < 4:
            raise ValueError("a training needs responses to at least 4 particles")

    def sums(self) -> npt.NDArray[np.int64]:
        """(N,) photons of each response."""
        return np.asarray(self.showers.reshape(len(self.showers), -1).sum(axis=1, dtype=np.int64))

    def validation(self, share: float) -> npt.NDArray[np.bool_]:
        """(N,) mask of the responses to a share of the particles, at least one and not all of them."""
        units, unit = np.unique(self.particle, return_inverse=True)
        order = np.argsort(rng.keys(rng.derive(self.seed, "cascade validation"), np.arange(len(units))))
        taken = np.zeros(len(units), dtype=np.bool_)
        taken[order[: min(max(round(share * len(units)), 1), len(units) - 2)]] = True
        return np.asarray(taken[unit.ravel()])

    def folds(self, members: int) -> npt.NDArray[np.int64]:
        """(N,) which of ``members`` networks of the photon sum is stopped by a response's particle."""
        units, unit = np.unique(self.particle, return_inverse=True)
        order = np.argsort(rng.keys(rng.derive(self.seed, "cascade folds"), np.arange(len(units))))
        fold = np.empty(len(units), dtype=np.int64)
        fold[order] = np.arange(len(units)) % members
        return np.asarray(fold[unit.ravel()])

    def identity(self, settings: Any) -> dict[str, Any]:
        """What makes two jobs the same: JSON values, the arrays by a digest."""
        digest = hashlib.blake2b(digest_size=16)
        for array in (self.conditions, self.showers, self.particle):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        identity = {
            "model": self.model,
            "preset": self.preset,
            "detector": self.detector,
            "shape": self.shape,
            "features": self.feature_names,
            "geometry": None if self.geometry is None else asdict(self.geometry),
            "min_photons": self.min_photons,
            "seed": self.seed,
            "arrays": digest.hexdigest(),
            "data": dict(self.provenance),
            "settings": asdict(settings),
        }
        plain: dict[str, Any] = json.loads(json.dumps(identity, allow_nan=False))
        return plain
