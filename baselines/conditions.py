"""From conditions in physical units to the inputs of a network.

Two feature maps: ``plain`` takes the conditions as they are, or the logarithms of some; ``zdc`` turns the
nine features of a ZDC particle into what decides about a shower there: energy, where a straight line meets
the face, magnetic rigidity, kind of particle; a particle and its mirror image in z have the same features.
Either is standardised with the mean and scale of the rows it was fitted on, and those must be the training
part only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

ZDC_FEATURES = ("energy", "vx", "vy", "vz", "px", "py", "pz", "mass", "charge")
CLIP = 5.0  # standardised conditions stay within this many deviations, where they are clipped
LEAST = 1e-9  # of what a logarithm is taken of
BINS = 20
BEAM_MOMENTUM = 6500.0  # GeV/c, the scale of energies and rigidities
# Masses in GeV/c^2 between which the particles that reach the ZDCs fall into kinds: photon, electron,
# muon, pion, kaon, nucleon, Lambda, Sigma, Xi and Omega.
MASS_EDGES = (-1.0, 1e-5, 0.05, 0.12, 0.3, 0.7, 1.0, 1.15, 1.25, np.inf)


@dataclass(frozen=True)
class Geometry:
    """The face of a calorimeter: half dimensions and centre (x, y), distance from the collision [cm]."""

    half_size: tuple[float, float]
    centre: tuple[float, float]
    distance: float


def is_zdc(feature_names: Sequence[str]) -> bool:
    """Whether the conditions are the nine of the ZDC data, in their order."""
    return tuple(name.lower() for name in feature_names) == ZDC_FEATURES


def geometry_of(
    half_size: tuple[float, float] | None,
    centre: tuple[float, float] | None,
    distance: float | None,
    feature_names: Sequence[str],
) -> Geometry | None:
    """The face of a detector whose conditions are those of a ZDC particle; None for any other."""
    if half_size and centre and distance and is_zdc(feature_names):
        return Geometry(half_size, centre, distance)
    return None


def zdc_features(conditions: npt.ArrayLike, geometry: Geometry) -> Floats:
    """Features (N, K) of ZDC conditions (N, 9) in GeV, cm, GeV/c, GeV/c^2 and e."""
    energy, vx, vy, vz, px, py, pz, mass, charge = np.asarray(conditions, dtype=np.float64).T
    half_x, half_y = geometry.half_size
    along = np.maximum(np.abs(pz), 1e-9)
    behind = np.where(pz < 0, vz, -vz)  # of the origin, seen from the face; both sides are alike
    flight = geometry.distance + behind
    # Straight-line impact, in half sizes, from the collision axis and from the centre of the face.
    axis_x, axis_y = (vx + px / along * flight) / half_x, (vy + py / along * flight) / half_y
    face_x, face_y = axis_x - geometry.centre[0] / half_x, axis_y - geometry.centre[1] / half_y
    inside = 1 - np.maximum(np.abs(face_x), np.abs(face_y))  # above 0 within the face
    axis_x, axis_y = np.clip(axis_x, -8, 8), np.clip(axis_y, -8, 8)
    # Charged particles are bent in proportion to charge / momentum.
    bend = charge * BEAM_MOMENTUM / np.maximum(np.sqrt(px**2 + py**2 + pz**2), 1e-9)
    kinds = [(mass > low) & (mass <= high) for low, high in pairwise(MASS_EDGES)]
    columns = [
        np.log(np.maximum(energy, 1e-3)),
        energy / BEAM_MOMENTUM,
        axis_x,
        axis_y,
        np.hypot(axis_x, axis_y),
        np.clip(face_x, -2, 2),
        np.clip(face_y, -2, 2),
        np.tanh(5 * inside),
        np.tanh(25 * inside),
        charge,
        np.clip(bend, -8, 8),
        np.clip(bend, -40, 40),
        np.sqrt(np.maximum(mass, 0)),
        mass,
        np.arcsinh(behind / 1e-3),
        behind != 0,
        *kinds,
        *_energy_bins(energy, charge, mass),
    ]
    return np.column_stack(columns).astype(np.float64)


def _energy_bins(energy: Floats, charge: Floats, mass: Floats) -> list[Floats]:
    """The energy of massive particles on a linear scale, as weights of a grid, for each sign of the charge.

    A calorimeter beside the beam accepts a charged particle in a band of momenta only, with sharp edges: they
    are learned much sooner from such bins than from one number.
    """
    place = np.clip(energy / BEAM_MOMENTUM, 0, 1)[:, None] * BINS
    weights = np.maximum(1 - np.abs(place - np.arange(BINS + 1)), 0)
    signs = [(charge == 0) & (mass > 0), charge > 0, charge < 0]
    return [column * sign for sign in signs for column in weights.T]


@dataclass(frozen=True)
class Scaler:
    """Feature map and standardisation, both fixed by what it was fitted on.

    Attributes:
        mean: (K,) means of the features.
        scale: (K,) standard deviations; 1 for a feature that does not vary.
        clip: standardised features are clipped to this many deviations; None leaves them.
        geometry: given for the ``zdc`` map, None for the ``plain`` one.
        logs: of the ``plain`` map, the conditions whose logarithm is the feature, by their place.
    """

    mean: Floats
    scale: Floats
    clip: float | None
    geometry: Geometry | None
    logs: tuple[int, ...] = ()

    @classmethod
    def fit(
        cls,
        conditions: npt.ArrayLike,
        *,
        clip: float | None,
        geometry: Geometry | None,
        logs: tuple[int, ...] = (),
    ) -> "Scaler":
        """The scaler of the given rows (N, F), which must be of the training part alone."""
        features = _features(conditions, geometry, logs)
        deviation = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(deviation > 1e-12, deviation, 1.0), clip, geometry, logs)

    def __call__(self, conditions: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Standardised features, float32 (N, K), of conditions (N, F) in physical units."""
        scaled = (_features(conditions, self.geometry, self.logs) - self.mean) / self.scale
        if self.clip is not None:
            scaled = np.clip(scaled, -self.clip, self.clip)
        return scaled.astype(np.float32)

    def check(self, conditions: int) -> None:
        """Refuse to scale another number of conditions than it was fitted on.

        Raises:
            ValueError: the features that ``conditions`` columns make are not as many as its means.
        """
        if max(self.logs, default=0) >= conditions:
            raise ValueError(
                f"the scaler takes logarithms of {self.logs}, and there are {conditions} conditions"
            )
        made = _features(np.ones((1, conditions)), self.geometry, self.logs).shape[1]
        if made != len(self.mean):
            raise ValueError(
                f"the scaler was fitted on {len(self.mean)} features, {conditions} conditions now make {made}"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, to be stored in the header of a weights file."""
        geometry = None
        if self.geometry is not None:
            face = self.geometry
            geometry = {"half_size": face.half_size, "centre": face.centre, "distance": face.distance}
        mean, scale = self.mean.tolist(), self.scale.tolist()
        stored = {"mean": mean, "scale": scale, "clip": self.clip, "geometry": geometry}
        return stored | ({"logs": list(self.logs)} if self.logs else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Scaler":
        """The scaler of :meth:`to_json`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        geometry = None
        if stored["geometry"] is not None:
            face = stored["geometry"]
            (half_x, half_y), (x, y) = face["half_size"], face["centre"]
            geometry = Geometry((float(half_x), float(half_y)), (float(x), float(y)), float(face["distance"]))
        clip = None if stored["clip"] is None else float(stored["clip"])
        mean, scale = np.asarray(stored["mean"], np.float64), np.asarray(stored["scale"], np.float64)
        return cls(mean, scale, clip, geometry, tuple(int(place) for place in stored.get("logs", ())))


def _features(conditions: npt.ArrayLike, geometry: Geometry | None, logs: tuple[int, ...]) -> Floats:
    plain = np.asarray(conditions, dtype=np.float64)
    if geometry is not None:
        return zdc_features(plain, geometry)
    if not logs:
        return plain
    plain = plain.copy()
    plain[:, list(logs)] = np.log(np.maximum(plain[:, list(logs)], LEAST))
    return plain
