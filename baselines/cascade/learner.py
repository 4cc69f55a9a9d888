"""One update after the other: first of the photon sum's networks, then of all splits.

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

from .job import CascadeJob
from .likelihood import Images, Ints, Parents, by_network, log_levels, log_splits
from .model import Cascade
from .settings import Settings
from .sums import Bins
from .surroundings import impact
from .tree import Tree

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
        self._place = impact(job.conditions, job.geometry, job.shape)
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
        self._split_parameters = [p for name, p in model.named_parameters() if not name.startswith("sums.")]
        self._optimisers = (
            torch.optim.AdamW(model.sums.parameters(), settings.sum_lr, weight_decay=settings.sum_decay),
            torch.optim.AdamW(self._split_parameters, settings.lr, weight_decay=settings.decay),
        )
        self.average = copy.deepcopy(model.state_dict())
        self._best = {member: float("inf") for member in range(settings.members)}
        self._best_sums = copy.deepcopy(model.sums.state_dict())

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self._settings.sum_steps + self._settings.steps

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses in nats."""
        self.model.train()
        settings = self._settings
        with _seeded(rng.derive(self._job.seed, "cascade update", step)):
            draw = np.random.default_rng(rng.derive(self._job.seed, "cascade rows", step))
            if step < settings.sum_steps:
                losses = self._step_sum(step, draw)
                if (step + 1) % _LOOK == 0 or step + 1 == settings.sum_steps:
                    self._judge_sums()
            else:
                losses = self._step_splits(step - settings.sum_steps, draw)
        return losses

    def _step_sum(self, step: int, draw: np.random.Generator) -> dict[str, float]:
        loss = torch.zeros(())
        for member, rows in zip(self.model.sums.members, self._others, strict=True):
            chosen = torch.from_numpy(draw.choice(rows, self._settings.sum_batch))
            wanted = self._smooth[self._bin[chosen]]
            loss = loss + F.cross_entropy(member(self._inputs[chosen]), wanted)
        self._update(0, loss, self.model.sums)
        self._follow("sums.", min(self._settings.sum_ema, (1 + step) / (10 + step)), True)
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
        rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        rate = settings.lr * rise * (settings.lr_end + (1 - settings.lr_end) * fall)
        self._optimisers[1].param_groups[0]["lr"] = rate
        place = np.searchsorted(self._cumulative, draw.random(settings.batch))
        rows = self.fit[np.minimum(place, len(self.fit) - 1)]
        images = self.images(rows)
        contexts = images.contexts(self.model)
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
                parents = Parents.of(images, level, (b, i, j))
                found = -log_splits(self.model, level, parents, contexts[int(is_fine)], single)
                if is_fine:
                    weight = torch.from_numpy(faint[b].astype(np.float32))
                    fine = fine + 4 * (weight * found).mean()
                else:
                    coarse = coarse + found.sum() / len(rows)
        self._update(1, coarse + fine, self.model)
        self._follow("sums.", min(settings.ema, (1 + step) / (10 + step)), False)
        return {"coarse": coarse.item(), "fine": fine.item()}

    def images(self, rows: Ints) -> Images:
        """Some rows of the job."""
        place = None if self._place is None else self._place[rows]
        return Images(self.model.image_tree, self._job.showers[rows], self._scaled[rows], place)

    def _update(self, which: int, loss: Tensor, module: nn.Module) -> None:
        parameters = self._split_parameters if which else list(module.parameters())
        for parameter in parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, self._settings.clip)
        self._optimisers[which].step()

    @torch.no_grad()
    def _follow(self, prefix: str, decay: float, inside: bool) -> None:
        for name, tensor in self.model.state_dict().items():
            if name.startswith(prefix) == inside:
                self.average[name].lerp_(tensor, 1 - decay)

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept: averaged networks of the splits, the best ones of the photon sum."""
        best = {f"sums.{name}": tensor for name, tensor in self._best_sums.items()}
        return {**self.average, **best}

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": self.average,
            "best": self._best,
            "best_sums": self._best_sums,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        self.model.load_state_dict(state["model"])
        for optimiser, stored in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
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


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own random numbers, those of dropout, are of this seed inside and as before outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
