"""The networks: experts, and one network that says which of them draws, and how many photons."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..density.aim import Aim
from ..density.model import Cascade, OverTree, Sizes
from ..density.sums import SumNetworks
from ..density.tree import Tree


class Mixture(OverTree):
    """Cascades, and p(expert, photon sum | condition).

    One network gives the probabilities of all pairs of an expert k and a bin of the photon sum N. That is
    p(k | c) p_k(N | c) in one piece: gate and photon sums share what they know of a particle, and a few
    thousand particles teach it no worse than the photon sum of one cascade. Where light is expected is one
    network, too: it is an input of all experts.

    Args:
        tree: of the images.
        sizes: of the networks; widths of one expert.
        experts: K.
        dropouts: of the photon sum's networks, of the coarse and of the fine contexts, in training.
    """

    def __init__(
        self,
        tree: Tree,
        sizes: Sizes,
        experts: int,
        dropouts: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        super().__init__()
        self.image_tree, self.sizes = tree, sizes
        outputs = experts * sizes.bins
        self.sums = SumNetworks(
            sizes.conditions, outputs, sizes.sum_width, sizes.members, dropout=dropouts[0]
        )
        own = replace(sizes, members=0)  # their photon sums are drawn with them
        self.experts = nn.ModuleList(Cascade(tree, own, 0.0, *dropouts[1:]) for _ in range(experts))
        self.aim_at(Aim(sizes.conditions, tree.shape))

    def aim_at(self, aim: Aim) -> None:
        """Light is expected where this network says, by all experts."""
        self.aim = aim
        for expert in self.experts:
            expert.aim = aim

    @property
    def cascades(self) -> list[Cascade]:
        """The experts."""
        return [expert for expert in self.experts if isinstance(expert, Cascade)]

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights in which the common network ``aim.*`` stands once.

        Raises:
            RuntimeError: some are missing, too many, or of another shape.
        """
        aim = {name: tensor for name, tensor in weights.items() if name.startswith("aim.")}
        copies = {f"experts.{k}.{name}": t for k in range(len(self.experts)) for name, t in aim.items()}
        self.load_state_dict({**weights, **copies}, strict=True)


def make(
    tree: Tree,
    sizes: Sizes,
    experts: int,
    seed: int = 0,
    dropouts: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Mixture:
    """A :class:`Mixture` with weights to start from; torch's own random numbers stay where they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Mixture(tree, sizes, experts, dropouts)


def of_weights(tree: Tree, sizes: Sizes, weights: Mapping[str, Tensor]) -> Mixture:
    """A mixture, in evaluation mode, with weights: as many experts as they are of.

    Raises:
        RuntimeError: some are missing, too many, or of another shape.
    """
    experts = {name.split(".")[1] for name in weights if name.startswith("experts.")}
    model = make(tree, sizes, len(experts))
    model.take(weights)
    return model.eval()
