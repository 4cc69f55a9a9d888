"""A trained generator behind the benchmark's interface."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng

from . import photons
from .conditions import Scaler
from .networks import blank_generator
from .weights import Arrays, read_weights

BATCH = {"compact": 512, "paper": 16}  # rows that run fastest on a CPU; more only for a GPU
GPU_BATCH = 1024
PARTICLES = "training_particles"  # the one stored array that is no weight


class GanSimulator:
    """Responses of one generator.

    Args:
        network: a network (noise, conditions) -> rates (B, H, W).
        scaler: the scaler it was trained with.
        header: the header of its weights file: model, detector, preset, settings, data, training, network.
        training_particles: hashes of the condition rows it was trained on, if known.
        device: ``cpu`` or ``cuda``.
        batch: rows computed together.
    """

    def __init__(
        self,
        network: nn.Module,
        scaler: Scaler,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
        device: str = "cpu",
        batch: int | None = None,
    ) -> None:
        self.header = dict(header)
        self.training_particles = training_particles
        self.device = torch.device(device)
        self.batch = batch or (BATCH[header["preset"]] if self.device.type == "cpu" else GPU_BATCH)
        self.network = network.to(self.device).eval()
        self._scaler = scaler
        self._shape = tuple(int(size) for size in header["network"]["shape"])

    @staticmethod
    def blank(header: Mapping[str, Any]) -> nn.Module:
        """The network of a header, its weights still to be loaded.

        Raises:
            KeyError, TypeError, ValueError: the header is that of no such network.
        """
        return blank_generator(header["preset"], header["network"])

    @classmethod
    def load(cls, file_or_dir: Path, device: str = "cpu", batch: int | None = None) -> Self:
        """The simulator of a weights file, or of a training's folder.

        Raises:
            ValueError: the file is missing, damaged or holds no weights of a GAN.
        """
        header, arrays = read_weights(Path(file_or_dir))
        particles = arrays.pop(PARTICLES, None)
        try:
            scaler = Scaler.from_json(header["scaler"])
            scaler.check(len(header["features"]))
            network = cls.blank(header)
            load_arrays(network, arrays)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{file_or_dir} holds no usable weights of this kind: {type(error).__name__}: {reason}"
            ) from error
        return cls(network, scaler, header, particles, device, batch)

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Give the network other weights, as a training does to judge its progress."""
        self.network.load_state_dict(dict(weights))

    def health(self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[np.int32]) -> dict[str, Any]:
        """What else a training should record of responses (N, H, W) to conditions (N, F): JSON values."""
        del conditions, responses
        return {}

    def noise(self, rows: int, seed: int) -> npt.NDArray[np.float32]:
        """Standard normal noise (rows, Z); a row depends on its number and the seed alone."""
        keys = rng.keys(rng.derive(seed, "noise"), np.arange(rows))
        draws = np.arange(self.header["network"]["noise"])
        return rng.normal(keys[:, None], draws[None]).astype(np.float32)

    def rates(self, conditions: npt.ArrayLike, noise: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """What the network alone says: photons (N, H, W), real numbers.

        Args:
            conditions: (N, F) in physical units.
            noise: (N, Z).
        """
        conditions, noise = np.asarray(conditions), np.asarray(noise, dtype=np.float32)
        scaled = self._scaler(conditions)
        out = np.empty((len(scaled), *self._shape), dtype=np.float32)
        with torch.inference_mode():
            for network, part in self._parts(conditions, scaled):
                for start in range(0, len(part), self.batch):
                    rows = part[start : start + self.batch]
                    z, c = torch.from_numpy(noise[rows]), torch.from_numpy(scaled[rows])
                    out[rows] = network(z.to(self.device), c.to(self.device)).cpu().numpy()
        return out

    def _parts(
        self, conditions: npt.NDArray[Any], scaled: npt.NDArray[np.float32]
    ) -> list[tuple[nn.Module, npt.NDArray[np.int64]]]:
        """Which network serves which rows; here one serves all."""
        del conditions
        return [(self.network, np.arange(len(scaled)))]

    def generate(self, conditions: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.int32]:
        """Photon counts (N, H, W) for conditions (N, F) in physical units.

        Raises:
            ValueError: the conditions are not (N, F) numbers, all finite.
        """
        conditions = np.asarray(conditions)
        features = len(self.header["features"])
        if conditions.ndim != 2 or conditions.shape[1] != features:
            raise ValueError(f"conditions must have the shape (N, {features}), found {conditions.shape}")
        if not np.isfinite(conditions).all():
            raise ValueError("conditions must be finite; found NaN or infinity")
        rates = self.rates(conditions, self.noise(len(conditions), seed))
        keys = rng.keys(rng.derive(seed, "photons"), np.arange(len(conditions)))
        if self.header["preset"] == "paper":  # this network gives photons, the other one rates
            return photons.round_photons(rates, keys)
        return photons.draw(rates, keys, int(self.header["min_photons"]))


def load_arrays(module: nn.Module, arrays: Arrays) -> None:
    """Give a module the stored weights, in float32 whatever they are stored in.

    Raises:
        RuntimeError: names or shapes are not those of the module.
    """
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    module.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}, strict=True
    )
