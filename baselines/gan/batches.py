"""The rows of the training part: kept once, drawn in batches."""

from collections.abc import Collection
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from simbench.harness import rng

from ..conditions import Scaler
from .diversity import diversity_warnings, diversity_weights
from .networks import Networks
from .settings import Settings
from .training_job import TrainingJob


@dataclass(frozen=True)
class Batch:
    """Rows of the training part.

    Attributes:
        photons: (B, V), in the views that are judged.
        conditions: scaled, (B, K).
        diversity: s(c) of Eq. 1, (B,).
        position: of the brightest pixel, or of the shower, scaled to [0, 1], (B, 2).
        index: of the rows in the training part, (B,).
        weight: how much rarer than in a uniform draw a row is, (B,): means with it are those of the data.
    """

    photons: Tensor
    conditions: Tensor
    diversity: Tensor
    position: Tensor
    index: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Tensor) -> "Batch":
        """Some of the rows, by their place in the batch."""
        return Batch(*(getattr(self, part.name)[rows] for part in fields(self)))


class TrainingRows:
    """The training part on the device, and the batch of each step.

    Batches of uniform rows go through a permutation of every epoch; with ``settings.bright`` rows are drawn
    with replacement.

    Attributes:
        per_epoch: batches in a pass through the part.
        warnings: of what the part lacks for the terms, a line each.
    """

    def __init__(
        self,
        job: TrainingJob,
        scaler: Scaler,
        networks: Networks,
        terms: Collection[str],
        settings: Settings,
        generator: torch.Generator,
    ) -> None:
        device = torch.device(job.device)
        pooled = networks.pool(job.showers)
        if np.array_equal(pooled, np.rint(pooled)):  # counts
            small = pooled.max() <= np.iinfo(np.int16).max
            pooled = pooled.astype(np.int16 if small else np.int32)
        self._photons = torch.from_numpy(pooled).to(device)
        scaled = scaler(job.conditions)
        self._conditions = torch.from_numpy(scaled).to(device)
        self._position = torch.from_numpy(networks.place(job.showers)).to(device)
        weights = np.zeros(len(job.showers), dtype=np.float32)
        self.warnings: tuple[str, ...] = ()
        if "diversity" in terms:
            weights = diversity_weights(job.showers, job.particle, scaled)
            self.warnings = diversity_warnings(job.particle)
        self._diversity = torch.from_numpy(weights).to(device)
        self._batch = min(settings.batch, len(job.showers))
        self.per_epoch = len(job.showers) // self._batch
        self._seed, self._generator = job.seed, generator
        share = row_probability(job.showers, job.particle, settings.bright, settings.bright_power)
        self._weight = torch.from_numpy((1 / (len(share) * share)).astype(np.float32)).to(device)
        self._cumulative: Tensor | None = None
        if settings.bright > 0:
            self._cumulative = torch.from_numpy(np.cumsum(share)).to(device)
        self._epoch, self._order = -1, torch.empty(0)

    def batch(self, step: int) -> Batch:
        """The real rows of a step, counted from 0."""
        index = self._index(step)
        return Batch(
            self._photons[index].float(),
            self._conditions[index],
            self._diversity[index],
            self._position[index],
            index,
            self._weight[index],
        )

    def _index(self, step: int) -> Tensor:
        device, rows = self._photons.device, len(self._photons)
        if self._cumulative is not None:
            place = torch.rand(self._batch, dtype=torch.double, device=device, generator=self._generator)
            return torch.searchsorted(self._cumulative, place).clamp(max=rows - 1)
        epoch, number = divmod(step, self.per_epoch)
        if (
            epoch != self._epoch
        ):  # the order is a function of seed and epoch: a resumed training finds it again
            order = torch.Generator().manual_seed(rng.derive(self._seed, "order", epoch))
            self._epoch, self._order = epoch, torch.randperm(rows, generator=order).to(device)
        return self._order[number * self._batch : (number + 1) * self._batch]


def row_probability(
    showers: npt.NDArray[np.integer], particle: npt.NDArray[np.int64], bright: float, power: float
) -> npt.NDArray[np.float64]:
    """The probability (N,) with which a row is drawn, equal for the responses of one particle.

    A share ``bright`` goes to rows in proportion to their particle's mean photon sum to a power.
    """
    total = showers.reshape(len(showers), -1).sum(axis=1, dtype=np.float64)
    _, group = np.unique(particle, return_inverse=True)
    group = group.ravel()
    weight = (np.bincount(group, total) / np.bincount(group))[group] ** power
    uniform = np.full(len(total), 1 / len(total))
    share = uniform if weight.sum() == 0 else bright * weight / weight.sum() + (1 - bright) * uniform
    return np.asarray(share / share.sum(), dtype=np.float64)
