"""The whole model: networks of the photon sum and of all splits, and the contexts that these share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .aim import Aim
from .splits import CHILDREN, PER_COMPONENT, SplitNetwork
from .sums import SumNetworks
from .tree import Tree

CONTEXT = 64  # of the conditions and the photon sum
TOP = 32  # of the map that all finer levels see


@dataclass(frozen=True)
class Sizes:
    """What the networks' shapes follow from.

    Attributes:
        conditions: K scaled conditions.
        bins: of the photon sum.
        members: networks of the photon sum.
        sum_width: their width.
        components: J Dirichlet-multinomials in a mixture.
        width: of split networks at coarse levels.
        fine_width: at fine levels.
        single_width: of networks for one photon at fine levels.
    """

    conditions: int
    bins: int
    members: int
    sum_width: int
    components: int
    width: int
    fine_width: int
    single_width: int

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for the header of a weights file."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Sizes":
        """The sizes of :meth:`to_json`."""
        return cls(**{name: int(stored[name]) for name in cls.__annotations__})


class OverTree(nn.Module):
    """Networks that share photons out over a tree.

    Attributes:
        image_tree: of the images.
    """

    image_tree: Tree


class Cascade(OverTree):
    """Networks of a count cascade.

    Where a shower falls (coarse levels) is soon learned by heart, what it looks like (fine levels) is not: so
    each kind has a context of its own, and the coarse one is trained with dropout.

    Args:
        tree: of the images.
        sizes: of the networks.
        sum_dropout: of the photon sum's networks, in training.
        dropout: of the coarse context, in training.
        fine_dropout: of the fine context, in training.
    """

    def __init__(
        self,
        tree: Tree,
        sizes: Sizes,
        sum_dropout: float = 0.0,
        dropout: float = 0.0,
        fine_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.image_tree, self.sizes = tree, sizes
        self.sums = SumNetworks(
            sizes.conditions, sizes.bins, sizes.sum_width, sizes.members, dropout=sum_dropout
        )
        self.aim = Aim(sizes.conditions, tree.shape)
        self.coarse = _context(sizes.conditions + 1, dropout)
        self.fine = _context(sizes.conditions + 1, fine_dropout)
        h, w = tree.shapes[tree.top]
        self.top = nn.Sequential(nn.Linear(h * w, 64), nn.SiLU(), nn.Linear(64, TOP), nn.SiLU())
        many, single = [], []
        for level, (rows, columns) in enumerate(tree.shapes[:-1]):
            fine = level >= tree.top
            size, width = (CONTEXT + TOP, sizes.fine_width) if fine else (CONTEXT, sizes.width)
            many.append(SplitNetwork(rows * columns, size, width, sizes.components * PER_COMPONENT))
            if fine:
                single.append(SplitNetwork(rows * columns, size, sizes.single_width, CHILDREN))
            self.register_buffer(f"present_{level}", torch.from_numpy(tree.present(level)), persistent=False)
        self.many, self.single = nn.ModuleList(many), nn.ModuleList(single)

    def places(self, scaled: Tensor, straight: Tensor) -> Tensor:
        """(N, 4) ends of straight lines (N, 2), and where light is expected, in pixels."""
        with torch.no_grad():
            aimed, _ = self.aim(scaled, straight)
        return torch.cat([straight, aimed], 1)

    def present(self, level: int) -> Tensor:
        """(h * w, 4) which children of a level's cells exist."""
        return self.get_buffer(f"present_{level}")

    def one_photon(self, level: int) -> SplitNetwork | None:
        """The network for parents of one photon; ``None`` where they have none of their own."""
        fine = level - self.image_tree.top
        network = self.single[fine] if fine >= 0 else None
        return network if isinstance(network, SplitNetwork) else None

    def contexts(self, scaled: Tensor, total: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
        """Contexts of the coarse (N, 64) and of the fine levels (N, 96).

        Args:
            scaled: (N, K) conditions.
            total: (N,) photon sums.
            top: (N, cells) photons of the tree's top level.
        """
        known = torch.cat([scaled, torch.log1p(total)[:, None] / 3 - 1], 1)
        return self.coarse(known), torch.cat([self.fine(known), self.top(torch.log1p(top))], 1)


def make(
    tree: Tree, sizes: Sizes, seed: int = 0, dropouts: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Cascade:
    """A :class:`Cascade` with weights to start from; torch's own random numbers stay where they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Cascade(tree, sizes, *dropouts)


def _context(inputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 192),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(192, CONTEXT),
        nn.SiLU(),
        nn.Dropout(dropout),
    )
