"""A trained cascade of energies behind the benchmark's interface."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from simbench.harness import rng

from ...finish import PARTICLES
from ...weights import read_weights
from .likelihood import FACTORS, log_factors
from .networks import EnergyCascade, Sizes, make
from .sampling import Sampler
from .showers import Scale
from .tree import Calorimeter, Floats, Tree

BATCH = 256  # showers drawn together


class EnergySimulator:
    """Showers, and their likelihood, of one cascade of energies.

    Args:
        model: its networks.
        calorimeter: whose voxels it fills.
        scale: of the energies.
        header: of its weights file.
        training_particles: hashes of the condition rows it was trained on, if known.

    Attributes:
        execution: how it computes: ``engine`` and ``batch``.
    """

    def __init__(
        self,
        model: EnergyCascade,
        calorimeter: Calorimeter,
        scale: Scale,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        self.model, self.header, self.training_particles = model.eval(), dict(header), training_particles
        self.execution = {"engine": "numpy", "batch": BATCH}
        self.names = FACTORS
        self._tree, self._scale, self._threshold = Tree(calorimeter), scale, calorimeter.threshold
        self._sampler = Sampler(model, self._tree, scale)
        height, width = header["network"]["shape"]
        self._shape = int(height), int(width)

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return sum(each.numel() for each in self.model.parameters())

    @classmethod
    def load(cls, file_or_dir: Path, calorimeter: Calorimeter) -> Self:
        """The simulator of a weights file, or of a training's folder.

        Raises:
            ValueError: the file is missing, damaged, or holds no weights of a cascade of such a calorimeter.
        """
        header, arrays = read_weights(Path(file_or_dir))
        particles = arrays.pop(PARTICLES, None)
        try:
            network = header["network"]
            found = network["layers"]
            model = make(Sizes.from_json(network["sizes"]))
            scale = Scale.from_json(network["scale"])
            tensors = {name: torch.from_numpy(np.array(array, np.float32)) for name, array in arrays.items()}
            model.load_state_dict(tensors, strict=True)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{file_or_dir} holds no usable weights of this kind: {type(error).__name__}: {reason}"
            ) from error
        if found != [[*layer] for layer in calorimeter.layers]:
            raise ValueError(f"{file_or_dir} holds weights of other layers of rings and angles")
        return cls(model, calorimeter, scale, header, particles)

    def generate(self, conditions: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.float32]:
        """(N, H, W) energies of showers of (N, 1) incident energies, both in the detector's unit.

        A voxel below the calorimeter's threshold is 0, as in the data.

        Args:
            conditions: incident energies.
            seed: of the draw; a row's shower is a function of its energy, its number and the seed.

        Raises:
            ValueError: the conditions are not (N, 1) numbers, all finite and above 0.
        """
        incident = self._checked(conditions)
        keys = rng.keys(rng.derive(seed, "energy cascade"), np.arange(len(incident)))
        out = np.empty((len(incident), *self._shape), np.float32)
        for start in range(0, len(incident), BATCH):
            rows = slice(start, start + BATCH)
            voxels = self._sampler.draw(incident[rows], keys[rows])
            voxels[voxels < self._threshold] = 0
            out[rows] = voxels.reshape(-1, *self._shape)
        return out

    def log_prob_levels(self, conditions: npt.ArrayLike, responses: npt.ArrayLike) -> dict[str, Floats]:
        """Terms of log p(shower | incident energy) in nats, (N,) each, by name: see :mod:`.likelihood`.

        Raises:
            ValueError: shapes that do not fit together, or energies below 0 or not finite.
        """
        incident, showers = self._checked(conditions), np.asarray(responses, np.float64)
        if showers.shape != (len(incident), *self._shape):
            raise ValueError(
                f"responses must have the shape {(len(incident), *self._shape)}, found {showers.shape}"
            )
        if not (np.isfinite(showers).all() and (showers >= 0).all()):
            raise ValueError("responses must be energies: finite and 0 or more")
        out = {name: np.empty(len(showers)) for name in FACTORS}
        for start in range(0, len(showers), BATCH):
            rows = slice(start, start + BATCH)
            voxels = showers[rows].reshape(len(showers[rows]), -1)
            for name, values in log_factors(
                self.model, self._tree, self._scale, incident[rows], voxels
            ).items():
                out[name][rows] = values
        return out

    def log_prob(self, conditions: npt.ArrayLike, responses: npt.ArrayLike) -> Floats:
        """(N,) log p(shower | incident energy) in nats; see :meth:`log_prob_levels`."""
        factors = self.log_prob_levels(conditions, responses)
        return np.asarray(np.sum(list(factors.values()), axis=0), dtype=np.float64)

    @staticmethod
    def _checked(conditions: npt.ArrayLike) -> Floats:
        array = np.asarray(conditions, np.float64)
        if array.ndim != 2 or array.shape[1] != 1:
            raise ValueError(f"conditions must have the shape (N, 1), found {array.shape}")
        if not (np.isfinite(array).all() and (array > 0).all()):
            raise ValueError("conditions must be energies above 0, and finite")
        return array[:, 0]
