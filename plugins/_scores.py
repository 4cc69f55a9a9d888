"""From what a run has kept to the pure functions of ``harness/metrics``, and from their findings to values.

Each function is that of one metric of :mod:`simbench.plugins.metrics`, whose formula is in docs/protocol.md.
Numbers beside the one of subset ``all`` and channel ``mean`` go to ``scores.csv``.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from simbench.harness.metrics.classifier import auc
from simbench.harness.metrics.conditional import by_particle, ws_within, ws_within_replicates
from simbench.harness.metrics.correlation import correlation
from simbench.harness.metrics.equivalent import equivalent
from simbench.harness.metrics.image_classifier import auc_image
from simbench.harness.metrics.jetnet import fpd_jetnet
from simbench.harness.metrics.memorisation import memorisation
from simbench.harness.metrics.physics_distance import Distance, fpd, kpd
from simbench.harness.metrics.pixel import pixel
from simbench.harness.metrics.prdc import prdc
from simbench.harness.metrics.response import centroid_resolutions, efficiencies, response
from simbench.harness.metrics.separation import distances, separations
from simbench.harness.metrics.tools.arrays import filled, jackknife_error, parts, standardised
from simbench.harness.metrics.tools.kinds import energies, energy_column, species
from simbench.harness.metrics.tools.repeats import BINS, equal_bins, expected_sums
from simbench.harness.plugin.metric import Resampling, Scored, Value

PARTS = 20  # of the particles, for a jackknife
SIDES = ("reference", "generated")
QUARTERS = ("q1", "q2", "q3", "q4")

Floats = npt.NDArray[np.float64]


def ws_conditional(scored: Scored) -> Iterator[Value]:
    """WS within 8 bins of the expected sum, and within each of its quarters."""
    expected = _expected(scored)
    found = ws_within(scored.reference, scored.generated, equal_bins(expected, BINS)[0])
    yield Value("all", "mean", found.value)
    for channel, distance in zip(scored.channels, found.shares @ found.columns, strict=True):
        yield Value("all", channel, float(distance))
    quarters = ws_within(scored.reference, scored.generated, equal_bins(expected, 4)[0])
    for place, score, columns in zip(quarters.bins, quarters.scores, quarters.columns, strict=True):
        yield Value(QUARTERS[place], "mean", float(score))
        for channel, distance in zip(scored.channels, columns, strict=True):
            yield Value(QUARTERS[place], channel, float(distance))


def ws_conditional_replicates(scored: Scored, resampling: Resampling) -> Floats:
    """(B,) the first value of :func:`ws_conditional` in each replicate; the bins stay those of all."""
    label = equal_bins(_expected(scored), BINS)[0]
    return ws_within_replicates(scored.reference, scored.generated, label, resampling)


def auc_of(scored: Scored) -> Iterator[Value]:
    """The area and, as subset ``importance``, how far it falls when an observable is shuffled."""
    reference, generated = _observables(scored)
    found = auc(
        reference,
        generated,
        particle=_particle(scored),
        conditions=scored.conditions,
        names=scored.observed,
    )
    yield Value("all", "mean", found.auc, found.error)
    for name, fall in found.importance:
        yield Value("importance", name, fall)


def auc_image_of(scored: Scored) -> Iterator[Value]:
    """The area that a network on whole images reaches."""
    if scored.blocks is None or scored.conditions is None:
        raise ValueError("the responses and their conditions are not known")
    found = auc_image(scored.blocks(), particle=_particle(scored), conditions=scored.conditions)
    yield Value("all", "mean", found.auc, found.error)


def energy_conditional(scored: Scored) -> Iterator[Value]:
    """``1 / n*`` of the channel sums within 8 bins of the expected sum; n* itself as subset ``worth``."""
    label = equal_bins(_expected(scored), BINS)[0]
    found = equivalent(scored.reference, scored.generated, particle=_particle(scored), label=label)
    yield Value("all", "mean", found.relative / found.bins, found.error / found.bins)
    yield from _named("all", scored.channels, found.columns / found.bins)
    for name in ("number", "low", "high"):
        yield Value("worth", name, _finite(getattr(found, name)))


def fpd_of(scored: Scored) -> Iterator[Value]:
    """FPD of the observables."""
    yield _distance(fpd(*_observables(scored), particle=_particle(scored)))


def kpd_of(scored: Scored) -> Iterator[Value]:
    """KPD of the observables."""
    yield _distance(kpd(*_observables(scored), particle=_particle(scored)))


def fpd_jetnet_of(scored: Scored) -> Iterator[Value]:
    """FPD of the observables by JetNet's definition; the error is that of its fit."""
    yield _distance(fpd_jetnet(*filled(*_observables(scored))))


def separation(scored: Scored) -> Iterator[Value]:
    """Separation power: mean over observables, and of each."""
    found = separations(*_observables(scored))
    yield Value("all", "mean", float(found.mean()))
    yield from _named("all", scored.observed, found)


def ws_observables(scored: Scored) -> Iterator[Value]:
    """W1 over the reference's spread: mean over observables, of each, and in its own unit as ``own unit``."""
    own, relative = distances(*_observables(scored))
    yield _mean(relative)
    yield from _named("all", scored.observed, relative)
    yield from _named("own unit", scored.observed, own)


