"""A trained flow behind the benchmark's interface."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from simbench.harness import rng

from ..cascade.density.sums import Bins
from ..cascade.density.surroundings import straight
from ..cascade.inputs import Inputs, checked
from ..finish import PARTICLES
from ..weights import read_weights
from . import matching
from .allocation import share_out
from .network import Flow, Sizes, make
from .representation import Representation

BATCH = 256  # rows drawn together
_SUM, _NOISE = 0, 1  # numbers of a response's keys: for its sum, and for its noise


class FlowSimulator:
    """Responses of a flow: a photon sum, an image, and the sum shared out in proportion to the image.

    Args:
        model: its networks.
        inputs: what these are told of a particle.
        bins: of the photon sum.
        kept: the representation of counts.
        steps: of the flow, from noise to an image.
        header: of its weights file.
        training_particles: hashes of the condition rows it was trained on, if known.

    Attributes:
        execution: how it computes: ``engine``, ``batch`` and ``steps``.
    """

    def __init__(
        self,
        model: Flow,
        inputs: Inputs,
        bins: Bins,
        kept: Representation,
        steps: int,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        self.model, self.header, self.training_particles = model.eval(), dict(header), training_particles
        if steps < 1:
            raise ValueError(f"a flow takes at least 1 step, found {steps}")
        self.steps, self.batch = steps, BATCH
        self.execution = {"engine": "torch", "batch": BATCH, "steps": steps}
        self._inputs, self._bins, self._representation = inputs, bins, kept

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return sum(each.numel() for each in self.model.parameters())

    @classmethod
    def load(cls, file_or_dir: Path) -> "FlowSimulator":
        """The simulator of a weights file, or of a training's folder.

        Raises:
            ValueError: the file is missing, damaged or holds no weights of a flow.
        """
        header, arrays = read_weights(Path(file_or_dir))
        particles = arrays.pop(PARTICLES, None)
        try:
            inputs, network = Inputs.from_json(header["inputs"]), header["network"]
            inputs.scaler.check(len(header["features"]))
            bins, sizes = Bins.from_json(network["bins"]), Sizes.from_json(network["sizes"])
            kept, steps = Representation.from_json(network["representation"]), int(network["steps"])
            height, width = network["shape"]
            model = make((int(height), int(width)), sizes)
            tensors = {name: torch.from_numpy(np.array(array, np.float32)) for name, array in arrays.items()}
            model.load_state_dict(tensors, strict=True)
            return cls(model, inputs, bins, kept, steps, header, particles)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{file_or_dir} holds no usable weights of a flow: {type(error).__name__}: {reason}"
            ) from error

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
        conditions = checked(conditions, len(self.header["features"]))
        least = int(self.header["min_photons"]) if min_photons is None else min_photons
        keys = rng.keys(rng.derive(seed, "flow"), np.arange(len(conditions)))
        out = np.empty((len(conditions), *self.model.shape), dtype=np.int32)
        for start in range(0, len(conditions), self.batch):
            rows = slice(start, start + self.batch)
            out[rows] = self._draw(conditions[rows], keys[rows], least)
        return out

    @torch.no_grad()
    def _draw(self, conditions: npt.NDArray[Any], keys: rng.Keys, least: int) -> npt.NDArray[np.int32]:
        scaled = torch.from_numpy(self._inputs(conditions))
        u, v = rng.uniform2(rng.split(keys, _SUM), 0)
        sums = self._bins.draw(self.model.sums(scaled).numpy(), least, u, v)
        line = torch.from_numpy(straight(conditions, self._inputs.scaler.geometry, self.model.shape))
        context = self.model.context(scaled, line, torch.from_numpy(sums.astype(np.float32)))
        pixels = np.arange(self.model.shape[0] * self.model.shape[1])
        noise = rng.normal(rng.split(keys, _NOISE)[:, None], pixels).astype(np.float32)
        image = matching.integrate(
            lambda x, time: self.model.image(x, time, context),
            torch.from_numpy(noise.reshape(-1, *self.model.shape)),
            self.steps,
        )
        weights = self._representation.weights(image.numpy().reshape(len(sums), -1))
        return share_out(weights, sums).reshape(-1, *self.model.shape)
