"""The exact likelihood of responses, factor by factor."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from . import surroundings
from .model import Cascade
from .splits import log_mixture, mixture, one_photon
from .tree import Counts, Tree, children, colour

Ints = npt.NDArray[np.int64]


class Images:
    """Responses as a tree sees them.

    Args:
        tree: of their shape.
        images: (N, H, W) photon counts.
        scaled: (N, K) scaled conditions.
        straight: (N, 2) ends of straight lines in pixels.
    """

    def __init__(
        self,
        tree: Tree,
        images: Counts,
        scaled: npt.NDArray[np.float32],
        straight: npt.NDArray[np.float32],
    ) -> None:
        self.tree = tree
        self._straight = torch.from_numpy(straight)
        self.maps = tree.maps(images)
        self.frames = [surroundings.framed(level) for level in self.maps]
        self.scaled = torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))
        self.total = self.maps[0][:, 0, 0]

    def places(self, model: Cascade) -> npt.NDArray[np.float32]:
        """(N, 4) ends of straight lines, and where light is expected, in pixels."""
        places: npt.NDArray[np.float32] = model.places(self.scaled, self._straight).numpy()
        return places

    def contexts(self, model: Cascade) -> tuple[Tensor, Tensor]:
        """Of the coarse and the fine levels, see :meth:`Cascade.contexts`."""
        total = torch.from_numpy(self.total.astype(np.float32))
        top = torch.from_numpy(self.maps[self.tree.top].astype(np.float32)).flatten(1)
        return model.contexts(self.scaled, total, top)

    def parents(self, level: int) -> tuple[Ints, Ints, Ints]:
        """Image, row and column of each cell of ``level`` that has photons."""
        b, i, j = np.nonzero(self.maps[level])
        return b, i, j


@dataclass(frozen=True)
class Parents:
    """Some parents of one level: what their splits are told, and what came of it.

    Attributes:
        rows, cell, colour: (n,) the image, the number in the level, and the round of each.
        local: (n, 90) surroundings.
        counts: (n, 4) photons of the children.
    """

    rows: Tensor
    cell: Tensor
    colour: Tensor
    local: Tensor
    counts: Tensor

    @classmethod
    def of(
        cls,
        images: Images,
        level: int,
        places: npt.NDArray[np.float32],
        parents: tuple[Ints, Ints, Ints],
    ) -> "Parents":
        """The parents (b, i, j) of a level; ``places`` as of :meth:`Images.places`."""
        b, i, j = parents
        rounds = colour(i, j)
        above = images.frames[level - 1] if level else None
        told = surroundings.known(images.tree, level, (above, images.frames[level]), places, b, i, j)
        around = surroundings.neighbours(images.frames[level + 1], rounds, b, i, j)
        return cls(
            torch.from_numpy(b),
            torch.from_numpy(i * images.tree.shapes[level][1] + j),
            torch.from_numpy(rounds),
            torch.from_numpy(np.concatenate([told, around], axis=1)),
            torch.from_numpy(children(images.maps[level + 1], b, i, j)),
        )


def log_splits(model: Cascade, level: int, parents: Parents, context: Tensor, single: bool) -> Tensor:
    """(n,) log probabilities of the children's counts.

    Args:
        model: the networks.
        level: of the parents.
        parents: all of one photon, or for the general network.
        context: (N, C) of the responses.
        single: use the network for one photon.
    """
    network = model.one_photon(level) if single else model.many[level]
    if network is None:
        raise ValueError(f"level {level} has no network for one photon")
    told = (parents.local, context, parents.rows, parents.cell, parents.colour)
    outputs, present = network(*told), model.present(level)[parents.cell]
    exact = outputs.dtype if model.training else torch.float64
    outputs = outputs.to(exact)
    if single:
        chosen = parents.counts.argmax(1, keepdim=True)
        return one_photon(outputs, present).gather(1, chosen)[:, 0]
    log_weights, alpha = mixture(outputs, present)
    return log_mixture(parents.counts.to(exact), log_weights, alpha)


def by_network(images: Images, model: Cascade, level: int) -> list[tuple[bool, tuple[Ints, Ints, Ints]]]:
    """The parents of a level, parted by the network that serves them: (for one photon, parents)."""
    b, i, j = images.parents(level)
    if model.one_photon(level) is None:
        return [(False, (b, i, j))]
    one = images.maps[level][b, i, j] == 1
    return [(True, (b[one], i[one], j[one])), (False, (b[~one], i[~one], j[~one]))]


@torch.no_grad()
def log_levels(model: Cascade, images: Images, block: int = 50_000) -> npt.NDArray[np.float64]:
    """(D, N) log probability of each level's splits, coarsest first, given the photon sum.

    Args:
        model: in evaluation mode.
        images: the responses.
        block: parents worked on together.
    """
    coarse, fine = images.contexts(model)
    places = images.places(model)
    out = np.zeros((images.tree.depth, len(images.total)))
    for level in range(images.tree.depth):
        context = fine if level >= images.tree.top else coarse
        for single, (b, i, j) in by_network(images, model, level):
            for start in range(0, len(b), block):
                part = slice(start, start + block)
                parents = Parents.of(images, level, places, (b[part], i[part], j[part]))
                found = log_splits(model, level, parents, context, single).numpy()
                out[level] += np.bincount(b[part], found, minlength=out.shape[1])
    return out
