"""The losses of the GAN family, each a pure function of a batch that gives one value a row.

Equation numbers are those of ExpertSim (arXiv 2508.20991). Rows are kept apart so that a mixture can
weigh them; a training takes their mean.
"""

import numpy as np
import numpy.typing as npt
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
        weight: s(c), (B,), see :func:`diversity_weights`.
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


def auxiliary(predicted: Tensor, position: Tensor) -> Tensor:
    """Squared error (Eq. 4), rows (B,), of positions (B, 2) of the brightest pixel, scaled to [0, 1]."""
    return (predicted - position).square().mean(1)


def brightest(showers: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """(k, l) of the brightest pixel of each shower (N, H, W), scaled to [0, 1]: float32 (N, 2).

    Ties go to the first maximum in row order.
    """
    height, width = showers.shape[1:]
    k, l = np.divmod(showers.reshape(len(showers), -1).argmax(axis=1), width)  # noqa: E741
    return np.stack([k / max(height - 1, 1), l / max(width - 1, 1)], axis=1).astype(np.float32)


def diversity_weights(
    showers: npt.NDArray[np.integer], particle: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """s(c) of Eq. 1 for each of N showers (N, H, W): float32 (N,) in [0, 1].

    The standard deviation, pixel by pixel, of the log images of all showers of one particle, summed over
    the pixels, then scaled to [0, 1] between the least and the most diverse particle given.
    """
    _, group, size = np.unique(particle, return_inverse=True, return_counts=True)
    start = np.cumsum(size) - size
    order = np.argsort(group, kind="stable")
    spread = np.zeros(len(size))
    begin = 0
    while begin < len(size):  # some particles at a time: all log images at once would be gigabytes
        end = max(begin + 1, int(np.searchsorted(start + size, start[begin] + 4096)))
        logs = np.log1p(showers[order[start[begin] : start[end - 1] + size[end - 1]]].astype(np.float64))
        edges = start[begin:end] - start[begin]
        count = size[begin:end, None, None]
        mean = np.add.reduceat(logs, edges, axis=0) / count
        logs -= np.repeat(mean, size[begin:end], axis=0)
        variance = np.add.reduceat(logs**2, edges, axis=0) / count
        spread[begin:end] = np.sqrt(variance).sum(axis=(1, 2))
        begin = end
    low, high = spread.min(), spread.max()
    scaled = (spread - low) / (high - low) if high > low else np.zeros_like(spread)
    return np.asarray(scaled[group], dtype=np.float32)
