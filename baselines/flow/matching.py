"""Conditional flow matching along straight lines from noise to data, and the flow's integration.

From noise x0 to data x1 leads x_t = (1 - t) x0 + t x1 with the velocity x1 - x0; the velocity field that
matches it in the mean carries the noise's distribution into that of the data (Lipman et al. 2023,
arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003). Since x1 - x0 = (x1 - x_t) / (1 - t), a network that
says what x1 is expected to be says the velocity, too.
"""

from collections.abc import Callable

import torch
from torch import Tensor

LEAST = 0.2  # of the time is left at least, in the weight of a loss


def between(noise: Tensor, data: Tensor, time: Tensor) -> Tensor:
    """Images (N, H, W) on the straight lines from noise to data, at times (N,) from 0 to 1."""
    t = time[:, None, None]
    return (1 - t) * noise + t * data


def velocity(expected: Tensor, x: Tensor, time: Tensor) -> Tensor:
    """Velocities (N, H, W) of images x at times (N,) below 1 that are expected to become ``expected``."""
    return (expected - x) / (1 - time)[:, None, None]


def loss(expected: Tensor, data: Tensor, time: Tensor) -> Tensor:
    """(N,) mean squares over pixels of the velocities' errors.

    The error of a velocity is that of what is expected, over the time that is left; towards the end, where
    little is unknown, over ``LEAST``.

    Args:
        expected: (N, H, W) of images at these times.
        data: (N, H, W) what they were made of.
        time: (N,).
    """
    left = (1 - time).clamp(min=LEAST)[:, None, None]
    return (((expected - data) / left) ** 2).mean((1, 2))


def integrate(expects: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int) -> Tensor:
    """Data (N, H, W) that noise flows to, by Euler's rule.

    Args:
        expects: what images (N, H, W) at a time (1,) are expected to become.
        noise: (N, H, W) standard normal.
        steps: of the same length.
    """
    x, times = noise, torch.linspace(0, 1, steps + 1)
    for start, end in zip(times[:-1, None], times[1:, None], strict=True):
        x = x + (end - start) * velocity(expects(x, start), x, start)
    return x
