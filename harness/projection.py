"""From responses to channel sums, by one matrix product; the responses themselves are then dropped."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .detectors import Detector

_EXACT = 2**24  # integers below this are exact in float32


class Projection:
    """All channel sums of a detector, in every convention that it has, and the photon sum."""

    def __init__(self, detector: Detector) -> None:
        self.shape = detector.shape
        self._conventions = {name: len(channels.names) for name, channels in detector.channels.items()}
        masks = np.concatenate([channels.masks for channels in detector.channels.values()])
        pixels = detector.shape[0] * detector.shape[1]
        columns = np.concatenate([masks.reshape(-1, pixels), np.ones((1, pixels), dtype=np.bool_)])
        self._matrix = np.ascontiguousarray(columns.T, dtype=np.float32)  # (H*W, K)

    def __call__(self, responses: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """(N, H, W) responses to (N, K) sums: the channels of each convention in turn, the photon sum last.

        Integer responses give exact sums.
        """
        flat = responses.reshape(len(responses), -1)
        sums = flat.astype(np.float32, copy=False) @ self._matrix
        if len(sums) and sums[:, -1].max() >= _EXACT:
            sums = flat.astype(np.float64) @ self._matrix
        return np.asarray(sums, dtype=np.float64)

    def channels(self, sums: npt.NDArray[np.float64], convention: str) -> npt.NDArray[np.float64]:
        """The (N, C) channel sums of one convention out of (N, K) sums."""
        start = 0
        for name, count in self._conventions.items():
            if name == convention:
                return sums[:, start : start + count]
            start += count
        raise KeyError(convention)

    @staticmethod
    def photons(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The (N,) photon sums out of (N, K) sums."""
        return sums[:, -1]
