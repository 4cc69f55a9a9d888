"""The losses of the ladder: pure functions of a batch that give one value a row.

A training of a single GAN takes their mean, a mixture judges its experts row by row. Equation numbers are
those of ExpertSim (arXiv:2508.20991).
"""

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-3  # keeps the denominators of Eq. 1 from zero


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy of logits (B,): real -> 1, generated -> 0."""
    return functional.softplus(-real) + functional.softplus(fake)


def bce_generator(fake: Tensor) -> Tensor:
    """The non-saturating loss of logits (B,): generated -> 1."""
    return functional.softplus(-fake)


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic pairing: each real row should score above the generated row of the same condition.

    Logits (B,). Jolicoeur-Martineau 2018 (arXiv 1807.00734); with R1 + R2, Huang et al. 2024 (2501.05441).
    """
    return functional.softplus(fake - real)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The other side of :func:`relativistic_discriminator`."""
    return functional.softplus(real - fake)


def gradient_penalty(logits: Tensor, inputs: Tensor) -> Tensor:
    """Squared norm (B,) of the gradient of logits (B,) in their inputs (B, ...).

    R1 on real inputs, R2 on generated ones (Mescheder et al. 2018, arXiv 1801.04406). Differentiable.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def diversity(weight: Tensor, first: Tensor, second: Tensor, z1: Tensor, z2: Tensor, clip: float) -> Tensor:
    """Selective diversity (Eq. 1): s(c) / (d_I(G(z1, c), G(z2, c)) / d_z(z1, z2)), rows (B,).

    Args:
        weight: s(c), (B,), see :func:`.diversity_weights`.
        first: log images (B, ...), or other representations, of the noise ``z1``.
        second: the same of the noise ``z2`` and the same conditions.
        z1: noise (B, Z).
        z2: other noise (B, Z).
        clip: upper bound of the ratio d_z / d_I, for near-empty images make it explode. Beyond it the
            term is constant: it does not push.
    """
    distance = (first - second).abs().flatten(1).mean(1)
    noise = (z1 - z2).abs().flatten(1).mean(1)
    ratio = distance / (noise + EPSILON)
    return weight * (1 / (ratio + EPSILON)).clamp(max=clip)


def intensity(real: Tensor, fake: Tensor, *, log: bool = False) -> Tensor:
    """``|f_in(x) - f_in(x^)|`` (Eqs. 2, 3), rows (B,): f_in sums the pixels in photons, not logs.

    ``real`` and ``fake`` are photons (B, ...). With ``log`` the sums are compared as log(1 + sum).
    """
    real, fake = real.flatten(1).sum(1), fake.flatten(1).sum(1)
    return (torch.log1p(real) - torch.log1p(fake)).abs() if log else (real - fake).abs()


def auxiliary(predicted: Tensor, position: Tensor, extent: Tensor) -> Tensor:
    """Squared distance (Eq. 4) of two places of the brightest pixel, rows (B,).

    Args:
        predicted: (B, 2), scaled to [0, 1].
        position: (B, 2), the same.
        extent: (2,) what 1 stands for: (H - 1, W - 1) for a distance in pixels.
    """
    return ((predicted - position) * extent).square().sum(1)
