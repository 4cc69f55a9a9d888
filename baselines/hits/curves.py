"""How good probabilities of hits are: ranking, calibration, and efficiency against energy and species."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

BINS = 10
ENERGIES = (0.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, np.inf)  # GeV


def auc(probability: npt.NDArray[np.float64], hit: npt.NDArray[np.bool_]) -> float | None:
    """The chance that a response with light has a higher probability than an empty one; ties count half.

    Args:
        probability: (K,) of the particles.
        hit: (K, R) of their responses.

    ``None`` where all responses are of one kind.
    """
    light = hit.sum(axis=1)
    dark = hit.shape[1] - light
    positive, negative = int(light.sum()), int(dark.sum())
    if not positive or not negative:
        return None
    ranks = rankdata(np.concatenate([np.repeat(probability, light), np.repeat(probability, dark)]))
    wins = ranks[:positive].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * negative))


def curves(
    probability: npt.NDArray[np.float64],
    hit: npt.NDArray[np.bool_],
    energy: npt.NDArray[np.floating[Any]] | None,
    pdg: npt.NDArray[np.int32] | None = None,
) -> dict[str, Any]:
    """What a record tells of probabilities (K,), hits (K, R) and, where known, energies (K,) [GeV].

    ``auc``; ``calibration``: in ten bins of equally many particles, the mean probability and the share of
    responses with light; ``calibration_error``: their mean distance; ``efficiency``: the same two by energy,
    and ``species``: by PDG id, those with ten particles or more, where these are known.
    """
    share = hit.mean(axis=1)
    order = np.argsort(probability, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    pairs = [(float(probability[part].mean()), float(share[part].mean())) for part in bins]
    told: dict[str, Any] = {
        "auc": auc(probability, hit),
        "calibration": [{"probability": p, "light": s} for p, s in pairs],
        "calibration_error": float(np.mean([abs(p - s) for p, s in pairs])),
    }
    if energy is not None:
        place = np.digitize(energy, ENERGIES) - 1
        told["efficiency"] = [
            {
                "from": ENERGIES[k],
                "probability": float(probability[rows].mean()),
                "light": float(share[rows].mean()),
                "particles": int(rows.sum()),
            }
            for k in range(len(ENERGIES) - 1)
            if (rows := place == k).any()
        ]
    if pdg is not None:
        ids, counts = np.unique(pdg, return_counts=True)
        told["species"] = [
            {
                "pdg": int(number),
                "probability": float(probability[pdg == number].mean()),
                "light": float(share[pdg == number].mean()),
                "particles": int(count),
            }
            for number, count in sorted(zip(ids, counts, strict=True), key=lambda pair: -pair[1])
            if count >= BINS
        ]
    return told
