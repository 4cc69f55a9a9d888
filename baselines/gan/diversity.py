"""How unlike the responses to a condition are: s(c) of Eq. 1, and what stands for it where none repeats."""

import numpy as np
import numpy.typing as npt

from ..neighbours import nearest

NEIGHBOURS = 8  # responses to the nearest conditions, for a particle with one response
KNOWN = 20_000  # responses at most, spread evenly over the training part, among which they are looked for
FEW = 0.5  # share of particles with one response beyond which a training warns
_BLOCK = 4096  # log images held together


def diversity_weights(
    showers: npt.NDArray[np.integer], particle: npt.NDArray[np.int64], scaled: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """s(c) of Eq. 1 for each of N showers (N, H, W): float32 (N,) in [0, 1].

    The standard deviation, pixel by pixel, of the log images of all showers of one particle, summed over
    the pixels, then scaled to [0, 1] between the least and the most diverse particle given. A particle with
    one shower has no spread of its own: the showers of the :data:`NEIGHBOURS` nearest conditions (its own is
    one of them, mostly) take the place of its repeats, at most :data:`KNOWN` showers being looked through.

    Args:
        showers: of the training part.
        particle: (N,), equal for showers of one particle.
        scaled: conditions (N, K), as networks see them.
    """
    _, group, size = np.unique(particle, return_inverse=True, return_counts=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    spread = _spreads(showers, order, size)[group]
    alone = np.flatnonzero(size[group] == 1)
    if len(alone):
        known = np.unique(np.linspace(0, len(showers) - 1, min(len(showers), KNOWN)).astype(np.int64))
        near = known[nearest(scaled[alone], scaled[known], NEIGHBOURS)]
        spread[alone] = _spreads(showers, near.ravel(), np.full(len(near), near.shape[1]))
    low, high = spread.min(), spread.max()
    scaled_spread = (spread - low) / (high - low) if high > low else np.zeros_like(spread)
    return np.asarray(scaled_spread, dtype=np.float32)


def diversity_warnings(particle: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """What to say of the particles (N,) of a training part: a line if most of them have one response."""
    _, size = np.unique(particle, return_counts=True)
    share = (size == 1).mean()
    if share <= FEW:
        return ()
    return (
        f"{share:.0%} of the particles have one response: for them s(c) of the diversity term is the spread "
        f"over the responses to the {NEIGHBOURS} nearest conditions, which holds how these differ too",
    )


def _spreads(
    showers: npt.NDArray[np.integer], order: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """(G,) the summed spread of each group: the first ``size[0]`` showers named by ``order``, and so on."""
    start = np.cumsum(size) - size
    spread = np.zeros(len(size))
    begin = 0
    while begin < len(size):  # some groups at a time: all log images at once would be gigabytes
        end = max(begin + 1, int(np.searchsorted(start + size, start[begin] + _BLOCK)))
        logs = np.log1p(showers[order[start[begin] : start[end - 1] + size[end - 1]]].astype(np.float64))
        edges = start[begin:end] - start[begin]
        count = size[begin:end, None, None]
        mean = np.add.reduceat(logs, edges, axis=0) / count
        logs -= np.repeat(mean, size[begin:end], axis=0)
        variance = np.add.reduceat(logs**2, edges, axis=0) / count
        spread[begin:end] = np.sqrt(variance).sum(axis=(1, 2))
        begin = end
    return spread
