"""The scores of the protocol, each a step of its own: from features, or voxels, to named values.

A step compares one side, a submission or Geant4's training file, with the reference. Its values have the
names of the challenge's published table; what has another name is ours, and stands in no published table.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .. import mapped
from ..metrics.classifier import auc
from ..metrics.jetnet import fpd_jetnet, kpd_jetnet
from ..metrics.physics_distance import Distance, fpd
from ..metrics.prdc import prdc, products
from ..metrics.separation import separation_of_counts
from ..metrics.tools.arrays import capped
from ..plugin.geometry import Floats
from .separation import separations, voxel_edges, voxel_histogram
from .showers import Showers
from .sides import Found, Seen, Side

HELD = 25_000_000  # distances between showers at a time ...
_WIDE = 8_100_000  # ... and voxels of showers
_EMPTY = 0.1  # MeV
_MEANS = (  # of separation powers over layers, by the published name
    ("separation_E_layer_mean", r"E layer \d+"),
    ("separation_EC_eta_mean", r"EC Eta layer \d+"),
    ("separation_EC_phi_mean", r"EC Phi layer \d+"),
    ("separation_EC_r_mean", r"EC r layer \d+"),
    ("separation_width_eta_mean", r"Width Eta layer \d+"),
    ("separation_width_phi_mean", r"Width Phi layer \d+"),
    ("separation_width_r_mean", r"Width r layer \d+"),
    ("separation_sparsity_mean", r"Sparsity layer \d+"),
)


def separation(reference: Side, side: Side, seen: Seen) -> dict[str, Found]:
    """Separation powers of all histograms, and their means over layers."""
    geometry = reference.showers.geometry
    found = separations(geometry, reference.features, side.features)
    scores = {"separation_Etot_over_Einc": Found(found["Etot / Einc"])}
    for name, pattern in _MEANS:
        values = [value for what, value in found.items() if re.fullmatch(pattern, what)]
        known = [value for value in values if value is not None]
        scores[name] = Found(float(np.mean(known)) if known else None)
    if reference.largest > geometry.threshold:
        edges = voxel_edges(geometry, reference.largest)
        total = len(reference.showers) + len(side.showers)
        counts, done = [], 0
        for one in (reference, side):
            counts.append(voxel_histogram(_told(one.showers, done, total, seen), edges))
            done += len(one.showers)
        found["Voxel distribution"] = separation_of_counts(*counts)
        scores["separation_voxel"] = Found(found["Voxel distribution"])
    return scores | {f"separation: {what}": Found(value) for what, value in found.items()}


def frechet(reference: Side, side: Side, seen: Seen) -> dict[str, Found]:
    """FPD as published, and ours, which is 0 on average for equal distributions at any number of showers."""
    sides = reference.features.array(), side.features.array()
    found = {"fpd": _distance(fpd(*sides), 1)}
    seen(1, 2)
    return {"fpd_x1e3": _distance(fpd_jetnet(*sides, smallest=10_000), 1000), **found}


def kernel(reference: Side, side: Side, seen: Seen) -> dict[str, Found]:
    """KPD as published."""
    found = kpd_jetnet(reference.features.array(), side.features.array(), batch=10_000)
    seen(1, 1)
    return {"kpd_x1e3": _distance(found, 1000)}


def neighbours(reference: Side, side: Side, seen: Seen, rows: int) -> dict[str, Found]:
    """Precision, recall, density and coverage of the logarithms of voxels, k = 5.

    As published, a voxel without energy counts as 0.1 MeV. In data sets 2 and 3 that is above the threshold,
    and faint voxels lie below empty ones; corrected, it counts as the threshold there.
    """
    threshold = reference.showers.geometry.threshold
    ways = {"": _EMPTY, " (corrected)": threshold} if threshold < _EMPTY else {"": _EMPTY}
    found = {}
    for turn, (suffix, empty) in enumerate(ways.items()):
        scored = prdc(
            *(_logarithms(one.showers, rows, empty) for one in (reference, side)),  # of one way at a time
            rows=rows,
            distances=products,
            held=min(HELD, max(1, _WIDE // reference.showers.geometry.voxels) * rows),
            seen=lambda done, total, turn=turn: seen(turn * total + done, len(ways) * total),  # type: ignore[misc]
        )
        of = rows if max(len(reference.showers), len(side.showers)) > rows else None
        for name in ("precision", "recall", "density", "coverage"):
            found[name + suffix] = Found(getattr(scored, name), rows=of)
    return found


def boosted(reference: Side, side: Side, seen: Seen) -> dict[str, Found]:
    """AUC of gradient-boosted trees on the features: learned on a half, judged on the other, in turn."""
    sides = reference.features.array(), side.features.array()
    numbers = [np.arange(len(sides[0])), len(sides[0]) + np.arange(len(sides[1]))]
    found = auc(*sides, particle=numbers[0], generated_particle=numbers[1], importance=False)
    seen(1, 1)
    rows = max(found.rows)
    return {"auc_boosted": Found(found.auc, found.error, rows if rows < max(map(len, sides)) else None)}


def _logarithms(showers: Showers, rows: int, empty: float) -> npt.NDArray[np.float32]:
    """(n, V) log10 of voxels of at most ``rows`` showers, spread over all."""
    kept = capped(np.arange(len(showers)), rows, 0)

    def blocks() -> Iterator[npt.NDArray[np.float32]]:
        start = 0
        for block in showers.blocks():
            some = block[kept[start : start + len(block)]]
            yield np.log10(np.where(some > 0, some, empty)).astype(np.float32)
            start += len(block)

    return mapped.gather(blocks(), int(kept.sum()))


def _told(showers: Showers, done: int, total: int, seen: Seen) -> Iterator[Floats]:
    for block in showers.blocks():
        yield block
        done += len(block)
        seen(done, total)


def _distance(found: Distance, scale: float) -> Found:
    error = scale * found.error
    return Found(scale * found.value, error if np.isfinite(error) else None)
