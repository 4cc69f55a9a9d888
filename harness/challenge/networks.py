"""The challenge's classifiers as steps: their inputs, their split, and their repeats."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..plugin.geometry import Cylinders
from .classifier import Split, dense, train
from .separation import in_rows
from .sides import Found, Seen, Side


def networks(
    kind: str,
    reference: Side,
    side: Side,
    seen: Seen,
    *,
    folder: Path,
    seed: int,
    repeats: int,
    epochs: int,
    device: str,
) -> dict[str, Found]:
    """AUC and JSD of one of the challenge's classifiers, ``low``, ``high`` or ``cnn``.

    Mean and standard deviation (n) of the repeats, whose seeds are ``seed``, ``seed + 1``, ...; voxels lie in
    ``folder`` meanwhile.
    """
    geometry = reference.showers.geometry
    sides: list[Any] = []
    for name, one in (("reference", reference), ("generated", side)):
        if kind == "high":
            sides.append(one.features.array())
        else:
            sides.append(low(one, folder / f"voxels-{name}.npy"))
    split = split_of(geometry, min(map(len, sides)))

    def network() -> Any:
        if kind == "cnn":
            from .resnet import ResNet

            return ResNet(geometry)
        return dense(sides[0].shape[1])

    found = [
        train(
            network,
            (sides[0], sides[1]),
            split,
            seed=seed + turn,
            device=device,
            epochs=epochs,
            seen=lambda done, total, turn=turn: seen(turn * total + done, repeats * total),  # type: ignore[misc]
        )
        for turn in range(repeats)
    ]
    for name in ("reference", "generated"):
        (folder / f"voxels-{name}.npy").unlink(missing_ok=True)
    return {
        f"{score}_{kind}": Found(float(np.mean(values)), float(np.std(values)) if repeats > 1 else None)
        for score, values in (("auc", [one.auc for one in found]), ("jsd", [one.jsd for one in found]))
    }


def split_of(geometry: Cylinders, showers: int) -> Split:
    """80,000 and 20,000 of data set 1, 60,000 and 20,000 of the others; of fewer showers the same shares."""
    asked, whole = (Split(60_000, 20_000), 100_000) if in_rows(geometry) else (Split(80_000, 20_000), 121_000)
    if showers > asked.train + asked.test:
        return asked
    return Split(max(1, asked.train * showers // whole), max(1, asked.test * showers // whole))


def low(side: Side, path: Path) -> npt.NDArray[Any]:
    """(N, 1 + V) what the low-level classifiers see, on disk: log10 of the energy, voxels over it.

    In single precision where there are many voxels, which the challenge has not.
    """
    rows, voxels = len(side.showers), side.showers.geometry.voxels
    dtype = np.float64 if voxels < 1000 else np.float32
    made = np.lib.format.open_memmap(path, "w+", dtype, (rows, 1 + voxels))
    start = 0
    for block in side.showers.blocks():
        part = slice(start, start + len(block))
        energy = side.features.incident[part, None]
        made[part, :1], made[part, 1:] = np.log10(energy), block / energy
        start = part.stop
    return made
