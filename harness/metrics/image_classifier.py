"""Can a network that looks at images tell a simulator's responses from the data's, given the conditions?

The area under the ROC curve of a small convolutional network on ``log(1 + c)`` of the pixels and the
conditions, read as that of :mod:`.classifier`, whose errors it uses. It needs no choice of observables, and
so sees what none of them does; but it learns more slowly than trees, and where observables tell the two apart
it may tell less. A fixed number of steps, not of seconds: the same numbers on the same machine and version of
PyTorch.

Folds by particle as for the trees: trained on one half, judged on the other, then the other way round.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..errors import TooFewError
from .classifier import FOLDS, Discrimination, area, area_error
from .tools.arrays import Floats, capped, labels, parts, table

if TYPE_CHECKING:
    import torch

ROWS = 20_000  # responses of each side that are used at most, as whole particles
STEPS, BATCH, RATE = 500, 128, 2e-3  # of each fold
CHANNELS = (8, 16, 32)
FAR = 10.0  # standard deviations beyond which a condition is cut

Singles = npt.NDArray[np.float32]
Blocks = Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any]]]


def auc_image(
    blocks: Blocks,
    *,
    particle: npt.ArrayLike,
    conditions: npt.ArrayLike,
    seed: int = 0,
    rows: int = ROWS,
    steps: int = STEPS,
) -> Discrimination:
    """The area that the network reaches, and its error; it tells no importances.

    Args:
        blocks: pairs of (n, H, W) responses, reference and generated, together N of each; what is not used is
            dropped block by block.
        particle: (N,) which rows share their conditions.
        conditions: (N, F).
        seed: of the halves, the network and the order of the rows.
        rows: at most so many responses of each side are used.
        steps: of the training in each fold.

    Raises:
        ValueError: a response is negative or not finite, or the arrays do not fit together; fewer than 4
            particles.
    """
    told = table(conditions, "conditions")
    owner = labels(particle, len(told), "particle")
    kept = capped(owner, rows, seed)
    if len(np.unique(owner[kept])) < 2 * FOLDS:
        raise TooFewError(f"auc-image needs at least {2 * FOLDS} particles, found {len(np.unique(owner))}")
    pictures = _pictures(blocks, kept)
    owner, told = np.tile(owner[kept], 2), np.tile(told[kept], (2, 1))
    truth = np.repeat([True, False], int(kept.sum()))
    fold = parts(owner, FOLDS, seed, "auc-image")
    areas, variances = [], []
    for part in range(FOLDS):
        held = fold == part
        spread = told[~held].std(axis=0)
        facts = (told - told[~held].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        score = _scores(
            pictures, facts.clip(-FAR, FAR), truth, held, rng.derive(seed, "auc-image", part), steps
        )
        real, judged = truth[held], owner[held]
        areas.append(area(score[real], score[~real]))
        variances.append(area_error(score[real], score[~real], judged[real], judged[~real]) ** 2)
    return Discrimination(
        auc=float(np.mean(areas)),
        error=float(np.sqrt(np.sum(variances)) / FOLDS),
        importance=(),
        rows=(int(kept.sum()), int(kept.sum())),
    )


def _pictures(blocks: Blocks, kept: npt.NDArray[np.bool_]) -> Singles:
    """(2 n, H, W) ``log(1 + c)`` of the kept rows, first the reference's."""
    sides: tuple[list[Singles], list[Singles]] = [], []
    start = 0
    for pair in blocks:
        for name, side, images in zip(("reference", "generated"), sides, pair, strict=True):
            if images.ndim != 3 or images.shape != pair[0].shape:
                raise ValueError(
                    f"blocks should be pairs of responses of one shape (n, H, W), found {pair[0].shape} and "
                    f"{pair[1].shape}"
                )
            chosen = images[kept[start : start + len(images)]].astype(np.float32)
            if not (chosen >= 0).all() or not np.isfinite(chosen).all():
                raise ValueError(f"the {name} responses should be finite and not negative, found others")
            side.append(np.log1p(chosen, out=chosen))
        start += len(pair[0])
    if start != len(kept):
        raise ValueError(f"blocks should have {len(kept)} responses, found {start}")
    return np.concatenate([*sides[0], *sides[1]])


def _scores(
    pictures: Singles,
    facts: Floats,
    truth: npt.NDArray[np.bool_],
    held: npt.NDArray[np.bool_],
    seed: int,
    steps: int,
) -> Floats:
    """(n,) scores of the held-out rows, high for the reference, by a network trained on the others.

    On one thread and with a seed; PyTorch's threads and its global generator are left as they were.
    """
    import torch
    from torch.nn import functional as F

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            looks, decides = _network(pictures.shape[1:], facts.shape[1])
        images, numbers = torch.from_numpy(pictures)[:, None], torch.from_numpy(facts.astype(np.float32))
        wanted = torch.from_numpy(truth.astype(np.float32))

        def judge(batch: "torch.Tensor") -> "torch.Tensor":
            seen = torch.cat([looks(images[batch]), numbers[batch]], dim=1)  # (B, features + F)
            found: torch.Tensor = decides(seen)[:, 0]
            return found

        optimiser = torch.optim.Adam([*looks.parameters(), *decides.parameters()], lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
        rows = np.flatnonzero(~held)
        draws = rng.uniform(
            rng.keys(rng.derive(seed, "batches"), np.arange(steps))[:, None], np.arange(BATCH)
        )
        for draw in draws:
            batch = torch.from_numpy(rows[(draw * len(rows)).astype(np.int64)])
            loss = F.binary_cross_entropy_with_logits(judge(batch), wanted[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            judged = np.flatnonzero(held)
            found = [judge(torch.from_numpy(judged[i : i + 1024])) for i in range(0, len(judged), 1024)]
        return np.asarray(torch.cat(found).numpy(), dtype=np.float64)
    finally:
        torch.set_num_threads(threads)


def _network(shape: tuple[int, ...], conditions: int) -> "tuple[torch.nn.Module, torch.nn.Module]":
    """The part that looks at (B, 1, H, W) images, and the one that decides with (B, F) conditions beside."""
    from torch import nn

    layers: list[nn.Module] = []
    height, width, depth = shape[0], shape[1], 1
    for channels in CHANNELS:
        layers += [nn.Conv2d(depth, channels, 3, stride=2, padding=1), nn.LeakyReLU(0.1)]
        height, width, depth = (height + 1) // 2, (width + 1) // 2, channels
    looks = nn.Sequential(*layers, nn.Flatten())  # places matter: no pooling
    decides = nn.Sequential(
        nn.Linear(height * width * depth + conditions, 64), nn.LeakyReLU(0.1), nn.Linear(64, 1)
    )
    return looks, decides
