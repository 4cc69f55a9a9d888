"""The challenge's classifiers: can a network tell a submission's showers from Geant4's?

Labels: generated 0, Geant4 1. Binary cross entropy, Adam, no schedule; of the epochs the one with the highest
**accuracy** on the test part is kept; its scores there are calibrated by isotonic regression, and AUC and JSD
are those of the calibrated scores of the rest (the "validation" part). The challenge seeded nothing; here
everything follows from one seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..errors import UserError
from ..metrics.classifier import area
from ..plugin.geometry import Floats

WIDTH, RATE, BATCH, EPOCHS, REPEATS = 2048, 2e-4, 1000, 50, 10
_LIMIT = 1e-6  # of calibrated scores, from 0 and 1


@dataclass(frozen=True)
class Split:
    """How many showers of each side train, choose and calibrate ("test"); what remains is judged."""

    train: int
    test: int


@dataclass(frozen=True)
class Verdict:
    """What a classifier says.

    Attributes:
        auc: area under the curve of the calibrated scores, ties by halves; 0.5 is not told apart.
        jsd: ``(ln 2 - BCE) / ln 2`` of the calibrated scores; 0 is not told apart, may be negative.
        epoch: that was kept.
    """

    auc: float
    jsd: float
    epoch: int


class Calibration:
    """Isotonic regression from (n,) scores to (n,) labels, linear between its knots, clipped outside.

    Equal scores are averaged first; values keep 1e-6 away from 0 and 1.
    """

    def __init__(self, scores: npt.ArrayLike, truth: npt.ArrayLike) -> None:
        from scipy.optimize import isotonic_regression

        self.knots, place, count = np.unique(
            np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True
        )
        mean = np.bincount(place, weights=np.asarray(truth, dtype=np.float64)) / count
        self.values = np.clip(isotonic_regression(mean, weights=count).x, _LIMIT, 1 - _LIMIT)

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """The calibrated (n,) scores."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.knots, self.values)


def judged(scores: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[float, float]:
    """AUC and JSD of (n,) calibrated scores of (n,) labels, 1 for Geant4."""
    p, y = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.bool_)
    entropy = -np.mean(np.where(y, np.log(p), np.log1p(-p)))
    return area(p[y], p[~y]), float((np.log(2) - entropy) / np.log(2))


def dense(inputs: int) -> Any:
    """The challenge's "DNN": three hidden layers of 2048, leaky ReLU, no dropout, in double precision."""
    from torch import nn

    sizes = (inputs, WIDTH, WIDTH, WIDTH)
    layers: list[Any] = []
    for below, above in pairwise(sizes):
        layers += [nn.Linear(below, above), nn.LeakyReLU(0.01)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 1)).double()


def train(
    network: Callable[[], Any],
    sides: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    split: Split,
    *,
    seed: int,
    device: str = "cpu",
    epochs: int = EPOCHS,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> Verdict:
    """Train a classifier and judge with it.

    Args:
        network: makes it; its weights follow from the seed.
        sides: (N, D) of Geant4 and (M, D) generated; rows are read by index, so that they may lie on disk.
        split: of each side.
        seed: of shuffles and weights.
        device: ``cpu`` or ``cuda``.
        epochs: at most.
        seen: told the steps done, of how many.

    Raises:
        UserError: a side has no more showers than the split takes.
    """
    import torch

    for side, name in zip(sides, ("the reference", "the submission"), strict=True):
        if len(side) <= split.train + split.test:
            raise UserError(
                f"the classifier trains on {split.train} and tests on {split.test} showers of each side: "
                f"{name} should have more, found {len(side)}"
            )
    torch.manual_seed(rng.derive(seed, "network") % 2**63)
    orders = [
        _shuffled(len(side), seed, name) for side, name in zip(sides, ("reference", "generated"), strict=True)
    ]
    ends = (0, split.train, split.train + split.test, None)
    parts = [[order[low:high] for order in orders] for low, high in pairwise(ends)]
    model = network().to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    loss_of = torch.nn.BCEWithLogitsLoss()
    per_epoch = -(-2 * split.train // BATCH)
    best = -1.0
    kept: tuple[int, dict[str, Any]] = (0, {})
    for epoch in range(epochs):
        model.train()
        order = _shuffled(2 * split.train, seed, "epoch", epoch)
        for step, (rows, truth) in enumerate(_batches(sides, parts[0], order, device)):
            optimiser.zero_grad()
            loss_of(model(rows)[:, 0], truth).backward()
            optimiser.step()
            seen(epoch * per_epoch + step + 1, epochs * per_epoch)
        scores, truth = _scores(model, sides, parts[1], device)
        accuracy = float((np.rint(scores) == truth).mean())
        if accuracy > best:
            state = {name: values.detach().clone() for name, values in model.state_dict().items()}
            best, kept = accuracy, (epoch, state)
        if accuracy == 1:
            break
    model.load_state_dict(kept[1])
    calibration = Calibration(*_scores(model, sides, parts[1], device))
    scores, truth = _scores(model, sides, parts[2], device)
    return Verdict(*judged(calibration(scores), truth), kept[0])


def _shuffled(count: int, seed: int, *purpose: Any) -> npt.NDArray[np.int64]:
    return np.argsort(rng.keys(rng.derive(seed, "challenge", *purpose), np.arange(count)), kind="stable")


def _batches(
    sides: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    part: list[npt.NDArray[np.int64]],
    order: npt.NDArray[np.int64],
    device: str,
) -> Iterator[tuple[Any, Any]]:
    """Batches of rows and labels; ``order`` counts the rows of both sides' part together, Geant4's first."""
    import torch

    real = len(part[0])
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        truth = chosen < real
        rows = np.empty((len(chosen), sides[0].shape[1]))
        rows[truth] = sides[0][part[0][chosen[truth]]]
        rows[~truth] = sides[1][part[1][chosen[~truth] - real]]
        yield torch.from_numpy(rows).to(device), torch.from_numpy(truth.astype(np.float64)).to(device)


def _scores(
    model: Any,
    sides: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    part: list[npt.NDArray[np.int64]],
    device: str,
) -> tuple[Floats, Floats]:
    """Sigmoid outputs of a part, and its labels."""
    import torch

    model.eval()
    found = []
    with torch.no_grad():
        for rows, truth in _batches(sides, part, np.arange(sum(map(len, part))), device):
            found.append((torch.sigmoid(model(rows)[:, 0]).cpu().numpy(), truth.cpu().numpy()))
    scores, labels = zip(*found, strict=True)
    return np.concatenate(scores), np.concatenate(labels)
