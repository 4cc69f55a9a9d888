"""A mixture in training: every expert a GAN of its own, and the router.

An expert's own losses train its generator, discriminator and regressor (see baselines/gan/ladder.py); the
router's losses train the router and nothing else.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from simbench.baselines.gan.batches import Batch
from simbench.baselines.gan.ladder import GanLearner, Step, follow, schedule, update

from .router import Gate, differentiation, routing, standardised, straight_through, utilisation
from .settings import ExpertSettings


class MixtureLearner:
    """Experts, router and the router's optimiser.

    Args:
        experts: the GANs, no parameter shared between any two.
        gate: the router, or a fixed rule.
        served: the expert of each row of the training part by a fixed rule (N,); None for a learned router.
        settings: of the training.
        steps: its length.
        rng: source of noise.
    """

    def __init__(
        self,
        experts: Sequence[GanLearner],
        gate: Gate,
        served: Tensor | None,
        settings: ExpertSettings,
        steps: int,
        rng: torch.Generator,
    ) -> None:
        self.experts, self.gate, self.served = tuple(experts), gate, served
        self.settings, self.steps, self.rng = settings, steps, rng
        self.alone = math.ceil(settings.shared * steps)
        self.average = copy.deepcopy(gate.state_dict())
        self._started = 0
        # A fixed rule without weights still needs an optimiser with something in it.
        parameters = list(gate.parameters()) or [torch.nn.Parameter(torch.zeros((), device=rng.device))]
        betas = (settings.beta1, settings.beta2)
        self._optimiser = torch.optim.Adam(parameters, settings.lr_router, betas, fused=True)

    def step(self, batch: Batch, step: int) -> Step:
        """Update the experts on their parts of a batch, and the router; or the first expert, while alone.

        Args:
            batch: real rows.
            step: the number of this step, from 0.
        """
        self._started = step + 1
        if step < self.alone:
            return self.experts[0].step(batch, step)
        if step == self.alone and step > 0:
            self._copy_first()
        gate: Tensor | None = None
        if self.served is None:
            logits = self.gate(batch.conditions)
            gate, choice = straight_through(logits, self.settings.temperature, self.rng)
        else:
            choice = self.served[batch.index]
        sums = torch.full((len(batch),), torch.nan, device=choice.device)
        means: dict[str, Tensor] = {}
        for number, expert in enumerate(self.experts):
            place = (choice == number).nonzero().squeeze(1)
            if len(place) < 2:  # a batch norm needs two
                continue
            found = expert.step(batch.take(place), step)
            sums[place] = found.sums
            for name, loss in found.losses.items():  # the mean over the batch, as of one GAN
                means[name] = means.get(name, 0.0) + loss * (len(place) / len(batch))
        if gate is not None:
            losses = self.judged(batch)
            means |= self._update_router(
                self.router_losses(batch.weight, logits, gate, choice, losses, sums), step
            )
        return Step(means, sums)

    def judged(self, batch: Batch) -> Tensor:
        """The loss of every expert on each of the first ``route_rows`` rows of a batch, (R, N)."""
        rows = min(self.settings.route_rows or len(batch), len(batch))
        part = batch.take(torch.arange(rows, device=batch.index.device))
        return torch.stack([expert.judge(part) for expert in self.experts], dim=1)

    def router_losses(
        self, weight: Tensor, logits: Tensor, gate: Tensor, choice: Tensor, losses: Tensor, sums: Tensor
    ) -> dict[str, Tensor]:
        """The weighted terms of Eq. 8, scalars.

        Load and intensity are those of the data, not of the draws, of which more are bright.

        Args:
            weight: of the rows, see :class:`Batch` (B,).
            logits: of the router (B, N).
            gate: straight-through gate (B, N).
            choice: the expert of each row (B,).
            losses: of every expert on each of the first R rows (R, N).
            sums: photons of what the chosen one has generated (B,), NaN where it was not run.
        """
        settings = self.settings
        probability = torch.softmax(logits, dim=1)
        known = ~sums.isnan()
        intensity = standardised(sums[known]) if settings.diff_intensity == "log" else sums[known]
        used = torch.bincount(choice[known], minlength=len(self.experts)) > 0
        return {
            "routing": routing(probability[: len(losses)], losses),
            "utilisation": settings.lambda_util * utilisation(probability * weight[:, None]),
            "differentiation": settings.lambda_diff
            * differentiation((gate * weight[:, None])[known], intensity, used),
        }

    def _update_router(self, terms: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        factor = schedule(self.settings, step, self.steps)
        self._optimiser.param_groups[0]["lr"] = self.settings.lr_router * factor
        update(self._optimiser, torch.stack(list(terms.values())).sum())
        follow(self.average, self.gate, self.settings, step, self.steps)
        return {name: loss.detach() for name, loss in terms.items()}

    def weights(self) -> dict[str, Tensor]:
        """Averaged weights of gate and experts, by their names in :class:`MixtureNetwork`."""
        alone = self._started <= self.alone
        found = {f"gate.{name}": tensor for name, tensor in self.average.items()}
        for number, expert in enumerate(self.experts):
            average = (self.experts[0] if alone else expert).average
            found |= {f"experts.{number}.{name}": tensor for name, tensor in average.items()}
        return found

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "experts": [expert.state() for expert in self.experts],
            "gate": self.gate.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self.average,
            "started": self._started,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        for expert, stored in zip(self.experts, state["experts"], strict=True):
            expert.restore(stored)
        self.gate.load_state_dict(state["gate"])
        self._optimiser.load_state_dict(state["optimiser"])
        for name, tensor in state["average"].items():
            self.average[name].copy_(tensor)
        self._started = int(state["started"])

    def _copy_first(self) -> None:
        """Let every expert begin where the first one stands, with tensors of its own."""
        first = self.experts[0].state()
        for expert in self.experts[1:]:
            expert.restore(copy.deepcopy(first))
