"""Draws docs/_static/monte-carlo.svg: what the Monte Carlo's responses are like. ``make figures`` runs it.

Efficiencies come from the embedded datasets, resolutions and correlations from particles that enter at the
middle of the face, peaks from the spectators' gun.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import curve_fit

from simbench.baselines.montecarlo import make_dataset
from simbench.baselines.montecarlo.constants import NEUTRON, PROTON, Detector
from simbench.baselines.montecarlo.simulator import develop, images, response_keys
from simbench.baselines.montecarlo.species import Kind
from simbench.baselines.montecarlo.transport import Arrival

PICTURE = Path(__file__).resolve().parent / "_static" / "monte-carlo.svg"
ENERGIES = np.array([50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 4000.0])
COLOURS = {"neutron": "#0072b2", "proton": "#d55e00"}
KINDS = {"photons": Kind.EM, "hadrons": Kind.BARYON}


def direct(detector: Detector, kind: Kind, energy: float, count: int) -> npt.NDArray[np.int32]:
    """Responses (count, H, W) to equal particles that enter at the middle of the face."""
    zero, full = np.zeros(count), np.full(count, energy)
    yes = np.ones(count, bool)
    arrival = Arrival(zero, zero, full, np.full(count, int(kind)), yes, full, ~yes)
    return images(detector, develop(detector, arrival, response_keys(0, np.arange(count), 0)), count)


def resolutions(detector: Detector, kind: Kind) -> Iterator[tuple[float, float, float]]:
    """Energy, relative spread of the photon sum, correlation of PMTc with the sum of PMT1-4."""
    common = np.indices(detector.cells).sum(axis=0) % 2 == 0
    for energy in ENERGIES:
        showers = direct(detector, kind, energy, int(np.clip(1e6 / energy, 1500, 8000)))
        sums = showers.sum(axis=(1, 2))
        pair = showers[:, common].sum(axis=1), showers[:, ~common].sum(axis=1)
        yield float(energy), sums.std() / sums.mean(), np.corrcoef(*pair)[0, 1]


def draw_resolutions(resolution: Axes, correlation: Axes) -> None:
    """Both calorimeters, photons and hadrons, with fits a/sqrt(E) + b in quadrature."""
    for detector in (NEUTRON, PROTON):
        for (title, kind), marker in zip(KINDS.items(), "os", strict=True):
            energy, spread, related = np.array(list(resolutions(detector, kind))).T
            fit, _ = curve_fit(lambda e, a, b: np.hypot(a / np.sqrt(e), b), energy, spread, p0=(2.0, 0.05))
            colour = COLOURS[detector.name]
            label = f"Z{detector.name[0].upper()}, {title}"
            said = f"{label}: {fit[0]:.2f}/sqrt(E) (+) {100 * fit[1]:.1f} %"
            resolution.plot(energy, spread, marker, color=colour, label=said, markersize=4)
            line = np.geomspace(energy[0], energy[-1], 50)
            resolution.plot(line, np.hypot(fit[0] / np.sqrt(line), fit[1]), color=colour, linewidth=0.8)
            correlation.plot(energy, related, f"{marker}-", color=colour, label=label, markersize=4)
    resolution.set(xscale="log", yscale="log", xlabel="energy [GeV]", ylabel="resolution of the photon sum")
    correlation.set(xscale="log", xlabel="energy [GeV]", ylim=(-0.05, 1))
    correlation.set_ylabel("correlation of PMTc with PMT1-4")


def draw_efficiency(axes: Axes) -> None:
    """Share of raw responses with light, of particles of the mixed gun."""
    edges = np.geomspace(20, 6500, 13)
    for detector in (NEUTRON, PROTON):
        stream = make_dataset(detector.name, particles=6000, repeats=4, seed=1).stream
        assert stream is not None  # noqa: S101 - the gun's datasets have one
        charge, mass = stream.conditions[:, 8], stream.conditions[:, 7]
        kinds = {"photons": mass == 0, "neutral hadrons": (mass > 0) & (charge == 0), "charged": charge != 0}
        place = np.digitize(stream.conditions[:, 0], edges) - 1
        for (title, chosen), style in zip(kinds.items(), ("-", "--", ":"), strict=True):
            share = [
                stream.hit[rows].mean() if rows.sum() > 20 else np.nan
                for rows in (chosen & (place == k) for k in range(len(edges) - 1))
            ]
            middle = np.sqrt(edges[1:] * edges[:-1])
            label = f"Z{detector.name[0].upper()}, {title}"
            axes.plot(middle, share, style, color=COLOURS[detector.name], label=label)
    axes.set(xscale="log", xlabel="energy [GeV]", ylabel="responses with light", ylim=(0, 1.02))


def draw_peaks(axes: Axes) -> None:
    """Photon sums of 1, 2 and 3 spectator neutrons, in the proportions 6 : 3 : 1."""
    made = make_dataset("neutron", particles=6000, repeats=2, seed=2, gun="spectators")
    sums = made.showers.sum(axis=(1, 2), dtype=np.int64)
    order = np.random.default_rng(0).permutation(len(sums))
    edges = np.linspace(0, 4500, 91)
    total = np.zeros(len(edges) - 1)
    for n, weight in ((1, 0.6), (2, 0.3), (3, 0.1)):
        each = sums[order[: len(order) // n * n]].reshape(-1, n).sum(axis=1)
        counts = weight * np.histogram(each, edges)[0] / len(each)
        total += counts
        said = f"{n}n: mean {each.mean():.0f}, resolution {100 * each.std() / each.mean():.0f} %"
        axes.stairs(counts, edges, label=said, linewidth=0.9)
    axes.stairs(total, edges, color="black", linewidth=1.2)
    axes.set(yscale="log", ylim=(1e-4, 0.2), xlabel="photons in ZN", ylabel="share of events")


def main() -> None:
    """Draw the picture."""
    from matplotlib import rc_context

    settings: dict[str, Any] = {"svg.hashsalt": "simbench", "svg.fonttype": "none", "font.size": 8}
    with rc_context(settings):
        figure = Figure(figsize=(9.5, 7), layout="constrained")
        ((resolution, correlation), (efficiency, peaks)) = figure.subplots(2, 2)
        draw_resolutions(resolution, correlation)
        draw_efficiency(efficiency)
        draw_peaks(peaks)
        for axes in (resolution, correlation, efficiency, peaks):
            axes.legend(fontsize=6.5, frameon=False)
        figure.savefig(PICTURE, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
