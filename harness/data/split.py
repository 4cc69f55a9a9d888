"""The shared split of a dataset into a training and a test part, and how a leak between them is seen."""

import numpy as np
import numpy.typing as npt

from .. import rng
from ..arrays import ranks
from ..errors import UserError

KINDS = ("particle", "event", "file")  # the last one by the files that data were imported from
TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1


def selected(
    particle: npt.NDArray[np.int64], kind: str, seed: int, fraction: float, purpose: str = "test"
) -> npt.NDArray[np.bool_]:
    """(N,) mask of the part that a split takes out: ``fraction`` of the particles, or of the events.

    The units (particles, or events) are ranked by a hash of their rank in the dataset, the seed and the
    purpose, and the first ``fraction`` of them is taken: the same on every machine and NumPy version.

    Args:
        particle: (N,) which responses share a condition.
        kind: ``particle`` keeps all responses of a particle on one side; ``event`` does not, nor
            does ``file``, which is a split by events within the training files.
        seed: of the split.
        fraction: of the units, 0 < fraction < 1.
        purpose: gives independent splits for equal seeds.

    Raises:
        UserError: the kind is unknown, or a side of the split would be empty.
    """
    if kind not in KINDS:
        raise UserError(f"unknown split {kind!r}; known: {', '.join(KINDS)}")
    if kind == "particle":
        unit_of = ranks(particle)
        count = int(unit_of.max()) + 1 if len(unit_of) else 0
    else:
        count = len(particle)
        unit_of = np.arange(count)
    taken = round(count * fraction)
    if not 0 < taken < count:
        raise UserError(
            f"the {kind} split needs both sides filled; {count} {kind}s give {taken} for the {purpose} part"
        )
    order = np.argsort(rng.keys(rng.derive(seed, "simbench-split", purpose), np.arange(count)), kind="stable")
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[order[:taken]] = True
    return chosen[unit_of]


def particle_hashes(conditions: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """Sorted distinct 64-bit hashes of the rows of (N, F) conditions, equal for bitwise equal rows."""
    words = (np.ascontiguousarray(conditions, dtype=np.float32) + np.float32(0)).view(np.uint32)
    hashes = rng.keys(0, np.zeros(len(words), np.uint64))
    for column in words.T:
        hashes = rng.mix(hashes ^ (column.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)))
    return np.unique(hashes)
