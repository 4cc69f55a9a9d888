"""Published figures, as data. They are shown in columns of their own and never enter a computation.

Source: the ExpertSim paper, "ExpertSim: Fast Particle Detector Simulation Using
Mixture-of-Generative-Experts", arXiv:2508.20991. Its models were trained and scored on GEANT responses of
ALICE that are not public, over 5 runs, so none of these numbers can be reproduced here digit by digit.

Numbers are kept as the text that was printed: 2.47 with 0.010 must not become 2.470.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "the ExpertSim paper (arXiv:2508.20991)"
NOTE = (
    f"Published columns are quoted from {SOURCE}: 5 runs on GEANT data of ALICE, which are other data and "
    "another number of responses than here, so they are context and no comparison."
)


@dataclass(frozen=True)
class Figure:
    """One printed number and, where the paper gives it, its standard deviation over runs."""

    value: str
    std: str | None = None


WS: Mapping[str, Mapping[str, Figure]] = {
    "proton": {
        "gan": Figure("2.47", "0.010"),
        "sdi-gan": Figure("2.35", "0.027"),
        "sdi-gan-ir": Figure("2.29", "0.009"),
        "sdi-gan-ir-ar": Figure("2.07", "0.025"),
        "expertsim-2": Figure("2.71"),
        "expertsim-3": Figure("1.59", "0.008"),
        "expertsim-4": Figure("3.26"),
        "expertsim-5": Figure("3.07"),
        "mc": Figure("0.47", "0.033"),
    },
    "neutron": {
        "gan": Figure("2.42", "0.041"),
        "sdi-gan": Figure("2.31", "0.063"),
        "sdi-gan-ir": Figure("2.04", "0.018"),
        "sdi-gan-ir-ar": Figure("1.89", "0.029"),
        "expertsim-2": Figure("1.76"),
        "expertsim-3": Figure("1.34", "0.010"),
        "expertsim-4": Figure("1.63"),
        "expertsim-5": Figure("3.12"),
        "mc": Figure("0.34", "0.014"),
    },
}
"""Wasserstein score in photons, mean over five channels: detector -> model -> figure."""


def _quartiles(*values: str) -> tuple[Figure, ...]:
    return tuple(Figure(value) for value in values)


QUARTILE_WS: Mapping[str, Mapping[str, tuple[Figure, ...]]] = {
    "proton": {
        "gan": _quartiles("4.07", "4.20", "3.76", "18.13"),
        "sdi-gan": _quartiles("4.37", "5.07", "4.78", "15.08"),
        "sdi-gan-ir": _quartiles("3.33", "3.42", "3.47", "9.92"),
        "sdi-gan-ir-ar": _quartiles("3.52", "4.20", "4.48", "12.72"),
        "expertsim-3": _quartiles("1.06", "1.16", "1.27", "7.06"),
    },
    "neutron": {
        "gan": _quartiles("4.82", "5.37", "7.75", "10.39"),
        "sdi-gan": _quartiles("4.67", "5.18", "7.52", "9.67"),
        "sdi-gan-ir": _quartiles("4.48", "4.91", "6.69", "8.29"),
        "sdi-gan-ir-ar": _quartiles("4.49", "5.02", "6.34", "7.05"),
        "expertsim-3": _quartiles("2.20", "4.02", "5.62", "5.69"),
    },
}
"""Wasserstein score in photons by quartile of the reference photon sum, Q1 to Q4."""


EXPERT_SUMS: Mapping[str, Mapping[str, tuple[Figure, ...]]] = {
    "proton": {"expertsim-3": (Figure("119", "340"), Figure("53", "204"), Figure("70", "230"))},
    "neutron": {"expertsim-3": (Figure("108", "100"), Figure("82", "85"), Figure("125", "113"))},
}
"""Photon sum that each expert generates, mean and (as ``std``) deviation over responses, not over runs."""


def _routers(*values: str) -> Mapping[tuple[float, float], Figure]:
    weights = ((0.01, 1e-4), (0.1, 1e-4), (0.001, 1e-5), (0.01, 1e-3), (0.01, 1e-6), (0.01, 0.0), (0.0, 1e-4))
    return {pair: Figure(value) for pair, value in zip(weights, values, strict=True)}


ROUTER_WS: Mapping[str, Mapping[tuple[float, float], Figure]] = {
    "proton": _routers("1.59", "1.86", "2.34", "1.92", "1.78", "6.80", "2.10"),
    "neutron": _routers("1.34", "4.14", "2.52", "1.91", "1.74", "8.01", "1.89"),
}
"""Wasserstein score in photons of three experts by (lambda_util, lambda_diff) of the router's loss."""


SECONDS: Mapping[str, Mapping[str, Figure]] = {
    "gan": {"cpu": Figure("273"), "cuda": Figure("3.20")},
    "expertsim-2": {"cpu": Figure("315"), "cuda": Figure("3.21")},
    "expertsim-3": {"cpu": Figure("314"), "cuda": Figure("3.27")},
    "expertsim-4": {"cpu": Figure("324"), "cuda": Figure("3.44")},
    "expertsim-5": {"cpu": Figure("333"), "cuda": Figure("3.55")},
    "mc": {"cpu": Figure("11172")},
}
"""Seconds for 10,000 responses, on an i7-9800X and an A5000: model -> device -> figure.

The paper gives them by number of experts; the GAN is its single expert.
"""
