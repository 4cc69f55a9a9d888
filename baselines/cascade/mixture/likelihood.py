"""The exact likelihood of a mixture, its terms by level, and which expert a response is of."""

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax

from ..density.likelihood import Images, log_levels
from .gate import Gate
from .model import Mixture

Floats = npt.NDArray[np.float64]


def log_joint(model: Mixture, gate: Gate, images: Images, least: int) -> Floats:
    """(1 + D, N, K) log p(k, N | condition, N >= least), then of each level's splits by expert k.

    Added up over the first axis: log p(k, response | condition, N >= least).
    """
    first = gate.log_sums(images.scaled.numpy(), images.total, least)
    levels = np.stack([log_levels(expert, images) for expert in model.cascades], axis=2)
    return np.concatenate([first[None], levels])


def by_level(joint: Floats) -> Floats:
    """(1 + D, N) the terms of log p(response | condition), by the chain rule.

    The first is log p(N | condition). The term of a level is that of a mixture whose weights are what the
    photon sum and the levels above tell of the expert: log sum_k p(k | N, levels above) p_k(level | ...).
    They add up to log sum_k p(k, response) exactly.

    Args:
        joint: of :func:`log_joint`.
    """
    known = logsumexp(np.cumsum(joint, axis=0), axis=2)
    return np.diff(known, axis=0, prepend=0)


def responsibilities(joint: Floats) -> Floats:
    """(N, K) p(k | response, condition), of :func:`log_joint`."""
    return np.asarray(softmax(joint.sum(axis=0), axis=1))
