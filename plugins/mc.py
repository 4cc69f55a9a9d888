"""The Monte Carlo reference: the simulator ``mc`` and the maker of the embedded datasets."""

from collections.abc import Iterable, Iterator

from simbench.harness.hooks import (
    Context,
    DatasetMaker,
    Embedded,
    MakeRequest,
    Responses,
    Simulator,
    SimulatorOffer,
    hookimpl,
)

DETECTORS = ("proton", "neutron")

# 100,000 non-empty responses each. The fingerprints are the content's: they change only if the physics does,
# and then all weights trained on these datasets are out of date.
EMBEDDED = {
    "proton": Embedded(
        particles=12_500,
        repeats=8,
        seed=20250828,
        fingerprint="fc6f70e1ec2b4fd495a0c87b01f5ea683315c5fd57b92f7a43e68ea90853f80c",
    ),
    "neutron": Embedded(
        particles=12_500,
        repeats=8,
        seed=20250828,
        fingerprint="090b2dfc9e55a60a50c5f60b005b5a98bf178fab03f970f325ad3a1107950410",
    ),
}


def _simulator(context: Context) -> Simulator:
    from simbench.baselines.montecarlo import MonteCarlo

    return MonteCarlo(context.detector.name, context.min_photons)


def _make(request: MakeRequest) -> Iterator[Responses]:
    from simbench.baselines.montecarlo import iter_dataset, iter_given

    if request.like is not None:
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
        )
    for sample in samples:
        yield Responses(sample.showers, sample.conditions, sample.particle, sample.pdg)


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
    """``mc``: the parametrised Monte Carlo's own gun and showers."""
    from simbench.baselines.montecarlo.constants import SENTENCE

    yield DatasetMaker(
        name="mc",
        title="Parametrised Monte Carlo of the ZDC",
        detectors=DETECTORS,
        make=_make,
        provenance=SENTENCE,
        embedded=EMBEDDED,
        draws_like=True,
    )
