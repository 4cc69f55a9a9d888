"""One update after the other: first of the aim, then of the photon sum's networks, then of all splits.

Everything random in an update is a function of the seed and the update's number, so a training continues from
a checkpoint as if it had never stopped.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simbench.harness import rng

from .density.aim import centres
from .density.likelihood import Images, Ints, Parents, by_network, log_levels, log_splits
from .density.model import Cascade
from .density.sums import Bins
from .density.surroundings import straight
from .density.tree import Tree
from .job import CascadeJob
from .settings import Settings

PHASES = ("aim", "sums", "splits")  # trained one after the other
_LOOK = 50  # updates between two judgements of the photon sum's networks


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
        self._scaled, self._sums = scaled, job.sums()
        self._straight = straight(job.conditions, job.geometry, job.shape)
        self._centres = torch.from_numpy(centres(job.showers))
        held_out = job.validation(settings.validation)
        self.fit, self.held_out = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        fold = job.folds(settings.members)[self.fit]
        self._own = [self.fit[fold == member] for member in range(settings.members)]
        if settings.members > 1:
            self._others = [self.fit[fold != member] for member in range(settings.members)]
        else:
            self._own, self._others = [self.held_out], [self.fit]
        self._smooth = torch.from_numpy(bins.smoothed(settings.smooth).astype(np.float32))
        self._bin = torch.from_numpy(bins.of(self._sums))
        self._inputs = torch.from_numpy(scaled)
        weight = np.maximum(self._sums[self.fit], 1) ** settings.bright
        self._cumulative = np.cumsum(weight / weight.sum())
        bright = np.sqrt(self._sums[self.fit])  # faint responses say little of where the light lies
        self._cumulative_bright = np.cumsum(bright / max(bright.sum(), 1.0))
        self._parameters = {
            phase: [p for name, p in model.named_parameters() if _phase(name) == phase] for phase in PHASES
        }
        self._optimisers = {
            "aim": torch.optim.AdamW(self._parameters["aim"], settings.lr, weight_decay=settings.decay),
            "sums": torch.optim.AdamW(
                self._parameters["sums"], settings.sum_lr, weight_decay=settings.sum_decay
            ),
            "splits": torch.optim.AdamW(self._parameters["splits"], settings.lr, weight_decay=settings.decay),
        }
        self.average = copy.deepcopy(model.state_dict())
        self._best = {member: float("inf") for member in range(settings.members)}
        self._best_sums = copy.deepcopy(model.sums.state_dict())

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
        with _seeded(rng.derive(self._job.seed, "cascade update", step)):
            draw = np.random.default_rng(rng.derive(self._job.seed, "cascade rows", step))
            if step < settings.aim_steps:
                return self._step_aim(step, draw)
            step -= settings.aim_steps
            if step < settings.sum_steps:
                losses = self._step_sum(step, draw)
                if (step + 1) % _LOOK == 0 or step + 1 == settings.sum_steps:
                    self._judge_sums()
                return losses
            if step == settings.sum_steps:  # from now on light is expected where the average says
                self.model.aim.load_state_dict(_part(self.average, "aim."))
            return self._step_splits(step - settings.sum_steps, draw)

    def _step_aim(self, step: int, draw: np.random.Generator) -> dict[str, float]:
        self._set_rate("aim", step, self._settings.aim_steps)
        rows = self._draw(self._cumulative_bright, self._settings.sum_batch, draw)
        line = torch.from_numpy(self._straight[rows])
        loss = self.model.aim.loss(self._inputs[rows], line, self._centres[rows]).mean()
        self._update("aim", loss)
        self._follow("aim", min(self._settings.ema, (1 + step) / (10 + step)))
        return {"aim": loss.item()}

    def _step_sum(self, step: int, draw: np.random.Generator) -> dict[str, float]:
        loss = torch.zeros(())
        for member, rows in zip(self.model.sums.members, self._others, strict=True):
            chosen = torch.from_numpy(draw.choice(rows, self._settings.sum_batch))
            wanted = self._smooth[self._bin[chosen]]
            loss = loss + F.cross_entropy(member(self._inputs[chosen]), wanted)
        self._update("sums", loss)
        self._follow("sums", min(self._settings.sum_ema, (1 + step) / (10 + step)))
        return {"sum": loss.item() / self._settings.members}

    @torch.no_grad()
    def _judge_sums(self) -> None:
        """Keep each averaged network where it was best on its own particles."""
        network = copy.deepcopy(self.model.sums).eval()
        network.load_state_dict(_part(self.average, "sums."))
        for number, (member, rows) in enumerate(zip(network.members, self._own, strict=True)):
            score = F.cross_entropy(member(self._inputs[rows]), self._bin[rows]).item()
            if score < self._best[number]:
                self._best[number] = score
                for name, tensor in member.state_dict().items():
                    self._best_sums[f"members.{number}.{name}"] = tensor.clone()

    def _step_splits(self, step: int, draw: np.random.Generator) -> dict[str, float]:
        settings, tree = self._settings, self.model.image_tree
        self._set_rate("splits", step, settings.steps)
        rows = self._draw(self._cumulative, settings.batch, draw)
        images = self.images(rows)
        contexts, places = images.contexts(self.model), images.places(self.model)
        # Where light falls is learned from all parents alike, how it clusters mostly from faint responses.
        faint = np.maximum(images.total, 1.0) ** -settings.faint
        coarse, fine = torch.zeros(()), torch.zeros(())
        for level in range(tree.depth):
            is_fine = level >= tree.top
            for single, (b, i, j) in by_network(images, self.model, level):
                if not len(b):
                    continue
                if is_fine and len(b) > settings.parents:
                    table = np.cumsum(faint[b])
                    k = np.searchsorted(table, draw.random(settings.parents) * table[-1])
                    b, i, j = (index[np.minimum(k, len(b) - 1)] for index in (b, i, j))
                parents = Parents.of(images, level, places, (b, i, j))
                found = -log_splits(self.model, level, parents, contexts[int(is_fine)], single)
                if is_fine:
                    weight = torch.from_numpy(faint[b].astype(np.float32))
                    fine = fine + 4 * (weight * found).mean()
                else:
                    coarse = coarse + found.sum() / len(rows)
        self._update("splits", coarse + fine)
        self._follow("splits", min(settings.ema, (1 + step) / (10 + step)))
        return {"coarse": coarse.item(), "fine": fine.item()}

    def images(self, rows: Ints) -> Images:
        """Some rows of the job."""
        tree = self.model.image_tree
        return Images(tree, self._job.showers[rows], self._scaled[rows], self._straight[rows])

    def _draw(self, cumulative: npt.NDArray[np.float64], rows: int, draw: np.random.Generator) -> Ints:
        place = np.searchsorted(cumulative, draw.random(rows))
        return self.fit[np.minimum(place, len(self.fit) - 1)]

    def _set_rate(self, phase: str, step: int, steps: int) -> None:
        settings = self._settings
        rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * step / steps))
        rate = settings.lr * rise * (settings.lr_end + (1 - settings.lr_end) * fall)
        self._optimisers[phase].param_groups[0]["lr"] = rate

    def _update(self, phase: str, loss: Tensor) -> None:
        parameters = self._parameters[phase]
        for parameter in parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, self._settings.clip)
        self._optimisers[phase].step()

    @torch.no_grad()
    def _follow(self, phase: str, decay: float) -> None:
        for name, tensor in self.model.state_dict().items():
            if _phase(name) == phase:
                self.average[name].lerp_(tensor, 1 - decay)

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept: averaged networks of the splits, the best ones of the photon sum."""
        best = {f"sums.{name}": tensor for name, tensor in self._best_sums.items()}
        return {**self.average, **best}

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimisers": {phase: each.state_dict() for phase, each in self._optimisers.items()},
            "average": self.average,
            "best": self._best,
            "best_sums": self._best_sums,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        self.model.load_state_dict(state["model"])
        for phase, stored in state["optimisers"].items():
            self._optimisers[phase].load_state_dict(stored)
        self.average, self._best, self._best_sums = state["average"], state["best"], state["best_sums"]

    def likelihood(self, model: Cascade, rows: Ints) -> dict[str, float]:
        """Mean log likelihood of rows, in nats a response, by the factors of the tree.

        Args:
            model: in evaluation mode.
            rows: of the job.
        """
        images = self.images(rows)
        with torch.no_grad():
            log_p = model.sums(images.scaled).numpy()
        sums = self._sums[rows]
        first = log_p[np.arange(len(rows)), self._bin[rows].numpy()] + self._bins.log_within(sums)
        levels = log_levels(model, images)
        names = Tree(self._job.shape).names
        return {name: float(part.mean()) for name, part in zip(names, [first, *levels], strict=True)}


def _phase(name: str) -> str:
    """When a parameter is trained: ``aim``, ``sums`` or ``splits``."""
    first = name.split(".", 1)[0]
    return first if first in PHASES else "splits"


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own random numbers, those of dropout, are of this seed inside and as before outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
