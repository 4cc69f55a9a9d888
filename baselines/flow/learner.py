"""One update after the other: of the aim, then of the photon sum's networks, then of the flow.

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

from ..cascade.density.sums import Bins
from ..cascade.job import CascadeJob
from ..cascade.material import Material
from ..cascade.parts import AimLearner, Part, SumLearner, drawn, seeded
from . import matching
from .network import Flow
from .representation import Representation
from .settings import FlowSettings

Ints = npt.NDArray[np.int64]

_ROWS = 256  # responses that are judged together


class ImageLearner(Part):
    """The flow of images in training."""

    def __init__(self, model: Flow, material: Material, kept: Representation, settings: FlowSettings) -> None:
        super().__init__(
            dict(model.image.named_parameters()), settings.lr, settings.decay, settings.ema, settings.clip
        )
        self._model, self._material, self._representation = model, material, kept
        self._settings = settings
        bright = np.maximum(material.sums[material.fit], 1) ** settings.bright
        self._cumulative = np.cumsum(bright / bright.sum())

    def step(self, step: int, draw: np.random.Generator) -> float:
        """One update, counted from 0; the loss."""
        self.set_rate(self._settings, step, self._settings.steps)
        rows = drawn(self._material.fit, self._cumulative, self._settings.batch, draw)
        found = self.losses(self._model, rows, draw).mean()
        self.update(found, step)
        return found.item()

    def losses(self, model: Flow, rows: Ints, draw: np.random.Generator) -> Tensor:
        """(n,) weighted losses of rows at times of which each has the same share of the responses."""
        counts = self._material.job.showers[rows]
        shape = counts.shape
        data = torch.from_numpy(self._representation.encode(counts, draw.random(shape, dtype=np.float32)))
        noise = torch.from_numpy(draw.standard_normal(shape, dtype=np.float32))
        time = (draw.permutation(len(rows)) + draw.random(len(rows))) / len(rows)
        at = torch.from_numpy(time.astype(np.float32))
        sums = np.maximum(self._material.sums[rows], 1).astype(np.float32)
        scaled, line = self._material.inputs[rows], torch.from_numpy(self._material.straight[rows])
        context = model.context(scaled, line, torch.from_numpy(self._material.sums[rows].astype(np.float32)))
        expected = model.image(matching.between(noise, data, at), at, context)
        weight = torch.from_numpy(sums**-self._settings.faint)
        return weight * matching.loss(expected, data, at)


class FlowLearner:
    """A flow in training.

    Args:
        job: what is learned.
        settings: of the training.
        model: to be trained.
        bins: of the photon sum.
        kept: the representation of counts.
        scaled: (N, K) scaled conditions of the job's rows.

    Attributes:
        fit, held_out: rows that are learned from, and rows that judge a checkpoint.
    """

    def __init__(
        self,
        job: CascadeJob,
        settings: FlowSettings,
        model: Flow,
        bins: Bins,
        kept: Representation,
        scaled: npt.NDArray[np.float32],
    ) -> None:
        self._job, self._settings, self.model, self._bins = job, settings, model, bins
        self._material = Material(job, settings, scaled)
        self.fit, self.held_out = self._material.fit, self._material.held_out
        self._aim = AimLearner(model.aim, self._material, settings)
        self._sums = SumLearner(model.sums, self._material, bins, settings)
        self._image = ImageLearner(model, self._material, kept, settings)
        self._parts = {"aim": self._aim, "sums": self._sums, "image": self._image}

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self._settings.aim_steps + self._settings.sum_steps + self._settings.steps

    def epoch(self, step: int) -> float:
        """How often all rows have been seen by the flow after so many updates."""
        updates = max(step - self._settings.aim_steps - self._settings.sum_steps, 0)
        return updates * self._settings.batch / len(self.fit)

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses: in nats, and of the flow."""
        self.model.train()
        settings = self._settings
        with seeded(rng.derive(self._job.seed, "flow update", step)):
            draw = np.random.default_rng(rng.derive(self._job.seed, "flow rows", step))
            if step < settings.aim_steps:
                return {"aim": self._aim.step(step, draw)}
            step -= settings.aim_steps
            if step < settings.sum_steps:
                return {"sum": self._sums.step(step, draw)}
            if step == settings.sum_steps:
                self._aim.settle()
            return {"flow": self._image.step(step - settings.sum_steps, draw)}

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept: averaged networks of the image, the best ones of the photon sum."""
        kept = {f"aim.{name}": tensor for name, tensor in self._aim.average.items()}
        kept |= {f"sums.{name}": tensor for name, tensor in self._sums.best.items()}
        return kept | {f"image.{name}": tensor for name, tensor in self._image.average.items()}

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {name: part.state() for name, part in self._parts.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        for name, part in self._parts.items():
            part.restore(state[name])

    @torch.no_grad()
    def likelihood(self, model: Flow, rows: Ints) -> dict[str, float]:
        """What a checkpoint is judged by: ``sum``, the mean log likelihood of photon sums in nats, and
        ``image``, less the mean loss of the flow, for a flow of few steps has no likelihood.

        Args:
            model: in evaluation mode.
            rows: of the job; their noise and times are always the same.
        """
        sums = self._material.sums[rows]
        log_p = model.sums(self._material.inputs[rows]).numpy()
        first = log_p[np.arange(len(rows)), self._bins.of(sums)] + self._bins.log_within(sums)
        draw = np.random.default_rng(rng.derive(self._job.seed, "flow judges"))
        blocks = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
        image = torch.cat([self._image.losses(model, block, draw) for block in blocks])
        return {"sum": float(first.mean()), "image": -float(image.mean())}
