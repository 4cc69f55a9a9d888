"""One expert more, or one less: changes of a mixture's weights that leave its distribution nearly as it is.

A birth puts copies in an expert's place and gives each a range of photon sums: together they are what it was,
exactly. A death leaves an expert's responses to the one that is most like it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
_SOFT = 2.0  # bins over which one copy's range of sums goes over into the next one's
_LEAST = 1e-3  # share of each bin that every copy keeps at least, so that no range is closed to it
_LAST = ("6.weight", "6.bias")  # of the photon sum's networks: a row of outputs for each expert and bin


@dataclass(frozen=True)
class Move:
    """What becomes of the experts.

    Attributes:
        origin: (K',) the expert, counted from 0, whose networks each new one takes.
        source: (K', B) the expert whose outputs for a bin each new one takes.
        shift: (K', B) what is added to these.
    """

    origin: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    shift: Floats

    def of_gate(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of the photon sum's networks after the move."""
        bins = self.source.shape[1]
        rows = torch.from_numpy((self.source * bins + np.arange(bins)).ravel())
        shift = torch.from_numpy(self.shift.astype(np.float32).ravel())
        moved = {}
        for name, tensor in weights.items():
            last = name.endswith(_LAST)
            moved[name] = tensor[rows] if last else tensor.clone()
            if last and name.endswith("bias"):
                moved[name] = moved[name] + shift
        return moved


def birth(mass: Floats, expert: int, parts: int = 2) -> Move:
    """Put ``parts`` copies in the place of an expert, by equal shares of its photon sums.

    Args:
        mass: (K, B) p(k, bin), a mean over responses.
        expert: k.
        parts: how many.
    """
    experts, bins = mass.shape
    own = np.cumsum(mass[expert]) / mass[expert].sum()
    cuts = np.searchsorted(own, np.arange(1, parts) / parts)
    below = 1 / (1 + np.exp((np.arange(bins) - cuts[:, None]) / _SOFT))
    share = np.diff(below, axis=0, prepend=0, append=1) + _LEAST
    share /= share.sum(axis=0)
    origin = np.repeat(np.arange(experts), np.where(np.arange(experts) == expert, parts, 1))
    shift = np.zeros((len(origin), bins))
    shift[origin == expert] = np.log(share)
    return Move(origin, np.tile(origin[:, None], bins), shift)


def death(mass: Floats, expert: int, heir: int) -> Move:
    """Leave an expert's photon sums to another one.

    In each bin the heir takes the outputs of whichever of the two has more there, raised to what both have.

    Args:
        mass: (K, B) p(k, bin), a mean over responses.
        expert: who dies.
        heir: who stays.
    """
    origin = np.delete(np.arange(len(mass)), expert)
    source = np.tile(origin[:, None], mass.shape[1])
    shift = np.zeros(source.shape)
    place = int(np.flatnonzero(origin == heir)[0])
    both = np.maximum(mass[[heir, expert]], 1e-300)
    source[place] = np.where(both[1] > both[0], expert, heir)
    shift[place] = np.log(both.sum(axis=0) / both.max(axis=0))
    return Move(origin, source, shift)
