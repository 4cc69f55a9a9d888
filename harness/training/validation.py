"""What a checkpoint is chosen by: responses to the validation part, judged by condition and by image.

The score of a candidate is the geometric mean of two distances, ``sqrt(A * B)``, so that a tenth less of
either counts alike, whatever their units. Both are first Wasserstein distances within eight bins of the
particle's expected photon sum, averaged with the bins' shares of the responses:

- A, ``ws-conditional``: of the sums of the detector's default channels, mean over channels, in its unit: the
  metric of that name on the validation part;
- B, ``ws-observables``: of the observables of the images, each in units of its standard deviation over the
  reference, mean over the observables that vary.

Unlike WS, which pools all responses, A and B see whether a response belongs to its condition, and B sees how
the light is spread. What is expected is the mean over the particle's other responses in the reference; where
none can be (one response a particle, and no energy among the conditions) there is one bin. A detector without
observables is judged by A. WS is recorded beside it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data.sums import Projection
from ..data.unit import Unit
from ..metrics.conditional import ws_within
from ..metrics.tools.arrays import filled
from ..metrics.tools.repeats import BINS, equal_bins, expected_sums
from ..metrics.wasserstein import wasserstein
from ..plugin.detectors import Detector


class Validation:
    """Judges responses to the validation part's conditions.

    Args:
        detector: whose responses they are.
        projection: of that detector.
        reference: what is kept of the M responses of the validation part, particles and conditions too.
    """

    def __init__(self, detector: Detector, projection: Projection, reference: Unit) -> None:
        self._detector, self._projection, self._reference = detector, projection, reference
        self._label = _bins(reference, detector.feature_names)

    def __call__(self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[np.generic]) -> float:
        """The score that chooses; lower is better."""
        return self.scores(conditions, responses)["validation"]

    def scores(
        self, conditions: npt.NDArray[np.float32], responses: npt.NDArray[np.generic]
    ) -> dict[str, float]:
        """``validation``, the score that chooses, then ``ws-conditional``, ``ws-observables`` and ``ws``.

        Args:
            conditions: all of the validation part, in its order (M, F).
            responses: to them (M, H, W).

        Raises:
            ValueError: there are more or fewer than that.
        """
        channels = self._reference.channels(self._detector.default_channels)
        if len(conditions) != len(responses) or len(responses) != len(channels):
            raise ValueError(f"expected responses to all {len(channels)} validation conditions")
        unit = self._projection(responses)
        sums = unit.channels(self._detector.default_channels)
        found = {"ws-conditional": ws_within(channels, sums, self._label).value}
        found |= self._of_images(unit)
        choosing = float(
            np.sqrt(np.prod(list(found.values()))) if len(found) > 1 else found["ws-conditional"]
        )
        ws = np.mean([wasserstein(*pair) for pair in zip(channels.T, sums.T, strict=True)])
        return {"validation": choosing, **found, "ws": float(ws)}

    def _of_images(self, unit: Unit) -> dict[str, float]:
        """``ws-observables``, if there are observables that vary."""
        known, found = self._reference.observables, unit.observables
        if known is None or found is None or not known.shape[1]:
            return {}
        reference, generated = filled(known, found)
        spread = reference.std(axis=0)
        varies = spread > 1e-12 * np.abs(reference.mean(axis=0))
        if not varies.any():
            return {}
        reference, generated = (side[:, varies] / spread[varies] for side in (reference, generated))
        return {"ws-observables": ws_within(reference, generated, self._label).value}


def _bins(reference: Unit, features: Sequence[str]) -> npt.NDArray[np.int64]:
    """(M,) the bin of each response; all in one where nothing is to be expected of any."""
    if reference.particle is None or reference.conditions is None:
        raise ValueError("the validation part needs particles and conditions")
    energies = [place for place, name in enumerate(features) if "energy" in name.lower()]
    energy = reference.conditions[:, energies[0]] if energies else None
    label = equal_bins(expected_sums(reference.photons, reference.particle, energy), BINS)[0]
    return label if (label >= 0).any() else np.zeros(len(label), dtype=np.int64)
