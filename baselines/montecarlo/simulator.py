"""The simulator: responses to given conditions, each addressed by a seed, a sample and an attempt."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.rng import Keys

from . import light, shower, upstream_spray
from .constants import Detector, detector_of
from .light import Hits
from .species import KIND, Candidates, Ints, Kind, candidates
from .transport import Arrival, arrive

Conditions = npt.NDArray[np.float32]
Images = npt.NDArray[np.int32]

MAX_ATTEMPTS = 1000
MAX_ENERGY = 14_000.0
"""Largest energy accepted [GeV], that of the collision: above it the units are wrong, and memory goes."""
BLOCK = 1000
_TRANSPORT, _SHOWER, _SPRAY, _SOURCES, _SPECIES, _COMMON = range(6)  # streams of one response


def response_keys(stream: int, sample: Ints, attempt: Ints | int) -> Keys:
    """The key of each response (N,) of a stream (a seed of ``rng.derive``), from sample and attempt (N,)."""
    return rng.split(rng.keys(stream, sample), attempt)


def develop(detector: Detector, arrival: Arrival, key: Keys) -> Hits:
    """The photons of particles that have arrived, (N,), one key for each.

    A lognormal factor of mean 1 and width ``detector.common_width`` is common to all light of a response, and
    so to all its channels.
    """
    width = detector.common_width
    common = np.exp(width * rng.normal(rng.split(key, _COMMON), 0) - width**2 / 2)
    source_key = rng.split(key, _SOURCES)

    def keys_of(sources: shower.Sources) -> Keys:
        return rng.split(source_key[sources.row], sources.number)

    shower_key = rng.split(key, _SHOWER)
    primaries = shower.electromagnetic(detector, arrival, shower_key)
    pions, rest = shower.hadronic(detector, arrival, shower_key)
    sprayed = upstream_spray.secondaries(detector, arrival, rng.split(key, _SPRAY))
    primaries, pions, rest, sprayed = (
        sources._replace(light=sources.light * common[sources.row])
        for sources in (primaries, pions, rest, sprayed)
    )
    hits: list[Hits] = []
    for sources in (primaries, pions):
        keys = keys_of(sources)
        profile = light.electromagnetic_profile(detector, sources.energy, keys)
        hits += light.collect(detector, sources, profile, keys, detector.cluster_mean)
    profile = light.hadronic_profile(detector, rest.energy)
    hits += light.collect(detector, rest, profile, keys_of(rest), detector.cluster_mean)
    keys = keys_of(sprayed)
    profile = light.spray_profile(detector, sprayed.energy, keys)
    hits += light.collect(detector, sprayed, profile, keys, detector.spray.cluster_mean)
    if not hits:
        return Hits(np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Hits(np.concatenate([part.cell for part in hits]), np.concatenate([part.photons for part in hits]))


def simulate(detector: Detector, conditions: Conditions, species: Ints, key: Keys) -> Hits:
    """One response for each row: conditions (N, 9), species (N,), keys (N,)."""
    return develop(detector, arrive(detector, conditions, species, rng.split(key, _TRANSPORT)), key)


def images(detector: Detector, hits: Hits, rows: int) -> Images:
    """Photon counts, shape (rows, nx, ny), indexed [x][y] from the corner of low x and low y."""
    counts = np.bincount(hits.cell, weights=hits.photons, minlength=rows * detector.cell_count)
    return counts.astype(np.int32).reshape(rows, *detector.cells)


def photon_sums(detector: Detector, hits: Hits, rows: int) -> Ints:
    """Photons of each response, shape (rows,)."""
    row = hits.cell // detector.cell_count
    return np.bincount(row, weights=hits.photons, minlength=rows).astype(np.int64)


class Drawn(NamedTuple):
    """Responses (N, nx, ny); whether each reached the threshold, and whether its first attempt had light."""

    showers: Images
    accepted: npt.NDArray[np.bool_]
    hit: npt.NDArray[np.bool_]


def draw(
    detector: Detector,
    conditions: Conditions,
    choice: Candidates,
    samples: Ints,
    *,
    stream: int,
    min_photons: int,
    block: int = BLOCK,
    attempts: int = MAX_ATTEMPTS,
) -> Drawn:
    """Draw one response a row, conditioned on at least ``min_photons``.

    Attempts 0, 1, 2, ... of a row are independent, also in the choice between species that its conditions do
    not tell apart; the first that reaches the threshold is the response. After ``attempts`` the last one
    stands, not accepted. Rows are simulated in blocks of ``block``, which sets memory, never results.
    """
    showers = np.zeros((len(conditions), *detector.cells), np.int32)
    accepted, hit = np.zeros(len(conditions), np.bool_), np.zeros(len(conditions), np.bool_)
    silent = KIND[choice.species] == Kind.SILENT  # zero whatever the attempt
    accepted[silent] = min_photons <= 0
    pending = np.flatnonzero(~silent)
    attempt, batch = 0, 1
    while attempt < attempts and len(pending):
        batch = min(batch, block, attempts - attempt)
        step = max(1, block // batch)
        for start in range(0, len(pending), step):
            rows = pending[start : start + step]
            tried = attempt + np.tile(np.arange(batch), len(rows))
            each = np.repeat(rows, batch)
            key = response_keys(stream, samples[each], tried)
            other = rng.uniform(rng.split(key, _SPECIES), 0) < choice.partner_probability[each]
            species = np.where(other, choice.partner[each], choice.species[each])
            hits = simulate(detector, conditions[each], species, key)
            sums = photon_sums(detector, hits, len(each)).reshape(-1, batch)
            if attempt == 0:
                hit[rows] = sums[:, 0] > 0
            reached = sums >= min_photons
            accepted[rows] = reached.any(axis=1)
            chosen = np.where(accepted[rows], reached.argmax(axis=1), batch - 1)
            showers[rows] = _chosen_images(detector, hits, chosen, batch)
        attempt += batch
        batch = attempt  # twice as many attempts each time, once the first one failed
        pending = pending[~accepted[pending]]
    return Drawn(showers, accepted, hit)


def _chosen_images(detector: Detector, hits: Hits, chosen: Ints, batch: int) -> Images:
    """The images of attempt ``chosen`` of ``batch`` attempts of each row; chosen (n,), result (n, nx, ny)."""
    if batch == 1:
        return images(detector, hits, len(chosen))
    response, cell = np.divmod(hits.cell, detector.cell_count)
    row, attempt = np.divmod(response, batch)
    kept = attempt == chosen[row]
    return images(
        detector, Hits(row[kept] * detector.cell_count + cell[kept], hits.photons[kept]), len(chosen)
    )


def checked(conditions: Conditions) -> Conditions:
    """Conditions (N, 9) as float32.

    Raises:
        ValueError: They are not of shape (N, 9), not finite, or of energies above 14 TeV.

    """
    conditions = np.asarray(conditions, np.float32)
    if conditions.ndim != 2 or conditions.shape[1] != 9:
        raise ValueError(f"conditions have shape {conditions.shape}, expected (N, 9)")
    if not np.isfinite(conditions).all():
        raise ValueError("conditions hold values that are not finite")
    if (conditions[:, 0] > MAX_ENERGY).any():
        found = conditions[:, 0].max()
        raise ValueError(f"conditions have an energy of {found:g} GeV, expected at most {MAX_ENERGY:g}")
    return conditions


class MonteCarlo:
    """The reference simulator of one detector, ``"proton"`` or ``"neutron"``."""

    def __init__(self, detector: str, min_photons: int = 1) -> None:
        """Draw responses of at least ``min_photons`` photons.

        Raises:
            ValueError: The detector is unknown or ``min_photons`` negative.

        """
        if min_photons < 0:
            raise ValueError(f"min_photons is {min_photons}, expected 0 or more")
        self.detector = detector_of(detector)
        self.min_photons = min_photons

    def generate(self, conditions: Conditions, *, seed: int) -> Images:
        """One independent response for each row: conditions (N, 9) -> photon counts (N, nx, ny) int32.

        Row i is sample i of ``seed``. Responses are conditioned on ``min_photons`` by redrawing what falls
        below; what is below after 1000 attempts is returned as it is. The species comes from mass and charge.

        Raises:
            ValueError: Conditions are not of shape (N, 9), not finite, or of energies above 14 TeV.

        """
        conditions = checked(conditions)
        choice = candidates(
            self.detector, conditions[:, 7].astype(np.float64), conditions[:, 8].astype(np.float64)
        )
        stream = rng.derive(seed, "simbench-mc-simulator", self.detector.name)
        samples = np.arange(len(conditions))
        return draw(
            self.detector, conditions, choice, samples, stream=stream, min_photons=self.min_photons
        ).showers
