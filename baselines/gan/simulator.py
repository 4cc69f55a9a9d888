"""A trained generator behind the benchmark's interface."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng

from ..conditions import Scaler
from ..engines import Rates, batch_size, choose_engine, onnx_rates, torch_rates
from ..finish import PARTICLES
from ..spots import Rings
from ..weights import Arrays, read_weights
from .networks import blank_generator, response_of


class GanSimulator:
    """Responses of one generator.

    Args:
        network: a network (noise, conditions) -> rates (B, H, W), or (B, M) of rings.
        scaler: the scaler it was trained with.
        header: the header of its weights file: model, detector, preset, settings, data, training, network.
        training_particles: hashes of the condition rows it was trained on, if known.
        device: ``cpu`` or ``cuda``.
        batch: rows computed together.
        engine: ``torch``, ``onnx``, or ``auto`` for the preset's rule.
        graphs: folder where exported graphs are kept, needed for ``onnx``.

    Attributes:
        execution: how it computes: ``engine`` and ``batch``.
    """

    def __init__(
        self,
        network: nn.Module,
        scaler: Scaler,
        header: Mapping[str, Any],
        training_particles: npt.NDArray[np.uint64] | None = None,
        device: str = "cpu",
        batch: int | None = None,
        engine: str = "torch",
        graphs: Path | None = None,
    ) -> None:
        self.header = dict(header)
        self.training_particles = training_particles
        self._engine = choose_engine(engine, header["preset"], device)
        self._device, self._graphs = device, graphs
        self.batch = batch or batch_size(self._engine, header["preset"], device)
        self.execution = {"engine": self._engine, "batch": self.batch}
        # ONNX graphs are exported from the CPU.
        self.network = network.to("cpu" if self._engine == "onnx" else device).eval()
        self._rates: dict[nn.Module, Rates] = {}
        self._scaler = scaler
        self._shape = tuple(int(size) for size in header["network"]["shape"])
        self._respond = response_of(header["preset"], header["network"], int(header["min_photons"]))

    @property
    def parameters(self) -> int:
        """Numbers that were trained."""
        return sum(each.numel() for each in self.network.parameters())

    @staticmethod
    def blank(header: Mapping[str, Any]) -> nn.Module:
        """The network of a header, its weights still to be loaded.

        Raises:
            KeyError, TypeError, ValueError: the header is that of no such network.
        """
        return blank_generator(header["preset"], header["network"])

    @classmethod
    def load(
        cls,
        file_or_dir: Path,
        device: str = "cpu",
        batch: int | None = None,
        engine: str = "torch",
        graphs: Path | None = None,
    ) -> Self:
        """The simulator of a weights file, or of a training's folder.

        Raises:
            ValueError: the file is missing, damaged or holds no weights of a GAN; the engine is unknown.
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
        return cls(network, scaler, header, particles, device, batch, engine, graphs)

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Give the network other weights, as a training does to judge its progress."""
        self.network.load_state_dict(dict(weights))
        self._rates.clear()

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
        """What the network alone says: photons (N, H, W), or energies (N, M) of rings, real numbers.

        Args:
            conditions: (N, F) in physical units.
            noise: (N, Z).
        """
        conditions = np.asarray(conditions)
        rings = self.header["network"].get("rings")
        shape = self._shape if rings is None else (len(Rings.from_json(rings)),)
        out = np.empty((len(conditions), *shape), dtype=np.float32)
        for rows, rates in self._batches(conditions, np.asarray(noise, dtype=np.float32)):
            out[rows] = rates
        return out

    def _batches(
        self, conditions: npt.NDArray[Any], noise: npt.NDArray[np.float32]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Rows and what the network says to them, a batch at a time: still in the cache when drawn from."""
        scaled = self._scaler(conditions)
        for network, part in self._parts(conditions, scaled):
            respond = self._responder(network)
            for start in range(0, len(part), self.batch):
                rows = part[start : start + self.batch]
                yield rows, respond(noise[rows], scaled[rows])

    def _responder(self, network: nn.Module) -> Rates:
        """What computes the rates of one of the networks."""
        if network not in self._rates:
            if self._engine == "torch":
                self._rates[network] = torch_rates(network, self._device)
            elif self._graphs is None:
                raise ValueError("engine onnx: no folder is given for exported graphs")
            else:
                inputs = int(self.header["network"]["noise"]), len(self._scaler.mean)
                self._rates[network] = onnx_rates(network, inputs, self._device, self._graphs)
        return self._rates[network]

    def _parts(
        self, conditions: npt.NDArray[Any], scaled: npt.NDArray[np.float32]
    ) -> list[tuple[nn.Module, npt.NDArray[np.int64]]]:
        """Which network serves which rows; here one serves all."""
        del conditions
        return [(self.network, np.arange(len(scaled)))]

    def generate(self, conditions: npt.ArrayLike, *, seed: int) -> npt.NDArray[Any]:
        """Photon counts, int32, or energies, float32, (N, H, W) for conditions (N, F) in physical units.

        Raises:
            ValueError: the conditions are not (N, F) numbers, all finite.
        """
        conditions = np.asarray(conditions)
        features = len(self.header["features"])
        if conditions.ndim != 2 or conditions.shape[1] != features:
            raise ValueError(f"conditions must have the shape (N, {features}), found {conditions.shape}")
        if not np.isfinite(conditions).all():
            raise ValueError("conditions must be finite; found NaN or infinity")
        keys = rng.keys(rng.derive(seed, "photons"), np.arange(len(conditions)))
        dtype = np.float32 if self.header["preset"] == "layers" else np.int32
        out = np.empty((len(conditions), *self._shape), dtype)
        for rows, rates in self._batches(conditions, self.noise(len(conditions), seed)):
            out[rows] = self._respond(rates, keys[rows])
        return out


def load_arrays(module: nn.Module, arrays: Arrays) -> None:
    """Give a module the stored weights, in float32 whatever they are stored in.

    Raises:
        RuntimeError: names or shapes are not those of the module.
    """
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    module.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}, strict=True
    )
