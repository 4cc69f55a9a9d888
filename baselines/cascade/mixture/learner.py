"""The training of a mixture, update by update, and how the number of experts is found in it.

With ``search``, a round is a trial: the experts as they are, and a rival with one more or one less, learn
side by side from the same rows. A birth is kept if it raises the likelihood of held-out particles by more
than twice the standard error of the difference, a death unless it lowers it by more. A kind of trial is
repeated until it fails, then the other one is due; births come first from one expert, deaths from several.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from torch import Tensor

from simbench.harness import rng

from ..density.likelihood import Ints
from ..density.model import Sizes
from ..density.sums import Bins
from ..density.tree import Tree
from ..job import CascadeJob
from ..material import Material
from ..parts import AimLearner, seeded
from .crowd import Crowd, joint_of
from .likelihood import by_level, responsibilities
from .model import Mixture, make
from .moves import Move, birth, death
from .settings import MixtureSettings

BIRTH, DEATH = "birth", "death"
_SURE = 2.0  # standard errors by which a likelihood must change to count


class MixtureLearner:
    """A mixture in training.

    Args:
        job: what is learned.
        settings: of the training.
        sizes: of the networks.
        bins: of the photon sum.
        scaled: (N, K) scaled conditions of the job's rows.

    Attributes:
        fit, held_out: rows that are learned from, and rows that judge a checkpoint.
        trials: what the search for a number of experts has tried, plain values.
    """

    def __init__(
        self,
        job: CascadeJob,
        settings: MixtureSettings,
        sizes: Sizes,
        bins: Bins,
        scaled: npt.NDArray[np.float32],
    ) -> None:
        self._job, self._settings, self._sizes, self._bins = job, settings, sizes, bins
        self._material = Material(job, settings, scaled)
        self.fit, self.held_out = self._material.fit, self._material.held_out
        aim = make(Tree(job.shape), sizes, 1, rng.derive(job.seed, "mixture aim")).aim
        self._aim, self._aimed = aim, AimLearner(aim, self._material, settings)
        self._length = -(-settings.steps // settings.rounds)
        self._crowd = self._crowd_of(1)
        self._rival: Crowd | None = None
        if settings.experts > 1:
            sums = self._material.sums[self.fit]
            mass = np.bincount(bins.of(sums), minlength=len(bins))[None] / len(sums)
            self._crowd = self._crowd.moved(birth(mass, 0, settings.experts))
        self.trials: list[dict[str, Any]] = []

    @property
    def steps(self) -> int:
        """Length of the training."""
        return self._settings.aim_steps + self._settings.steps

    @property
    def experts(self) -> int:
        """How many there are now."""
        return len(self._crowd.experts)

    def epoch(self, step: int) -> float:
        """How often all rows have been seen by an expert's splits after so many updates."""
        return max(step - self._settings.aim_steps, 0) * self._settings.batch / len(self.fit)

    def step(self, step: int) -> dict[str, float]:
        """One update, counted from 0; the losses in nats."""
        if step < self._settings.aim_steps:
            with seeded(rng.derive(self._job.seed, "mixture aim", step)):
                draw = np.random.default_rng(rng.derive(self._job.seed, "mixture aim rows", step))
                return {"aim": self._aimed.step(step, draw)}
        step -= self._settings.aim_steps
        if step == 0:
            self._aimed.settle()
        number, place = divmod(step, self._length)
        if place == 0:
            self._begin(number)
        if self._rival:
            self._rival.step(step)
        return self._crowd.step(step)

    def _begin(self, number: int) -> None:
        """A round: end the trial before, begin another if it is time, and ask who is of which expert."""
        self._judge(number)
        draw = np.random.default_rng(rng.derive(self._job.seed, "mixture pool", number))
        taught = self.fit if self._settings.members > 1 else np.arange(len(self._material.sums))
        pool = np.sort(draw.choice(taught, min(self._settings.pool, len(taught)), replace=False))
        if 0 < number < self._settings.search * self._settings.rounds:
            self._rival = self._crowd.moved(self._move(self._next(), pool))
        for crowd in (self._crowd, self._rival):
            if crowd:
                crowd.look(pool)

    def _next(self) -> str:
        """The kind of trial that is due."""
        if self.experts == 1:
            return BIRTH
        if not self.trials:
            return DEATH
        last = self.trials[-1]
        if last["kept"]:
            return str(last["kind"])
        return DEATH if last["kind"] == BIRTH else BIRTH

    def _move(self, kind: str, pool: Ints) -> Move:
        """Parts the expert with the most responses, or ends the one that another can best stand in for."""
        mass, joint = self._crowd.mass(pool), self._crowd.joint(pool)
        share = responsibilities(joint)
        if kind == BIRTH:
            return birth(mass, int(share.mean(0).argmax()))
        levels = joint[1:].sum(0)
        lost = (share * levels).sum(0)[
            :, None
        ] - share.T @ levels  # if the second served the first's responses
        np.fill_diagonal(lost, np.inf)
        dying, heir = np.unravel_index(lost.argmin(), lost.shape)
        return death(mass, int(dying), int(heir))

    def _judge(self, number: int) -> None:
        if self._rival is None:
            return
        crowds = (self._crowd, self._rival)
        ours, theirs = (logsumexp(crowd.joint(self.held_out).sum(0), axis=1) for crowd in crowds)
        gain, error = paired(theirs - ours, self._job.particle[self.held_out])
        kind = BIRTH if len(self._rival.experts) > self.experts else DEATH
        kept = gain > _SURE * error if kind == BIRTH else gain > -_SURE * error
        self.trials.append(
            {
                "round": number,
                "kind": kind,
                "from": self.experts,
                "gain": round(gain, 6),
                "error": round(error, 6),
                "kept": bool(kept),
            }
        )
        if kept:
            self._crowd = self._rival
        self._rival = None

    def weights(self) -> Mapping[str, Tensor]:
        """What would be kept."""
        return self._crowd.weights()

    def likelihood(self, model: Mixture, rows: Ints) -> dict[str, float]:
        """Mean log likelihood of rows, in nats a response, by the factors of the tree.

        Args:
            model: in evaluation mode.
            rows: of the job.
        """
        levels = by_level(joint_of(model, self._material, self._bins, rows))
        names = model.image_tree.names
        return {name: float(part.mean()) for name, part in zip(names, levels, strict=True)}

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, tensors and plain values."""
        return {
            "aim": self._aimed.state(),
            "crowd": self._crowd.state(),
            "rival": None if self._rival is None else self._rival.state(),
            "trials": self.trials,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state` was taken."""
        self._aimed.restore(state["aim"])
        self._crowd, self._rival, self.trials = self._restored(state["crowd"]), None, list(state["trials"])
        if state["rival"] is not None:
            self._rival = self._restored(state["rival"])

    def _crowd_of(self, experts: int) -> Crowd:
        return Crowd(self._material, self._settings, self._sizes, self._bins, self._aim, experts)

    def _restored(self, state: Mapping[str, Any]) -> Crowd:
        crowd = self._crowd_of(len(state["experts"]))
        crowd.restore(state)
        return crowd


def paired(difference: npt.NDArray[np.float64], particle: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Mean of differences (N,), and its standard error; responses to one particle are not independent."""
    _, unit = np.unique(particle, return_inverse=True)
    mean = float(difference.mean())
    totals = np.bincount(unit.ravel(), difference - mean)
    units = len(totals)
    return mean, float(np.sqrt((totals**2).sum() * units / max(units - 1, 1)) / len(difference))
