"""From responses to a few numbers each; the responses themselves are then dropped."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from ..plugin.detectors import Detector
from ..plugin.observables import observables_of
from .unit import Unit, narrow

MOMENTS = ("photons", "x", "y", "xx", "yy")
_EXACT = 2**24  # integers below this are exact in float32
_ROWS = 256  # responses converted and multiplied together: they stay in a CPU's cache


class Projection:
    """The sums that are kept of every response.

    Attributes:
        shape: (H, W) of a response.
        features: names of the conditions.
        observed: names of the observables.
        columns: names of the K sums: ``CONVENTION/CHANNEL`` for each channel of each convention, then the
            photon sum and the sums of photons times pixel index (x, y) and squared index (xx, yy).
    """

    def __init__(self, detector: Detector) -> None:
        self.shape, self.features = detector.shape, detector.feature_names
        self._observables = detector.observables
        self.observed = tuple(observable.name for observable in detector.observables)
        x, y = np.indices(detector.shape, dtype=np.float32)
        masks = [mask for channels in detector.channels.values() for mask in channels.masks]
        self.columns = tuple(
            f"{convention}/{name}"
            for convention, channels in detector.channels.items()
            for name in channels.names
        )
        self.columns += MOMENTS
        images = np.stack([*masks, np.ones_like(x), x, y, x * x, y * y]).astype(np.float32)
        self._matrix = np.ascontiguousarray(images.reshape(len(images), -1).T)  # (H*W, K)

    def fingerprint(self) -> str:
        """Of what is summed over which pixels, and observed by which names and formulas."""
        observed = [[one.name, one.formula] for one in self._observables]
        digest = hashlib.sha256(json.dumps([self.shape, self.features, self.columns, observed]).encode())
        digest.update(self._matrix.tobytes())
        return digest.hexdigest()[:16]

    def __call__(self, responses: npt.NDArray[Any]) -> Unit:
        """What is kept of (N, H, W) responses: their sums, :func:`.unit.narrow`, observables and total image.

        Whole numbers give exact sums; none depends on threads.
        """
        flat = responses.reshape(len(responses), len(self._matrix))
        blocks = [self._sums(flat[start : start + _ROWS]) for start in range(0, len(flat), _ROWS)]
        return Unit(
            narrow(np.concatenate(blocks) if blocks else self._sums(flat)),
            self.columns,
            observables=observables_of(self._observables, responses),
            observed=self.observed,
            image=responses.sum(axis=0, dtype=np.float64),
        )

    def _sums(self, flat: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
        if flat.dtype.kind == "f" and not np.array_equal(flat, np.rint(flat)):
            # The order in which a matrix product adds up depends on the number of threads, this one does not.
            sums = np.einsum("np,pk->nk", flat.astype(np.float64), self._matrix.astype(np.float64))
            return np.asarray(sums)
        sums = flat.astype(np.float32, copy=False) @ self._matrix
        if sums.size and sums.max() >= _EXACT:
            return np.asarray(flat.astype(np.float64) @ self._matrix)
        return np.asarray(sums)
