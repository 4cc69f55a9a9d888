"""A number of experts in training: a generalised EM algorithm.

Its E step is exact: p(k | response, condition) of all responses of a pool, by the averaged weights. Between
two of these, each expert takes gradient steps on responses that are drawn in proportion to its
responsibilities (times the weight that they have for a single cascade), and the gate's network learns the
responsibilities themselves, beside the photon sums.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from simbench.harness import rng

from ..density.aim import Aim
from ..density.likelihood import Ints
from ..density.model import Sizes
from ..density.sums import Bins, SumNetworks
from ..density.tree import Tree
from ..material import Material
from ..parts import SplitLearner, SumLearner, seeded
from .gate import Gate
from .likelihood import log_joint, responsibilities
from .model import Mixture, make, of_weights
from .moves import Move
from .settings import MixtureSettings

Floats = npt.NDArray[np.float64]
_FAINTEST = 1e-6  # share of its pool that an expert is taught at least, so that none is without rows
_BLOCK = 2000  # responses whose likelihood is worked out together


class GateLearner(SumLearner):
    """The network of experts and photon sums in training."""

    def __init__(
        self, networks: SumNetworks, material: Material, bins: Bins, settings: MixtureSettings
    ) -> None:
        super().__init__(networks, material, bins, settings)
        self._all_own, self._all_others = self.own, self.others
        self._rows, self._shares = np.zeros(0, np.int64), np.zeros((len(material.sums), 0), np.float32)
        self._exact = torch.eye(len(bins))

    def begin(self, learner: "GateLearner", move: Move) -> None:
        """Take another one's weights after a move; the optimiser starts anew."""
        with torch.no_grad():
            for name, tensor in move.of_gate(learner.state()["model"]).items():
                self._named[name].copy_(tensor)
        self.average, self.best = move.of_gate(learner.average), move.of_gate(learner.best)

    def learn_from(self, rows: Ints, shares: npt.NDArray[np.float32]) -> None:
        """From now on these rows teach, whose responsibilities (n, K) are ``shares``, and judge."""
        self._shares = np.zeros((len(self._shares), shares.shape[1]), np.float32)
        self._shares[rows] = shares
        self.own = [np.intersect1d(own, rows) for own in self._all_own]
        self.others = [np.intersect1d(others, rows) for others in self._all_others]
        self._scores = dict.fromkeys(self._scores, float("inf"))
        self.judge(self.best)

    def wanted(self, rows: Tensor) -> Tensor:
        """Responsibilities times shares of the bins, (n, K * B)."""
        return self._taught(rows.numpy(), self._smooth)

    def found(self, rows: Ints) -> Tensor:
        """Responsibilities in the bin of each, (n, K * B)."""
        return self._taught(rows, self._exact)

    def _taught(self, rows: Ints, of_bin: Tensor) -> Tensor:
        shares = torch.from_numpy(self._shares[rows])
        return (shares[:, :, None] * of_bin[self._bin[rows]][:, None]).flatten(1)


