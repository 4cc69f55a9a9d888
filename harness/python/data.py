"""The data of a detector as arrays: the three parts of its split, read when they are looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..cli.common.plugins import load_registry
from ..cli.common.progress import counter
from ..data.checks import photon_sums
from ..data.dataset import Dataset
from ..data.open import Parts, open_data, parts_of
from ..plugin.detectors import Detector
from .progress import progress_bars

if TYPE_CHECKING:
    from .torch_data import TorchPart


@dataclass(frozen=True)
class Part:
    """One part of a split: n responses, with the conditions that they answer.

    Attributes:
        conditions: (n, F) float32, physical units; ``Data.features`` names the columns.
        particle: (n,) int64, which responses share a condition.
        pdg: (n,) int32 particle identity (PDG numbering), 0 if unknown.
    """

    conditions: npt.NDArray[np.float32]
    particle: npt.NDArray[np.int64]
    pdg: npt.NDArray[np.int32]
    _read: Callable[[], npt.NDArray[Any]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.particle)

    @cached_property
    def responses(self) -> npt.NDArray[Any]:
        """(n, H, W) in the detector's unit, as stored: counts, or float32. Read at the first look, then kept.

        Raises:
            UserError: the file is damaged.
        """
        return self._read()

    @cached_property
    def photons(self) -> npt.NDArray[Any]:
        """(n,) the sum of each response."""
        return photon_sums(self.responses)

    def bright_weights(self, bright: float = 0.5, power: float = 0.5) -> npt.NDArray[np.float64]:
        """(n,) how often to draw each response, 1 on average, if bright particles are to be seen more often.

        A share ``bright`` of the draws goes to responses in proportion to the mean sum of their particle's
        responses to a ``power``, the rest to all alike; the GANs that come with simbench draw like that.

        Raises:
            ValueError: ``bright`` is no share.
        """
        if not 0 <= bright <= 1:
            raise ValueError(f"bright should be a share from 0 to 1, found {bright}")
        group = np.unique(self.particle, return_inverse=True)[1]
        weight = (np.bincount(group, self.photons) / np.bincount(group))[group] ** power
        return np.asarray(bright * weight / weight.mean() + (1 - bright) if weight.any() else weight + 1)

    def torch(self, bright: float = 0.0) -> "TorchPart":
        """The part as a PyTorch data set of pairs: conditions (F,) and response (H, W), float32 both.

        It works with any number of loader workers. Its ``weights`` (n,), for PyTorch's
        ``WeightedRandomSampler``, are those of :meth:`bright_weights`; all are 1 unless ``bright`` is given.
        """
        from .torch_data import TorchPart  # seconds to import

        weights = self.bright_weights(bright) if bright else np.ones(len(self))
        return TorchPart(self.conditions, self.responses, weights)


@dataclass(frozen=True)
class Data:
    """The data of a detector, split as a run splits them.

    Attributes:
        detector: whose responses; its ``shape`` is that of a response, its ``unit`` what a pixel counts.
        fingerprint: tells the data from others.
        provenance: where they come from.
        min_photons: the least sum of a response; a model is asked for draws of that conditioned distribution.
        train: what a model learns from.
        validation: what chooses among the states of a training: a tenth of what is not for the test.
        test: what decides. A model must not have seen its particles.
    """

    detector: Detector = field(repr=False)
    fingerprint: str
    provenance: str
    min_photons: int
    train: Part = field(repr=False)
    validation: Part = field(repr=False)
    test: Part = field(repr=False)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the F conditions."""
        return self.detector.feature_names

    @property
    def units(self) -> dict[str, str]:
        """The unit of each condition by its name, and that of a pixel as ``response``."""
        return {each.name: each.unit for each in self.detector.features} | {"response": self.detector.unit}

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a response."""
        return self.detector.shape

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {len(getattr(self, name))}" for name in ("train", "validation", "test"))
        conditions = ", ".join(f"{one.name} [{one.unit}]" for one in self.detector.features)
        return (
            f"{self.detector.title}: {self.shape[0]} x {self.shape[1]} {self.detector.unit}; "
            f"{parts} responses; conditions {conditions}"
        )


def load_data(
    detector: str = "proton",
    data: str | Path = "embedded",
    *,
    split: str = "particle",
    split_seed: int = 0,
    min_photons: int | None = None,
    progress: bool = True,
) -> Data:
    """The data that a run of the same arguments uses, in its three parts.

    Args:
        detector: whose responses; ``simbench list detectors`` has the names.
        data: ``embedded``, a dataset file, or files that a reader knows, as the option ``--data``.
        split: ``particle`` or ``event``.
        split_seed: of the split.
        min_photons: only responses with this sum or more; by default the dataset's own threshold.
        progress: whether to show the making of the embedded data, which happens once.

    Raises:
        UserError: the detector or the split is unknown, or the data cannot be read.
    """
    registry = load_registry()
    known = registry.detectors[detector]
    with progress_bars(progress) as bars:
        opened = open_data(registry, known, str(data), counter(bars, "making the embedded dataset"))
    with opened:
        threshold = opened.min_photons if min_photons is None else min_photons
        parts = parts_of(opened, split, split_seed, threshold)
        return Data(
            known,
            opened.fingerprint,
            opened.provenance,
            threshold,
            **{name: _part(opened, getattr(parts, name)) for name in Parts.__dataclass_fields__},
        )


def _part(data: Dataset, rows: npt.NDArray[np.int64]) -> Part:
    path = data.path

    def read() -> npt.NDArray[Any]:
        with Dataset(path) as again:
            return np.concatenate(list(again.blocks(rows)))

    return Part(data.conditions[rows], data.particle[rows], data.pdg[rows], read)
