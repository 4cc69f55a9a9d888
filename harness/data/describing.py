"""What a dataset is like, in lines of a name and a value: ``simbench data info``."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from particle import InvalidParticle, Particle, ParticleNotFound

from ..plugin.datasets import RawParticles
from .checks import photon_sums
from .dataset import Dataset

Line = tuple[str, str]
ENERGIES = (0, 50, 100, 200, 500, 1000, 2000, 5000, np.inf)  # GeV, edges of the efficiency's rows
_PEAKS = (1, 2, 3)  # particles at once
_ONE_ENERGY = 0.25  # largest spread of energies, relative to their mean, that makes peaks
_BARS = 40  # characters of the fullest bin


def lines(data: Dataset, report: Callable[[int, int], None]) -> tuple[list[Line], npt.NDArray[np.float64]]:
    """Counts, sums and pixels of a dataset, and its (N,) sums; ``report(done, total)`` follows it."""
    sums, zeros, largest, rows = [], 0, 0.0, 0
    for block in data.blocks():
        sums.append(photon_sums(block))
        zeros += int((block == 0).sum())
        largest = max(largest, block.max(initial=0).item())
        rows += len(block)
        report(rows, len(data))
    photons = np.concatenate(sums) if sums else np.zeros(0, np.int64)
    _, repeats = np.unique(data.particle, return_counts=True)
    found = [
        ("file", str(data.path)),
        ("detector", f"{data.detector}, responses of {data.shape[0]} x {data.shape[1]}"),
        ("provenance", data.provenance),
        ("fingerprint", data.fingerprint),
        ("responses", f"{len(data)}"),
        ("particles", f"{len(repeats)}"),
    ]
    if data.part is not None:
        tests = int(data.part.sum())
        found.append(("files", f"{len(data) - tests} responses of training files, {tests} of test files"))
    if len(data):
        quartiles = " / ".join(f"{value:g}" for value in np.quantile(photons, (0, 0.25, 0.5, 0.75, 1)))
        pixels = len(data) * data.shape[0] * data.shape[1]
        what = "photon" if data.counted else "response"
        found += [
            ("repeats", f"{repeats.min()} to {repeats.max()} responses of a particle"),
            (f"{what} threshold", f"{data.min_photons}"),
            (f"{what} sum", f"min / Q1 / Q2 / Q3 / max: {quartiles}"),
            ("", f"mean {photons.mean():.2f}, standard deviation {photons.std():.2f}"),
            ("zero pixels", f"{100 * zeros / pixels:.2f} %"),
            ("largest pixel", f"{largest:g}"),
        ]
    return found, photons.astype(np.float64)


def efficiency(stream: RawParticles, energy: npt.NDArray[np.float64]) -> Iterator[Line]:
    """Share of raw responses that are not empty: in all, by energy (K,) [GeV] and by species.

    A row's error is that of its particles' mean efficiencies: responses of one particle are alike.
    """
    each = stream.hit.mean(axis=1)
    there = int((stream.particle >= 0).sum())
    yield "raw particles", f"{len(each)} of {stream.hit.shape[1]} responses, {there} of them in the dataset"
    yield "not empty", _share(each)
    for low, high in pairwise(ENERGIES):
        rows = (energy >= low) & (energy < high)
        label = f"{low:g} to {high:g} GeV" if np.isfinite(high) else f"from {low:g} GeV"
        if rows.any():
            yield f"  {label}", _share(each[rows])
    kinds, counts = np.unique(stream.pdg, return_counts=True)
    for kind in kinds[np.argsort(-counts, kind="stable")]:
        yield f"  {_name(int(kind))}", _share(each[stream.pdg == kind])


def _share(each: npt.NDArray[np.float64]) -> str:
    error = f" +- {100 * each.std(ddof=1) / np.sqrt(len(each)):.1f}" if len(each) > 1 else ""
    return f"{100 * each.mean():.1f}{error} % of {len(each)} particles"


def _name(pdg: int) -> str:
    try:
        return str(Particle.from_pdgid(pdg).name)
    except (InvalidParticle, ParticleNotFound):
        return "unknown" if pdg == 0 else f"PDG {pdg}"


def peaks(data: Dataset, photons: npt.NDArray[np.float64], energy: npt.NDArray[np.float64]) -> Iterator[Line]:
    """Of particles of one species and nearly one energy: sums over 1, 2 and 3 independent responses.

    That is what a calorimeter that counts neutrons sees. Nothing for any other dataset.
    """
    if len(photons) < 100 or len(np.unique(data.pdg)) != 1 or energy.std() > _ONE_ENERGY * energy.mean():
        return
    order = np.random.default_rng(0).permutation(len(photons))
    together = {n: photons[order[: len(order) // n * n]].reshape(-1, n).sum(axis=1) for n in _PEAKS}
    for n, sums in together.items():
        yield (
            f"{n} x {_name(int(data.pdg[0]))}",
            f"mean {sums.mean():.0f}, resolution {100 * sums.std() / sums.mean():.1f} %",
        )
    edges = np.linspace(0, float(together[_PEAKS[-1]].max()), 31)
    counts = sum(np.histogram(sums, edges)[0] / len(sums) for sums in together.values())
    for low, count in zip(edges, np.asarray(counts), strict=False):
        yield f"{low:>15.0f}", "#" * round(_BARS * float(count / np.max(counts)))