class Crowd:
    """K experts and their gate in training.

    Args:
        material: what is learned.
        settings: of the training.
        sizes: of the networks.
        bins: of the photon sum.
        aim: where light is expected, trained.
        experts: K.

    Attributes:
        experts: one learner each.
    """

    def __init__(
        self,
        material: Material,
        settings: MixtureSettings,
        sizes: Sizes,
        bins: Bins,
        aim: Aim,
        experts: int,
    ) -> None:
        self._material, self._settings, self._sizes = material, settings, sizes
        self._bins, self._aim = bins, aim
        self._tree, self._seed = Tree(material.job.shape), material.job.seed
        dropouts = (settings.sum_dropout, settings.dropout, settings.fine_dropout)
        start = rng.derive(self._seed, "mixture start")
        self.model = make(self._tree, sizes, experts, start, dropouts)
        self.model.aim_at(aim)
        few = replace(
            settings, batch=max(settings.batch // experts, 1), parents=max(settings.parents // experts, 1)
        )
        self.gate = GateLearner(self.model.sums, material, bins, settings)
        self.experts = [SplitLearner(expert, material, few) for expert in self.model.cascades]
        self._rows = material.fit
        self._shares = np.full((len(material.fit), experts), 1 / experts, np.float32)

    def moved(self, move: Move) -> "Crowd":
        """Another crowd: this one after a birth or a death."""
        other = Crowd(self._material, self._settings, self._sizes, self._bins, self._aim, len(move.origin))
        for learner, origin in zip(other.experts, move.origin, strict=True):
            learner.restore(self.experts[origin].state())
        other.gate.begin(self.gate, move)
        return other

    def weights(self) -> dict[str, Tensor]:
        """What would be kept: averaged experts, and the best networks of gate and photon sum."""
        kept = {f"aim.{name}": tensor.detach() for name, tensor in self._aim.state_dict().items()}
        kept |= {f"sums.{name}": tensor for name, tensor in self.gate.best.items()}
        for k, learner in enumerate(self.experts):
            kept |= {f"experts.{k}.{name}": tensor for name, tensor in learner.average.items()}
        return kept

    def joint(self, rows: Ints) -> Floats:
        """(1 + D, n, K) of rows, by the weights that would be kept; see :func:`log_joint`."""
        return joint_of(of_weights(self._tree, self._sizes, self.weights()), self._material, self._bins, rows)

    def mass(self, rows: Ints) -> Floats:
        """(K, B) mean p(k, bin | condition) of rows."""
        model = of_weights(self._tree, self._sizes, self.weights())
        return np.asarray(np.exp(Gate(model.sums, self._bins).log_joint(self._material.scaled[rows])).mean(0))

    def look(self, rows: Ints) -> None:
        """The E step: from now on these rows teach, each the experts that it is of."""
        self.learn_from(rows, responsibilities(self.joint(rows)).astype(np.float32))

    def learn_from(self, rows: Ints, shares: npt.NDArray[np.float32]) -> None:
        """From now on these rows teach, with responsibilities (n, K)."""
        self._rows, self._shares = rows, shares
        self.gate.learn_from(rows, shares)
        fit = np.isin(rows, self._material.fit)
        for k, learner in enumerate(self.experts):
            learner.learn_from(rows[fit], np.maximum(shares[fit, k], _FAINTEST))

    def step(self, step: int) -> dict[str, float]:
        """One update of each expert, counted from 0, and the gate's share of updates; the losses in nats."""
        self.model.train()
        settings, losses = self._settings, np.zeros((len(self.experts), 2))
        sums: list[float] = []
        with seeded(rng.derive(self._seed, "mixture update", step)):
            first, stop = (n * settings.sum_steps // settings.steps for n in (step, step + 1))
            for number in range(first, stop):
                draw = np.random.default_rng(rng.derive(self._seed, "mixture sums", number))
                sums.append(self.gate.step(number, draw))
            for k, learner in enumerate(self.experts):
                draw = np.random.default_rng(rng.derive(self._seed, "mixture rows", step, k))
                losses[k] = learner.step(step, draw)
        coarse, fine = losses.mean(0).tolist()
        return {"coarse": coarse, "fine": fine} | ({"sum": sums[-1]} if sums else {})

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "gate": self.gate.state(),
            "experts": [learner.state() for learner in self.experts],
            "rows": torch.from_numpy(self._rows),
            "shares": torch.from_numpy(self._shares),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken, with as many experts."""
        self.learn_from(state["rows"].numpy(), state["shares"].numpy())
        self.gate.restore(state["gate"])
        for learner, stored in zip(self.experts, state["experts"], strict=True):
            learner.restore(stored)


def joint_of(model: Mixture, material: Material, bins: Bins, rows: Ints) -> Floats:
    """(1 + D, n, K) of rows of a job, see :func:`log_joint`; the model in evaluation mode."""
    gate, least = Gate(model.sums, bins), material.job.min_photons
    blocks = [
        log_joint(model, gate, material.images(model.image_tree, rows[start : start + _BLOCK]), least)
        for start in range(0, len(rows), _BLOCK)
    ]
    return np.concatenate(blocks, axis=1)
