"""A classifier from its weights file, and its graph."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..conditions import Scaler
from ..engines import export_graph
from ..export.generator import Conditions
from ..export.photon_graph import OPSET
from ..weights import read_weights
from .network import make_network


class HitClassifier:
    """Probabilities of light.

    Attributes:
        header: of the weights file.
    """

    def __init__(self, header: dict[str, Any], scaler: Scaler, network: nn.Sequential) -> None:
        self.header, self._scaler, self._network = header, scaler, network.eval()

    @classmethod
    def load(cls, file_or_dir: Path) -> "HitClassifier":
        """Of a weights file, or of a training's folder.

        Raises:
            ValueError: it is missing, damaged, or of something else.
        """
        header, arrays = read_weights(file_or_dir)
        try:
            scaler = Scaler.from_json(header["scaler"])
            scaler.check(len(header["features"]))
            width = int(header["network"]["width"])
            network = make_network(len(scaler.mean), width, torch.Generator())
            weights = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
            network.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise ValueError(f"{file_or_dir} holds no classifier of hits: {error}") from error
        return cls(header, scaler, network)

    def probability(self, conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(N,) of conditions (N, F) in physical units."""
        with torch.no_grad():
            odds = self._network(torch.from_numpy(self._scaler(conditions)))
        return torch.sigmoid(odds.double()).numpy()[:, 0]

    def graph(self) -> bytes:
        """An ONNX graph: ``conditions`` (batch, F) in physical units to ``hit`` (batch, 1), a probability."""
        network = _Exported(self._scaler, self._network)
        width = len(self.header["features"])
        return export_graph(
            network.eval(), (width,), ("hit",), ("conditions",), opset_version=OPSET, optimize=False
        )


class _Exported(nn.Module):
    def __init__(self, scaler: Scaler, network: nn.Module) -> None:
        super().__init__()
        self.conditions, self.network = Conditions(scaler), network

    def forward(self, conditions: Tensor) -> Tensor:
        return torch.sigmoid(self.network(self.conditions(conditions)))
