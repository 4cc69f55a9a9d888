"""Is a submission what the challenge asks for? Its number of showers, and their incident energies."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from ..plugin.geometry import Cylinders, Floats
from .separation import in_rows
from .sides import Side

_CHANCE = 1e-3  # below which energies are distributed otherwise


@dataclass(frozen=True)
class Told:
    """What is said of a submission, and whether its scores may stand beside the published ones."""

    notes: list[str]
    comparable: bool


def notes(reference: Side, submission: Side, expected: int | None) -> Told:
    """What is otherwise than the challenge has it.

    Args:
        reference: Geant4's showers.
        submission: to be scored.
        expected: how many the challenge's reference has.
    """
    counts = len(reference.showers), len(submission.showers)
    differ = energies_differ(
        reference.showers.geometry, reference.features.incident, submission.features.incident
    )
    said = []
    if expected is not None and counts[0] != expected:
        said.append(f"the reference has {counts[0]} showers, the challenge's has {expected}")
    if counts[0] != counts[1]:
        said.append(
            f"the submission has {counts[1]} showers, the reference {counts[0]}: they should be as many"
        )
    if differ:
        said.append(differ)
    comparable = not said and expected is not None
    for side, name in ((reference, "reference"), (submission, "submission")):
        repairs = side.showers.repairs
        if repairs.negative:
            said.append(f"{repairs.negative} voxels of the {name} are below 0 MeV: read as 0")
        if repairs.flat:
            said.append(f"incident energies of the {name} have the shape (N,), not (N, 1): taken as such")
    return Told(said, comparable)


def energies_differ(geometry: Cylinders, reference: Floats, submission: Floats) -> str | None:
    """How the incident energies of two sides differ as distributions, or ``None``."""
    if in_rows(geometry):
        p = ks_2samp(reference, submission).pvalue
        if p < _CHANCE:
            return (
                f"incident energies are not distributed as the reference's (Kolmogorov-Smirnov, p = {p:.1g})"
            )
        return None
    known, others = np.unique(reference), np.unique(submission)
    strange, missing = np.setdiff1d(others, known), np.setdiff1d(known, others)
    if len(strange):
        return f"the submission has showers of {strange[0]:g} MeV, the reference none"
    if len(missing):
        return f"the reference has showers of {missing[0]:g} MeV, the submission none"
    if len(known) < 2:
        return None
    counts = [np.unique(side, return_counts=True)[1] for side in (reference, submission)]
    p = chi2_contingency(counts).pvalue
    if p < _CHANCE:
        return f"incident energies are not distributed as the reference's (chi squared, p = {p:.1g})"
    return None
