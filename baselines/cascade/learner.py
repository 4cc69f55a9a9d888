"""One update after the other: first of the aim, then of the photon sum's networks, then of all splits.

Everything random in an update is a function of the seed and the update's number, so a training continues from
a checkpoint as if it had never stopped.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from simbench.harness import rng

from .density.likelihood import Images, Ints, log_levels
from .density.model import Cascade
from .density.sums import Bins
from .job import CascadeJob
from .material import Material
from .parts import AimLearner, SplitLearner, SumLearner, seeded
from .settings import Settings


class CascadeLearner:
    """A cascade in training.

    Args:
        job: what is learned.
        settings: of the training.
        model: to be trained.
        bins: of the photon sum.
        scaled: (N, K) scaled conditions of the job's rows.

    Attributes:
        fit, held_out: rows that are learned from, and rows that judge a checkpoint.
    """

    def __init__(
        self,
        job: CascadeJob,
        settings: Settings,
        model: Cascade,
        bins: Bins,
        scaled: npt.NDArray[np.float32],
    ) -> None:
        self._job, self._settings, self.model, self._bins = job, settings, model, bins
        self._material = Material(job, settings, scaled)
        self.fit, self.held_out = self._material.fit, self._material.held_out
        self._aim = AimLearner(model.aim, self._material, settings)
        self._sums = SumLearner(model.sums, self._material, bins, settings)
        self._splits = SplitLearner(model, self._material, settings)
        self._parts = {"aim": self._aim, "sums": self._sums, "splits": self._splits}

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self._settings.aim_steps + self._settings.sum_steps + self._settings.steps

    def epoch(self, step: int) -> float:
        """How often all rows have been seen by the splits after so many updates."""
        settings = self._settings
        updates = max(step - settings.aim_steps - settings.sum_steps, 0)
        return updates * settings.batch / len(self.fit)

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses in nats."""
        self.model.train()
        settings = self._settings
        with seeded(rng.derive(self._job.seed, "cascade update", step)):
            draw = np.random.default_rng(rng.derive(self._job.seed, "cascade rows", step))
            if step < settings.aim_steps:
                return {"aim": self._aim.step(step, draw)}
            step -= settings.aim_steps
            if step < settings.sum_steps:
                return {"sum": self._sums.step(step, draw)}
            if step == settings.sum_steps:
                self._aim.settle()
            coarse, fine = self._splits.step(step - settings.sum_steps, draw)
            return {"coarse": coarse, "fine": fine}

    def images(self, rows: Ints) -> Images:
        """Some rows of the job."""
        return self._material.images(self.model.image_tree, rows)

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept: averaged networks of the splits, the best ones of the photon sum."""
        kept = {f"aim.{name}": tensor for name, tensor in self._aim.average.items()}
        kept |= {f"sums.{name}": tensor for name, tensor in self._sums.best.items()}
        return kept | self._splits.average

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {name: part.state() for name, part in self._parts.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        for name, part in self._parts.items():
            part.restore(state[name])

    def likelihood(self, model: Cascade, rows: Ints) -> dict[str, float]:
        """Mean log likelihood of rows, in nats a response, by the factors of the tree.

        Args:
            model: in evaluation mode.
            rows: of the job.
        """
        images = self.images(rows)
        with torch.no_grad():
            log_p = model.sums(images.scaled).numpy()
        sums = self._material.sums[rows]
        first = log_p[np.arange(len(rows)), self._bins.of(sums)] + self._bins.log_within(sums)
        levels = log_levels(model, images)
        names = model.image_tree.names
        return {name: float(part.mean()) for name, part in zip(names, [first, *levels], strict=True)}
