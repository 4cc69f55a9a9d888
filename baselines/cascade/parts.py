"""What is trained of a cascade, part by part: where light is expected, the photon sum, the splits.

Each part has an optimiser and a moving average of its own. Rows are drawn by a generator that is passed in;
dropout takes torch's own random numbers, which the caller seeds.
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

from .density.aim import Aim, centres
from .density.likelihood import Ints, Parents, by_network, log_splits
from .density.model import Cascade
from .density.sums import Bins, SumNetworks
from .material import Material
from .settings import Settings, Shared

LOOK = 50  # updates between two judgements of the photon sum's networks
_SHARED = ("aim.", "sums.")  # parameters of a cascade that are not its splits'


class Part:
    """Parameters, their optimiser and their moving average.

    Args:
        parameters: by name.
        rate: learning rate.
        decay: of the weights.
        ema: decay of the moving average.
        clip: gradients longer than this are shortened to it.
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], rate: float, decay: float, ema: float, clip: float
    ) -> None:
        self._named, self._ema, self._clip = dict(parameters), ema, clip
        self._parameters = list(self._named.values())
        self._optimiser = torch.optim.AdamW(self._parameters, rate, weight_decay=decay)
        self.average = {name: tensor.detach().clone() for name, tensor in self._named.items()}

    def set_rate(self, settings: Shared, step: int, steps: int) -> None:
        """The learning rate rises over the first updates, then falls along a cosine."""
        rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * step / steps))
        rate = settings.lr * rise * (settings.lr_end + (1 - settings.lr_end) * fall)
        self._optimiser.param_groups[0]["lr"] = rate

    def update(self, loss: Tensor, step: int) -> None:
        """One step down the loss, and the average follows."""
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._optimiser.step()
        decay = min(self._ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, tensor in self._named.items():
                self.average[name].lerp_(tensor, 1 - decay)

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        model = {name: tensor.detach() for name, tensor in self._named.items()}
        return {"model": model, "optimiser": self._optimiser.state_dict(), "average": self.average}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        with torch.no_grad():
            for name, tensor in self._named.items():
                tensor.copy_(state["model"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        self.average = {name: tensor.clone() for name, tensor in state["average"].items()}


class AimLearner(Part):
    """The network that says where light is expected, in training."""

    def __init__(self, aim: Aim, material: Material, settings: Shared) -> None:
        super().__init__(
            dict(aim.named_parameters()), settings.lr, settings.decay, settings.ema, settings.clip
        )
        self._aim, self._material, self._settings = aim, material, settings
        self._centres = torch.from_numpy(centres(material.job.showers))
        bright = np.sqrt(material.sums[material.fit])  # faint responses say little of where the light lies
        self._cumulative = np.cumsum(bright / max(bright.sum(), 1.0))

    def step(self, step: int, draw: np.random.Generator) -> float:
        """One update, counted from 0; the loss in nats."""
        self.set_rate(self._settings, step, self._settings.aim_steps)
        rows = drawn(self._material.fit, self._cumulative, self._settings.sum_batch, draw)
        line = torch.from_numpy(self._material.straight[rows])
        loss = self._aim.loss(self._material.inputs[rows], line, self._centres[rows]).mean()
        self.update(loss, step)
        return loss.item()

    def settle(self) -> None:
        """From now on light is expected where the average says."""
        self._aim.load_state_dict(self.average)


class SumLearner(Part):
    """The photon sum's networks in training, each stopped by particles of its own.

    Attributes:
        best: the networks' averages where they were best.
    """

    def __init__(self, networks: SumNetworks, material: Material, bins: Bins, settings: Shared) -> None:
        super().__init__(
            dict(networks.named_parameters()),
            settings.sum_lr,
            settings.sum_decay,
            settings.sum_ema,
            settings.clip,
        )
        self._networks, self._material, self._settings = networks, material, settings
        fold = material.job.folds(settings.members)[material.fit]
        if settings.members > 1:
            self.own = [material.fit[fold == member] for member in range(settings.members)]
            self.others = [material.fit[fold != member] for member in range(settings.members)]
        else:
            self.own, self.others = [material.held_out], [material.fit]
        self._smooth = torch.from_numpy(bins.smoothed(settings.smooth).astype(np.float32))
        self._bin = torch.from_numpy(bins.of(material.sums))
        self._scores = {member: float("inf") for member in range(settings.members)}
        self.best = copy.deepcopy(networks.state_dict())

    def step(self, step: int, draw: np.random.Generator) -> float:
        """One update of each network, counted from 0; their mean loss in nats."""
        loss = torch.zeros(())
        for member, rows in zip(self._networks.members, self.others, strict=True):
            chosen = torch.from_numpy(draw.choice(rows, self._settings.sum_batch))
            loss = loss + F.cross_entropy(member(self._material.inputs[chosen]), self.wanted(chosen))
        self.update(loss, step)
        if (step + 1) % LOOK == 0 or step + 1 == self._settings.sum_steps:
            self.judge(self.average)
        return loss.item() / self._settings.members

    def wanted(self, rows: Tensor) -> Tensor:
        """What rows teach: shares of the outputs, (n, outputs)."""
        return self._smooth[self._bin[rows]]

    def found(self, rows: Ints) -> Tensor:
        """What rows are judged by: the output of each, (n,), or shares of the outputs."""
        return self._bin[rows]

    @torch.no_grad()
    def judge(self, weights: Mapping[str, Tensor]) -> None:
        """Keep each network where it was best on its own particles."""
        network = copy.deepcopy(self._networks).eval()
        network.load_state_dict(weights)
        for number, (member, rows) in enumerate(zip(network.members, self.own, strict=True)):
            score = F.cross_entropy(member(self._material.inputs[rows]), self.found(rows)).item()
            if score < self._scores[number]:
                self._scores[number] = score
                for name, tensor in member.state_dict().items():
                    self.best[f"members.{number}.{name}"] = tensor.clone()

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return super().state() | {"scores": self._scores, "best": self.best}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        super().restore(state)
        self._scores, self.best = dict(state["scores"]), dict(state["best"])


class SplitLearner(Part):
    """All splits of a cascade in training."""

    def __init__(self, model: Cascade, material: Material, settings: Settings) -> None:
        own = {name: p for name, p in model.named_parameters() if not name.startswith(_SHARED)}
        super().__init__(own, settings.lr, settings.decay, settings.ema, settings.clip)
        self._model, self._material, self._settings = model, material, settings
        self.learn_from(material.fit)

    def learn_from(self, rows: Ints, share: npt.NDArray[np.floating] | float = 1.0) -> None:
        """From now on rows are drawn from these, in proportion to a power of their sums and to ``share``."""
        weight = np.maximum(self._material.sums[rows], 1) ** self._settings.bright * share
        self._rows, self._cumulative = rows, np.cumsum(weight / weight.sum())

    def step(self, step: int, draw: np.random.Generator) -> tuple[float, float]:
        """One update, counted from 0; the losses of coarse and fine levels in nats."""
        settings, model, tree = self._settings, self._model, self._model.image_tree
        model.train()
        self.set_rate(settings, step, settings.steps)
        rows = drawn(self._rows, self._cumulative, settings.batch, draw)
        images = self._material.images(tree, rows)
        contexts, places = images.contexts(model), images.places(model)
        # Where light falls is learned from all parents alike, how it clusters mostly from faint responses.
        faint = np.maximum(images.total, 1.0) ** -settings.faint
        coarse, fine = torch.zeros(()), torch.zeros(())
        for level in range(tree.depth):
            is_fine = level >= tree.top
            for single, (b, i, j) in by_network(images, model, level):
                if not len(b):
                    continue
                if is_fine and len(b) > settings.parents:
                    table = np.cumsum(faint[b])
                    k = np.searchsorted(table, draw.random(settings.parents) * table[-1])
                    b, i, j = (index[np.minimum(k, len(b) - 1)] for index in (b, i, j))
                parents = Parents.of(images, level, places, (b, i, j))
                found = -log_splits(model, level, parents, contexts[int(is_fine)], single)
                if is_fine:
                    weight = torch.from_numpy(faint[b].astype(np.float32))
                    fine = fine + 4 * (weight * found).mean()
                else:
                    coarse = coarse + found.sum() / len(rows)
        self.update(coarse + fine, step)
        return coarse.item(), fine.item()


def drawn(rows: Ints, cumulative: npt.NDArray[np.float64], number: int, draw: np.random.Generator) -> Ints:
    """So many of the rows, in proportion to what adds up to a cumulative table that ends with 1."""
    place = np.searchsorted(cumulative, draw.random(number))
    return rows[np.minimum(place, len(rows) - 1)]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's own random numbers, those of dropout, are of this seed inside and as before outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
