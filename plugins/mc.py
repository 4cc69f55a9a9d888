"""The Monte Carlo reference: the simulator ``mc`` and the maker of the embedded datasets."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from simbench.harness.hooks import (
    Context,
    DatasetMaker,
    Embedded,
    MakeRequest,
    RawParticles,
    Responses,
    Simulator,
    SimulatorOffer,
    hookimpl,
)

DETECTORS = ("proton", "neutron")


def _embedded(particles: int, proton: str, neutron: str) -> dict[str, Embedded]:
    """By detector, 8 responses of each of so many particles, and the fingerprints of their content.

    These change only if the physics does, and then all weights trained on these datasets are out of date.
    """
    fingerprints = zip(DETECTORS, (proton, neutron), strict=True)
    return {name: Embedded(particles, 8, 20261125, fingerprint) for name, fingerprint in fingerprints}


EMBEDDED = _embedded(
    12_500,  # 100,000 non-empty responses
    proton="a058bb41a7d8d9b1b1d69f7f5a8b4ca87054b0768b2f955db91b45c0261e8f2e",
    neutron="a6da24a71d0faa68f7e9c18d2c4d79e995b45b106a0075ed5721b994755848c2",
)
SPECTATORS = _embedded(
    2_500,
    proton="ac57ad63506d66c7cf54f679c74f80032d53ef4e6a51945356a3cbc380fe321b",
    neutron="acd9a978f47a217ee74897d76d9589dfc19adbc6f6262b923a4ff8b5dbe13d7c",
)
PAIRS = _embedded(
    10_000,  # those that are not empty of 80,000 responses
    proton="fd05c52e4d06c81be4c03d91ac8309054c7cdbeefabfa87103fb78142bdf1d49",
    neutron="7696b6dd9ba5309a400ba1937350cf06783e9e85d97c3ee1e596dd7a1932b6f1",
)
FORMER = {
    "fc6f70e1ec2b4fd495a0c87b01f5ea683315c5fd57b92f7a43e68ea90853f80c": "the embedded proton data of Monte "
    "Carlo 1: side C only, without raw particles",
    "090b2dfc9e55a60a50c5f60b005b5a98bf178fab03f970f325ad3a1107950410": "the embedded neutron data of Monte "
    "Carlo 1: side C only, without raw particles",
}


def _simulator(context: Context) -> Simulator:
    from simbench.baselines.montecarlo import MonteCarlo

    return MonteCarlo(context.detector.name, context.min_photons)


def _make(request: MakeRequest, gun: str = "mixed") -> Iterator[Responses]:
    from simbench.baselines.montecarlo import iter_dataset, iter_given, iter_shared

    if request.shared:
        samples = iter_shared(
            request.detector.name,
            request.shared,
            particles=request.particles,
            repeats=request.repeats,
            seed=request.seed,
            gun=gun,
        )
    elif request.like is not None:
        samples = iter_given(
            request.detector.name,
            request.like.conditions,
            request.like.pdg,
            request.like.repeats,
            seed=request.seed,
            min_photons=request.min_photons,
        )
    else:
        samples = iter_dataset(
            request.detector.name,
            particles=request.particles,
            repeats=request.repeats,
            seed=request.seed,
            min_photons=request.min_photons,
            gun=gun,
        )
    for sample in samples:
        raw = sample.stream
        stream = RawParticles(raw.conditions, raw.particle, raw.pdg, raw.hit) if raw else None
        yield Responses(sample.showers, sample.conditions, sample.particle, sample.pdg, stream)


def _make_pairs(request: MakeRequest) -> Iterator[Responses]:
    return _make(replace(request, shared=DETECTORS))


@hookimpl
def simbench_simulators() -> Iterable[SimulatorOffer]:
    """``mc``: no learning, an independent seed; the floor of every table."""
    yield SimulatorOffer(
        name="mc",
        title="Monte Carlo reference (parametrised, not Geant)",
        factory=_simulator,
        detectors=DETECTORS,
        family="reference",
        reference="simbench documentation, Monte Carlo reference",
    )


@hookimpl
def simbench_datasets() -> Iterable[DatasetMaker]:
    """``mc``: the parametrised Monte Carlo's own gun and showers; ``spectators``: another gun of it."""
    from simbench.baselines.montecarlo.constants import SENTENCE

    yield DatasetMaker(
        name="mc",
        title="Parametrised Monte Carlo of the ZDC",
        detectors=DETECTORS,
        make=_make,
        provenance=SENTENCE,
        embedded=EMBEDDED,
        draws_like=True,
        shares_particles=True,
        former=FORMER,
    )
    yield DatasetMaker(
        name="spectators",
        title="Spectator nucleons of Pb-Pb in the parametrised Monte Carlo",
        detectors=DETECTORS,
        make=partial(_make, gun="spectators"),
        provenance=f"{SENTENCE} Spectator nucleons of Pb-Pb collisions.",
        embedded=SPECTATORS,
        shares_particles=True,
    )
    yield DatasetMaker(
        name="pairs",
        title="The same particles in both calorimeters, in the parametrised Monte Carlo",
        detectors=DETECTORS,
        make=_make_pairs,
        provenance=f"{SENTENCE} The same particles in both calorimeters, nothing selected.",
        embedded=PAIRS,
    )
