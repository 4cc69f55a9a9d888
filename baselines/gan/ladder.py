"""The ladder of GANs, read from top to bottom: which models there are, their losses, and a training step.

======================  ==========================================================================
``gan``                 the adversarial loss alone
``sdi-gan``             + selective diversity, Eq. 1: unlike responses for unlike noise
``sdi-gan-ir``          + intensity regularisation, Eqs. 2 and 3: the photon sum of the real response
``sdi-gan-ir-ar``       + auxiliary regressor, Eq. 4: the place of its brightest pixel
======================  ==========================================================================

Equation numbers are those of ExpertSim (arXiv 2508.20991); the weights of the terms are ``lambda_*`` of
settings.py. All four share the networks of their preset (networks_compact.py, networks_paper.py). The
adversarial, diversity, intensity and auxiliary losses train the generator, the discriminator's loss the
discriminator, the regressor's loss on real responses the regressor; each update takes gradients in the
parameters of its own network only.
"""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .batches import Batch
from .losses import (
    auxiliary,
    bce_discriminator,
    bce_generator,
    diversity,
    gradient_penalty,
    intensity,
    relativistic_discriminator,
    relativistic_generator,
)
from .networks import Networks
from .settings import Settings

# The generator loss of each model, beyond the adversarial term (each adds one idea of the paper).
MODELS: dict[str, tuple[str, ...]] = {
    "gan": (),
    "sdi-gan": ("diversity",),
    "sdi-gan-ir": ("diversity", "intensity"),
    "sdi-gan-ir-ar": ("diversity", "intensity", "auxiliary"),
}


@dataclass(frozen=True)
class Fakes:
    """Generated rows: noise (B, Z), rates (B, H * W), and the photons drawn from them in views (B, V)."""

    noise: Tensor
    rates: Tensor
    photons: Tensor


@dataclass(frozen=True)
class Step:
    """What an update has seen, detached.

    Attributes:
        losses: the mean of each loss, as scalars.
        sums: photons of each generated response, (B,).
    """

    losses: dict[str, Tensor]
    sums: Tensor


