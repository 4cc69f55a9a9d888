"""What the challenge published: 31 models, by the scores of its own evaluation. Shown as published, not ours.

The values are those of the result tables in https://github.com/CaloChallenge/homepage at commit 9b41df7
(final_results/CaloChallenge_results_ds*.hdf); each row says which column. They belong to arXiv:2410.21611.
What kind of model a submission is, is our reading of its name and abstract.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = "CaloChallenge, arXiv:2410.21611"
GEANT = "GEANT4"  # as a submission: its training file against its reference file, the floor of every score
_TABLE = Path(__file__).with_name("published.csv")


@dataclass(frozen=True)
class Published:
    """A published value.

    Attributes:
        detector: whose showers.
        submission: the model's name; :data:`GEANT` for the floor.
        kind: of model.
        metric: see :data:`METRICS`.
        value: as published.
        error: as published, or ``None``.
        source: the file and column.
    """

    detector: str
    submission: str
    kind: str
    metric: str
    value: float
    error: float | None
    source: str


@dataclass(frozen=True)
class Meaning:
    """What a published metric is: its title, its unit, and which value is good.

    ``best`` is ``lower``, ``higher``, or ``floor`` where neither is: the closer to Geant4's own, the better.
    """

    title: str
    unit: str
    best: str


def _separation(title: str) -> Meaning:
    return Meaning(f"separation power, {title}", "", "lower")


METRICS = {
    "auc_low": Meaning("AUC, voxels (DNN)", "", "lower"),
    "auc_high": Meaning("AUC, features (DNN)", "", "lower"),
    "auc_cnn": Meaning("AUC, images (ResNet)", "", "lower"),
    "fpd_x1e3": Meaning("FPD", "1e-3", "lower"),
    "kpd_x1e3": Meaning("KPD", "1e-3", "lower"),
    "precision": Meaning("precision", "", "floor"),
    "recall": Meaning("recall", "", "floor"),
    "density": Meaning("density", "", "floor"),
    "coverage": Meaning("coverage", "", "floor"),
    "separation_Etot_over_Einc": _separation("E_tot / E_inc"),
    "separation_E_layer_mean": _separation("energy of a layer"),
    "separation_EC_eta_mean": _separation("centre in eta"),
    "separation_EC_phi_mean": _separation("centre in phi"),
    "separation_EC_r_mean": _separation("centre in r"),
    "separation_width_eta_mean": _separation("width in eta"),
    "separation_width_phi_mean": _separation("width in phi"),
    "separation_width_r_mean": _separation("width in r"),
    "separation_sparsity_mean": _separation("sparsity"),
    "separation_voxel": _separation("voxels"),
    "log_posterior_low": Meaning("log posterior, voxels", "", "higher"),
    "log_posterior_cnn": Meaning("log posterior, images", "", "higher"),
    "cpu_ms_batch1": Meaning("time on a CPU, batch 1", "ms", "lower"),
    "cpu_ms_batch100": Meaning("time on a CPU, batch 100", "ms", "lower"),
    "cpu_ms_batch10000": Meaning("time on a CPU, batch 10,000", "ms", "lower"),
    "gpu_ms_batch1": Meaning("time on a GPU, batch 1", "ms", "lower"),
    "gpu_ms_batch100": Meaning("time on a GPU, batch 100", "ms", "lower"),
    "gpu_ms_batch10000": Meaning("time on a GPU, batch 10,000", "ms", "lower"),
    "parameters_training": Meaning("parameters in training", "", "lower"),
    "parameters_generation": Meaning("parameters in generation", "", "lower"),
}


@cache
def table() -> tuple[Published, ...]:
    """All published values."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(
                row["detector"],
                row["submission"],
                row["kind"],
                row["metric"],
                float(row["value"]),
                float(row["error"]) if row["error"] else None,
                row["source"],
            )
            for row in csv.DictReader(file)
        )


def of(detector: str, metric: str) -> list[Published]:
    """A detector's values of a metric, the best first and Geant4's last."""
    found = [row for row in table() if (row.detector, row.metric) == (detector, metric)]
    floor = next((row.value for row in found if row.submission == GEANT), None)
    return sorted(found, key=lambda row: (row.submission == GEANT, distance(metric, row.value, floor)))


def distance(metric: str, value: float, floor: float | None) -> float:
    """By what results of a metric are ordered, the smallest first."""
    best = METRICS[metric].best
    if best == "floor" and floor is not None:
        return abs(value - floor)
    return -value if best == "higher" else value


def detectors() -> list[str]:
    """Those with published values."""
    return list(dict.fromkeys(row.detector for row in table()))


def metrics(detector: str) -> list[str]:
    """Those published for a detector, in the order of :data:`METRICS`."""
    known = {row.metric for row in table() if row.detector == detector}
    return [metric for metric in METRICS if metric in known]


def floors(detector: str, names: Iterable[str]) -> dict[str, Published]:
    """Geant4's own values."""
    return {row.metric: row for name in names for row in of(detector, name) if row.submission == GEANT}
