"""A trained mixture of cascades behind the benchmark's interface."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from simbench.harness import rng

from ..density.likelihood import Images
from ..density.model import Sizes
from ..density.sums import Bins
from ..density.tree import Tree
from ..inputs import Inputs
from ..sampling import Sampler
from ..simulator import BATCH, CountSimulator, Floats
from .gate import Gate
from .likelihood import by_level, log_joint
from .model import Mixture, of_weights


class MixtureSimulator(CountSimulator[Mixture]):
    """Responses, and their likelihood; one expert alone draws a response.

    Arguments as for :class:`CountSimulator`.
    """

    def __init__(
        self,
        model: Mixture,
        inputs: Inputs,
        bins: Bins,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
        batch: int = BATCH,
    ) -> None:
        super().__init__(model, inputs, bins, header, training_particles, batch)
        self._gate = Gate(model.sums, bins)
        self._samplers = [Sampler(expert, bins) for expert in model.cascades]

    def shares(self, conditions: npt.ArrayLike, min_photons: int | None = None) -> npt.NDArray[np.float64]:
        """(N, K) p(expert | condition, N >= min_photons) for conditions (N, F) in physical units."""
        conditions = self._checked(conditions)
        least = int(self.header["min_photons"]) if min_photons is None else min_photons
        return np.asarray(np.exp(self._gate.log_shares(self._inputs(conditions), least)))

    @classmethod
    def _network(cls, tree: Tree, sizes: Sizes, tensors: Mapping[str, Tensor]) -> Mixture:
        return of_weights(tree, sizes, tensors)

    def _draw(self, scaled: Floats, line: Floats, keys: rng.Keys, least: int) -> npt.NDArray[np.int32]:
        expert, sums = self._gate.draw(scaled, keys, least)
        out = np.empty((len(scaled), *self._shape), dtype=np.int32)
        for k, sampler in enumerate(self._samplers):
            own = np.flatnonzero(expert == k)
            if len(own):
                out[own] = sampler.share_out(sums[own], scaled[own], line[own], keys[own])
        return out

    def _factors(self, images: Images, least: int) -> Sequence[npt.NDArray[np.float64]]:
        first, *levels = by_level(log_joint(self.model, self._gate, images, least))
        return [np.where(self._gate.possible(images.total, least), first, -np.inf), *levels]
