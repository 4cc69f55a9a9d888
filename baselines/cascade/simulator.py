"""A trained cascade behind the benchmark's interface."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from simbench.harness import rng

from ..finish import PARTICLES
from ..weights import read_weights
from .density.likelihood import Images, log_levels
from .density.model import Cascade, OverTree, Sizes, make
from .density.sums import Bins
from .density.surroundings import straight
from .density.tree import Tree
from .inputs import Inputs, checked
from .sampling import Sampler

Floats: TypeAlias = npt.NDArray[np.float32]
Network = TypeVar("Network", bound=OverTree)

BATCH = 512  # rows drawn together; the responses do not depend on it


class CountSimulator(ABC, Generic[Network]):
    """Responses, and their likelihood, of a model over a tree that draws counts.

    Args:
        model: its networks.
        inputs: what these are told of a particle.
        bins: of the photon sum.
        header: of its weights file.
        training_particles: hashes of the condition rows it was trained on, if known.
        batch: rows drawn together.

    Attributes:
        execution: how it computes: ``engine`` and ``batch``.
    """

    def __init__(
        self,
        model: Network,
        inputs: Inputs,
        bins: Bins,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
        batch: int = BATCH,
    ) -> None:
        self.model, self.header, self.training_particles = model.eval(), dict(header), training_particles
        self.batch = batch
        self.execution = {"engine": "numpy", "batch": batch}
        self.names, self._shape = model.image_tree.names, model.image_tree.shape
        self._inputs, self._bins = inputs, bins

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return sum(each.numel() for each in self.model.parameters())

    @classmethod
    def load(cls, file_or_dir: Path, batch: int = BATCH) -> Self:
        """The simulator of a weights file, or of a training's folder.

        Raises:
            ValueError: the file is missing, damaged or holds no weights of a cascade.
        """
        header, arrays = read_weights(Path(file_or_dir))
        particles = arrays.pop(PARTICLES, None)
        try:
            inputs, network = Inputs.from_json(header["inputs"]), header["network"]
            inputs.scaler.check(len(header["features"]))
            bins, sizes = Bins.from_json(network["bins"]), Sizes.from_json(network["sizes"])
            height, width = network["shape"]
            tensors = {name: torch.from_numpy(np.array(array, np.float32)) for name, array in arrays.items()}
            model = cls._network(Tree((int(height), int(width))), sizes, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{file_or_dir} holds no usable weights of this kind: {type(error).__name__}: {reason}"
            ) from error
        return cls(model, inputs, bins, header, particles, batch)

    def generate(
        self, conditions: npt.ArrayLike, *, seed: int, min_photons: int | None = None
    ) -> npt.NDArray[np.int32]:
        """Photon counts (N, H, W) for conditions (N, F) in physical units.

        Args:
            conditions: of the particles.
            seed: of the draw; a row's response is a function of its condition, its number and the seed.
            min_photons: the least photon sum, by default the one of the training data.

        Raises:
            ValueError: the conditions are not (N, F) numbers, all finite.
        """
        conditions = self._checked(conditions)
        least = int(self.header["min_photons"]) if min_photons is None else min_photons
        keys = rng.keys(rng.derive(seed, "cascade"), np.arange(len(conditions)))
        out = np.empty((len(conditions), *self._shape), dtype=np.int32)
        for start in range(0, len(conditions), self.batch):
            rows = slice(start, start + self.batch)
            out[rows] = self._draw(*self._told(conditions[rows]), keys[rows], least)
        return out

    def log_prob_levels(
        self, conditions: npt.ArrayLike, responses: npt.ArrayLike, min_photons: int | None = None
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Log p(response | condition, N >= min_photons) in nats by factor, (N,) each.

        The factors are ``sum``, the photon sum, and one a level of the tree, coarsest first, named by its
        height and width. What is impossible, a sum below the threshold, has -inf.

        Args:
            conditions: (N, F) in physical units.
            responses: (N, H, W) photon counts.
            min_photons: the photon threshold, by default the one of the training data.

        Raises:
            ValueError: shapes that do not fit together, or responses that are no counts.
        """
        conditions, counts = self._checked(conditions), self._counts(responses, len(np.asarray(conditions)))
        least = int(self.header["min_photons"]) if min_photons is None else min_photons
        out = {name: np.empty(len(counts)) for name in self.names}
        for start in range(0, len(counts), self.batch):
            rows = slice(start, start + self.batch)
            scaled, line = self._told(conditions[rows])
            images = Images(self.model.image_tree, counts[rows], scaled, line)
            for name, values in zip(self.names, self._factors(images, least), strict=True):
                out[name][rows] = values
        return out

    def log_prob(
        self, conditions: npt.ArrayLike, responses: npt.ArrayLike, min_photons: int | None = None
    ) -> npt.NDArray[np.float64]:
        """(N,) log p(response | condition, N >= min_photons) in nats; see :meth:`log_prob_levels`."""
        factors = self.log_prob_levels(conditions, responses, min_photons)
        return np.asarray(np.sum(list(factors.values()), axis=0), dtype=np.float64)

    @classmethod
    @abstractmethod
    def _network(cls, tree: Tree, sizes: Sizes, tensors: Mapping[str, Tensor]) -> Network:
        """The networks that a weights file holds."""

    @abstractmethod
    def _draw(self, scaled: Floats, line: Floats, keys: rng.Keys, least: int) -> npt.NDArray[np.int32]:
        """Responses (n, H, W) of at least so many photons; arguments as for :meth:`Sampler.draw`."""

    @abstractmethod
    def _factors(self, images: Images, least: int) -> Sequence[npt.NDArray[np.float64]]:
        """The terms of the log likelihood (n,), of the photon sum and of each level."""

    def _told(self, conditions: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        return self._inputs(conditions), straight(conditions, self._inputs.scaler.geometry, self._shape)

    def _checked(self, conditions: npt.ArrayLike) -> npt.NDArray[Any]:
        return checked(conditions, len(self.header["features"]))

    def _counts(self, responses: npt.ArrayLike, rows: int) -> npt.NDArray[np.int64]:
        array = np.asarray(responses)
        if array.shape != (rows, *self._shape):
            raise ValueError(f"responses must have the shape {(rows, *self._shape)}, found {array.shape}")
        if array.size and not ((array >= 0) & (array < 2**31) & (array == np.floor(array))).all():
            raise ValueError("responses must be photon counts: whole numbers of at least 0")
        return array.astype(np.int64)


class CascadeSimulator(CountSimulator[Cascade]):
    """Responses, and their likelihood, of one cascade; arguments as for :class:`CountSimulator`."""

    def __init__(
        self,
        model: Cascade,
        inputs: Inputs,
        bins: Bins,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
        batch: int = BATCH,
    ) -> None:
        super().__init__(model, inputs, bins, header, training_particles, batch)
        self._sampler = Sampler(model, bins)

    @classmethod
    def _network(cls, tree: Tree, sizes: Sizes, tensors: Mapping[str, Tensor]) -> Cascade:
        model = make(tree, sizes)
        model.load_state_dict(dict(tensors), strict=True)
        return model

    def _draw(self, scaled: Floats, line: Floats, keys: rng.Keys, least: int) -> npt.NDArray[np.int32]:
        return self._sampler.draw(scaled, line, keys, least)

    def _factors(self, images: Images, least: int) -> Sequence[npt.NDArray[np.float64]]:
        first = self._log_sum(images.scaled.numpy(), images.total, least)
        return [first, *log_levels(self.model, images)]

    def _log_sum(
        self, scaled: npt.NDArray[np.float32], sums: npt.NDArray[np.integer], least: int
    ) -> npt.NDArray[np.float64]:
        log_p = self._sampler.log_bins(scaled)
        above, _ = self._bins.log_at_least(log_p, least)
        bins = self._bins.of(sums)
        found = log_p[np.arange(len(sums)), np.maximum(bins, 0)] + self._bins.log_within(sums) - above
        return np.where((bins < 0) | (sums < least), -np.inf, found)
