"""One update after the other; everything random in one is a function of the seed and the update's number."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from simbench.harness import rng

from .job import EnergyJob
from .likelihood import log_factors, of_splits, of_total
from .networks import EnergyCascade
from .settings import EnergySettings
from .showers import Known, Scale, walk
from .tree import KINDS, Floats, Ints, Tree

_ROWS = 50  # showers looked at together


class EnergyLearner:
    """A cascade of energies in training.

    Args:
        job: what is learned.
        settings: of the training.
        model: to be trained.
        tree: of the calorimeter.
        scale: of the energies.

    Attributes:
        fit, held_out: rows that are learned from, and rows that judge a checkpoint.
    """

    def __init__(
        self, job: EnergyJob, settings: EnergySettings, model: EnergyCascade, tree: Tree, scale: Scale
    ) -> None:
        self._job, self._settings, self.model, self._tree, self._scale = job, settings, model, tree, scale
        held_out = job.validation(settings.validation)
        self.fit, self.held_out = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        self._incident = job.conditions[:, 0].astype(np.float64)
        self._totals = job.totals()
        self._optimiser = torch.optim.AdamW(model.parameters(), settings.lr, weight_decay=settings.decay)
        self.average = copy.deepcopy(model.state_dict())

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self._settings.steps

    def epoch(self, step: int) -> float:
        """How often all showers have been seen after so many updates."""
        return step * self._settings.batch / len(self.fit)

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses in nats, of a split and of the total."""
        self.model.train()
        settings = self._settings
        draw = np.random.default_rng(rng.derive(self._job.seed, "energy cascade rows", step))
        some = draw.choice(self.fit, settings.total_batch)
        total = of_total(self.model, self._scale, self._incident[some], self._totals[some])
        losses = {"total": -total.mean()}
        rows = draw.choice(self.fit, settings.batch)
        found: dict[int, list[Tensor]] = {}
        energies = self._tree.energies(self._job.voxels(rows))
        known = Known(self._tree, self._scale, self._incident[rows], self._totals[rows])
        for splits, *parts in walk(self._tree, known, energies, self._chosen(energies, draw)):
            found.setdefault(splits.kind, []).append(of_splits(self.model, splits, *parts))
        for kind, each in found.items():
            losses[KINDS[kind]] = -torch.cat(each).mean()
        rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        rate = settings.lr * rise * (settings.lr_end + (1 - settings.lr_end) * fall)
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self._optimiser.step()
        decay = min(settings.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                self.average[name].lerp_(tensor, 1 - decay)
        return {name: loss.item() for name, loss in losses.items()}

    def _chosen(self, energies: list[Floats], draw: np.random.Generator) -> list[npt.NDArray[np.bool_]]:
        """Which nodes of each depth are looked at: about as many of each kind as the settings say."""
        of_depth = [int(depth.kind.max()) for depth in self._tree.depths]
        there = [0] * len(KINDS)
        for depth, kind, own in zip(self._tree.depths, of_depth, energies, strict=False):
            there[kind] += int(np.count_nonzero(own[:, depth.kind >= 0]))
        shares = [self._settings.nodes / max(count, 1) for count in there]
        return [draw.random(own.shape) < shares[kind] for kind, own in zip(of_depth, energies, strict=False)]

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept: the moving average."""
        return self.average

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self.average,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.average = state["average"]

    @torch.no_grad()
    def likelihood(self, model: EnergyCascade, rows: Ints) -> dict[str, float]:
        """Mean log likelihood of rows, in nats a shower, by factor: see :func:`log_factors`."""
        found: dict[str, list[Floats]] = {}
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            factors = log_factors(
                model, self._tree, self._scale, self._incident[some], self._job.voxels(some)
            )
            for name, values in factors.items():
                found.setdefault(name, []).append(values)
        return {name: float(np.concatenate(values).mean()) for name, values in found.items()}