def conditional(scored: Scored) -> Iterator[Value]:
    """By particle: the squared excess of the mean over the variance, the ratio of the spreads, the distance.

    The excess and, of the first observable, the mean distance are also told by energy and by species.
    """
    particle = _particle(scored)
    found = by_particle(*_observables(scored), particle=particle)
    averages = found.averages()
    relative = averages["relative"]
    if not np.isfinite(relative).any():
        yield Value("all", "mean", None)
        return
    count = min(PARTS, len(found.units))
    part = parts(found.units, count, 0, "conditional")
    left = found.averages((part[:, None] != np.arange(count)).astype(np.float64))["relative"]
    known = np.isfinite(relative) & np.isfinite(left).all(axis=1)
    error = jackknife_error(left[known].mean(axis=0)) if known.any() and count > 1 else None
    yield Value("all", "mean", float(np.nanmean(relative)), error)
    yield from _named("all", scored.observed, relative)
    yield from _named("spread ratio", scored.observed, averages["ratio"])
    yield from _named("particle ws", scored.observed, averages["ws"])
    if scored.conditions is None:
        return
    conditions = scored.conditions[np.unique(particle, return_index=True)[1]]
    for kind, (names, member) in (
        ("energy", energies(conditions, scored.features)),
        ("species", species(conditions, scored.features)),
    ):
        averages = found.averages((member[:, None] == np.arange(len(names))).astype(np.float64))
        known = np.ma.masked_invalid(averages["relative"]).mean(axis=0).filled(np.nan)
        yield from _named(f"by {kind}", names, known)
        yield from _named(f"particle ws by {kind}", names, averages["ws"][0])


def correlation_of(scored: Scored) -> Iterator[Value]:
    """The distance of the correlation matrices, and the worst pair with its sign as subset ``worst pair``."""
    found = correlation(*_observables(scored), scored.observed)
    yield Value("all", "mean", found.distance)
    yield Value("worst pair", " and ".join(found.worst), found.difference)


def prdc_of(scored: Scored) -> Iterator[Value]:
    """Coverage, and all four as channels."""
    sides = standardised(*_observables(scored))
    found = prdc(*sides, particle=_particle(scored))
    yield Value("all", "mean", found.coverage)
    for name in ("precision", "recall", "density", "coverage"):
        yield Value("all", name, getattr(found, name))


def response_of(scored: Scored) -> Iterator[Value]:
    """The error of the mean response; of the resolution, its terms, centroids and hits beside it."""
    energy = _energy(scored)
    if energy is None:
        raise ValueError("the conditions have no energy")
    particle = _particle(scored)
    found = response(scored.reference_photons, scored.generated_photons, energy=energy, particle=particle)
    yield Value("all", "mean", found.error)
    yield Value("all", "resolution", _finite(found.resolution_error))
    for side, terms in zip(SIDES, found.terms, strict=True):
        yield from _named(f"{side} fit", ("stochastic", "constant"), terms)
    centres = [place for place, name in enumerate(scored.observed) if name.startswith("centre_")]
    if centres:
        names = [scored.observed[place] for place in centres]
        sides = (side[:, centres] for side in _observables(scored))
        for side, spreads in zip(SIDES, centroid_resolutions(*sides, particle=particle), strict=True):
            yield from _named(f"{side} spread", names, spreads)
    for side, shares in zip(SIDES, efficiencies(scored.reference, scored.generated), strict=True):
        yield from _named(f"{side} hit share", scored.channels, shares)


def pixel_of(scored: Scored) -> Iterator[Value]:
    """The error of mean images of particles, and of the mean image of all."""
    if scored.blocks is None:
        raise ValueError("the responses are not kept")
    found = pixel(scored.blocks(), _particle(scored))
    yield Value("all", "mean", found.mae)
    for name in ("rmse", "overall_mae", "overall_rmse"):
        yield Value("all", name, getattr(found, name))


def memorisation_of(scored: Scored) -> Iterator[Value]:
    """How often a generated response is closer to a training response than the truth, and copies."""
    if scored.training is None:
        raise ValueError("the training responses are not known")
    found = memorisation(scored.training, *_observables(scored), particle=_particle(scored))
    yield Value("all", "mean", found.closer, found.error)
    yield Value("all", "copies", found.copies)
    yield Value("all", "reference_copies", found.reference_copies)


def _energy(scored: Scored) -> npt.NDArray[np.float32] | None:
    """(N,) the first condition that is an energy."""
    column = energy_column(scored.features)
    return None if scored.conditions is None or column is None else scored.conditions[:, column]


def _expected(scored: Scored) -> Floats:
    """(N,) the expected sum of each response, from the other responses of its particle."""
    return expected_sums(scored.reference_photons, _particle(scored), _energy(scored))


def _particle(scored: Scored) -> npt.NDArray[np.int64]:
    if scored.particle is None:
        raise ValueError("the particles of the responses are not known")
    return scored.particle


def _observables(scored: Scored) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    if scored.reference_observables is None or scored.generated_observables is None:
        raise ValueError("the observables of the responses are not known")
    return scored.reference_observables, scored.generated_observables


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(values: Floats) -> Value:
    """Of those that could be measured."""
    known = values[np.isfinite(values)]
    return Value("all", "mean", float(known.mean()) if len(known) else None)


def _named(subset: str, names: Sequence[str], values: Floats) -> Iterator[Value]:
    for name, value in zip(names, values, strict=True):
        yield Value(subset, name, _finite(value))


def _distance(found: Distance) -> Value:
    return Value("all", "mean", found.value, found.error)