class GanLearner:
    """Networks and optimisers of one GAN.

    Args:
        networks: on the device of ``rng``.
        terms: which losses the generator has beyond the adversarial one: diversity, intensity, auxiliary.
        settings: of the training.
        steps: its length.
        rng: source of noise.
    """

    def __init__(
        self, networks: Networks, terms: Iterable[str], settings: Settings, steps: int, rng: torch.Generator
    ) -> None:
        self.networks, self.terms, self.settings = networks, frozenset(terms), settings
        self.steps, self.rng = steps, rng
        self.average = copy.deepcopy(networks.generator.state_dict())
        betas = (settings.beta1, settings.beta2)
        places = networks.extent if settings.aux_units == "pixels" else (1.0, 1.0)
        self._extent = torch.tensor(places, device=rng.device)
        self._rates = (settings.lr_generator, settings.lr_discriminator, settings.lr_regressor)
        self._modules = (networks.generator, networks.discriminator, networks.regressor)
        self._optimisers = tuple(
            torch.optim.Adam(module.parameters(), rate, betas, fused=True)
            for module, rate in zip(self._modules, self._rates, strict=True)
        )

    def step(self, batch: Batch, step: int) -> Step:
        """Update all networks once.

        Args:
            batch: real rows.
            step: the number of this step, from 0.
        """
        factor = schedule(self.settings, step, self.steps)
        for optimiser, rate in zip(self._optimisers, self._rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * factor
        fakes = self.fake(batch.conditions)
        found = {"discriminator": self.discriminator_loss(batch, fakes, step)}
        update(self._optimisers[1], found["discriminator"])
        if "auxiliary" in self.terms:
            position = self.networks.regressor(batch.photons)
            found["regressor"] = auxiliary(position, batch.position, self._extent).mean()
            update(self._optimisers[2], found["regressor"])
        losses = self.generator_losses(batch, fakes, self.settings.div_rows or len(batch))
        terms = {name: values.mean() for name, values in losses.items()}
        update(self._optimisers[0], torch.stack(list(terms.values())).sum())
        follow(self.average, self.networks.generator, self.settings, step, self.steps)
        return Step(
            losses={name: loss.detach() for name, loss in (found | terms).items()},
            sums=fakes.photons[:, : self.networks.groups].sum(1).detach(),
        )

    @torch.no_grad()
    def judge(self, batch: Batch) -> Tensor:
        """The generator's whole loss on each row (B,), which need not be rows that it learns from.

        Nothing is learned, and layers that behave otherwise in a training do not here.
        """
        for module in self._modules:
            module.eval()
        losses = self.generator_losses(batch, self.fake(batch.conditions), len(batch))
        for module in self._modules:
            module.train()
        return torch.stack(list(losses.values())).sum(0)

    def weights(self) -> Mapping[str, Tensor]:
        """The averaged weights of the generator, which are kept."""
        return self.average

    def fake(self, conditions: Tensor) -> Fakes:
        """Generated rows for scaled conditions (B, K)."""
        noise = self._noise(len(conditions))
        rates = self.networks.generator(noise, conditions).flatten(1)
        return Fakes(noise, rates, self.networks.view(self.networks.draw(rates)))

    def discriminator_loss(self, batch: Batch, fakes: Fakes, step: int) -> Tensor:
        """The discriminator's loss with its penalty, a scalar."""
        judge, settings = self.networks.discriminator, self.settings
        real, fake = judge.features(batch.photons), judge.features(fakes.photons.detach())
        penalised = settings.penalty > 0 and step % settings.penalty_every == 0
        real.requires_grad_(penalised)
        fake.requires_grad_(penalised)
        real_logits, fake_logits = judge(real, batch.conditions), judge(fake, batch.conditions)
        if settings.adversarial == "bce":
            loss = bce_discriminator(real_logits, fake_logits).mean()
        else:
            loss = relativistic_discriminator(real_logits, fake_logits).mean()
        if penalised:
            slopes = gradient_penalty(real_logits, real) + gradient_penalty(fake_logits, fake)
            loss = loss + settings.penalty / 2 * settings.penalty_every * slopes.mean()
        return loss

    def generator_losses(self, batch: Batch, fakes: Fakes, diverse: int) -> dict[str, Tensor]:
        """The generator's weighted losses by name, row by row; diversity on the first ``diverse`` rows."""
        settings, judge = self.settings, self.networks.discriminator
        logits = judge(judge.features(fakes.photons), batch.conditions)
        if settings.adversarial == "bce":
            terms = {"adversarial": bce_generator(logits)}
        else:
            with torch.no_grad():
                real = judge(judge.features(batch.photons), batch.conditions)
            terms = {"adversarial": relativistic_generator(real, logits)}
        if "diversity" in self.terms:
            terms["diversity"] = settings.lambda_div * self._diversity(batch, fakes, diverse)
        if "intensity" in self.terms:
            log, groups = settings.intensity == "log", self.networks.groups
            photons = batch.photons[:, :groups], fakes.photons[:, :groups]
            terms["intensity"] = settings.lambda_in * intensity(*photons, log=log)
        if "auxiliary" in self.terms:
            position = self.networks.regressor(fakes.photons)
            terms["auxiliary"] = settings.lambda_aux * auxiliary(position, batch.position, self._extent)
        return terms

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "modules": [module.state_dict() for module in self._modules],
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": self.average,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        for module, stored in zip(self._modules, state["modules"], strict=True):
            module.load_state_dict(stored)
        for optimiser, stored in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        for name, tensor in state["average"].items():
            self.average[name].copy_(tensor)

    def _diversity(self, batch: Batch, fakes: Fakes, rows: int) -> Tensor:
        settings, networks = self.settings, self.networks
        conditions, noise = batch.conditions[:rows], fakes.noise[:rows]
        other = self._noise(len(noise))
        other_rates = networks.generator(other, conditions).flatten(1)
        if settings.div_distance == "latent":
            judge = networks.discriminator
            first, second = (
                judge.latent(judge.features(photons), conditions)
                for photons in (fakes.photons[:rows], networks.view(networks.draw(other_rates)))
            )
        else:  # of the rates: two draws of the same rates differ too, and would satisfy the term alone
            first, second = (
                torch.log1p(networks.view(rates)[:, : networks.groups])
                for rates in (fakes.rates[:rows], other_rates)
            )
        return diversity(batch.diversity[:rows], first, second, noise, other, settings.div_clip)

    def _noise(self, rows: int) -> Tensor:
        return torch.randn(rows, self.settings.noise, device=self.rng.device, generator=self.rng)


@torch.no_grad()
def follow(
    average: Mapping[str, Tensor], module: nn.Module, settings: Settings, step: int, steps: int
) -> None:
    """Move averaged weights towards a module's current ones."""
    late = step >= 0.7 * steps and settings.ema > 0
    decay = settings.ema_late if late else settings.ema
    weight = 1.0 if step < settings.ema_from else 1 - decay
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and weight < 1:
            average[name].lerp_(tensor, weight)
        else:
            average[name].copy_(tensor)


def update(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One optimiser step down the gradient of a loss in the optimiser's own parameters, and in no others."""
    parameters = optimiser.param_groups[0]["params"]
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()


def schedule(settings: Settings, step: int, steps: int) -> float:
    """The factor on the learning rates: a linear rise, a plateau, a fall along half a cosine."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    done = step / steps - (1 - settings.decay)
    if done <= 0 or settings.decay == 0:
        return rise
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done / settings.decay)))
    return rise * (settings.decay_to + (1 - settings.decay_to) * fall)
