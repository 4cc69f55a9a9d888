"""The metrics that every run has, and those that are asked for."""

from collections.abc import Iterable

from simbench.harness.hooks import hookimpl
from simbench.harness.metrics.wasserstein import EMPTY, WASSERSTEIN
from simbench.harness.plugin.metric import Metric

from . import _scores as scores

NUMBERS = ("particle", "observables")

METRICS = (
    WASSERSTEIN,
    EMPTY,
    Metric(
        "ws-conditional",
        "Conditional Wasserstein score",
        "{unit}",
        1,
        scores.ws_conditional,
        resampled=scores.ws_conditional_replicates,
        meaning="WS within bins of what the particle was expected to give: a simulator that ignores its "
        "conditions is seen",
        cost="0.05 s for 20,000 responses",
        needs=("particle",),
    ),
    Metric(
        "energy-conditional",
        "Excess error, 1 / n*",
        "1 / responses",
        1,
        scores.energy_conditional,
        meaning="one over the number of true responses that would be as wrong; 0 is perfect, at any size of "
        "the test part",
        cost="0.1 s for 20,000 responses",
        needs=("particle",),
        runs=1,
    ),
    Metric(
        "auc",
        "Classifier AUC",
        "area",
        1,
        scores.auc_of,
        meaning="how well boosted trees tell them from the data's, given the conditions; 0.5: not at all",
        cost="1.2 s for 20,000 responses",
        needs=("particle", "conditions", "observables"),
        runs=1,
    ),
    Metric(
        "fpd",
        "Frechet physics distance",
        "spreads^2",
        1,
        scores.fpd_of,
        meaning="distance of means and covariances of the observables, less what the sample's size brings",
        cost="0.1 s for 20,000 responses",
        needs=NUMBERS,
        runs=1,
    ),
    Metric(
        "kpd",
        "Kernel physics distance",
        "kernel",
        1,
        scores.kpd_of,
        meaning="distance of the observables' moments up to the fourth; 0 is expected of a perfect simulator",
        cost="0.6 s for 20,000 responses",
        needs=NUMBERS,
        runs=1,
    ),
    Metric(
        "separation",
        "Separation power",
        "fraction",
        1,
        scores.separation,
        meaning="how little the histograms of an observable overlap, mean over observables; 1: not at all",
        cost="0.02 s for 20,000 responses",
        needs=("observables",),
        runs=1,
    ),
    Metric(
        "ws-observables",
        "Wasserstein score of observables",
        "spreads",
        1,
        scores.ws_observables,
        meaning="distance of each observable's distribution in units of its spread, mean over observables",
        cost="0.01 s for 20,000 responses",
        needs=("observables",),
        runs=1,
    ),
    Metric(
        "conditional",
        "Excess of a particle's mean",
        "variances",
        1,
        scores.conditional,
        meaning="squared error of a particle's mean observables beyond chance, over their fluctuations; "
        "0 is expected of a perfect simulator",
        cost="0.1 s for 20,000 responses",
        needs=NUMBERS,
        runs=1,
    ),
    Metric(
        "correlation",
        "Correlation distance",
        "norm",
        1,
        scores.correlation_of,
        meaning="how far the correlations between observables are off, all pairs together",
        cost="0.01 s for 20,000 responses",
        needs=("observables",),
        runs=1,
    ),
    Metric(
        "auc-image",
        "Classifier AUC, images",
        "area",
        1,
        scores.auc_image_of,
        meaning="as auc, by a convolutional network that looks at the images themselves; 0.5: not at all",
        cost="20 s for 20,000 responses",
        needs=("particle", "conditions", "responses"),
        default=False,
        runs=1,
    ),
    Metric(
        "fpd-jetnet",
        "FPD as published",
        "largest^2",
        1,
        scores.fpd_jetnet_of,
        meaning="Frechet physics distance by JetNet's definition: only beside published numbers",
        cost="4 s for any number of responses",
        needs=("observables",),
        default=False,
        runs=1,
    ),
    Metric(
        "prdc",
        "Coverage",
        "fraction",
        1,
        scores.prdc_of,
        better="higher",
        meaning="share of the data's responses with a generated one nearby; precision, recall and density "
        "beside it",
        cost="0.7 s for 20,000 responses",
        needs=NUMBERS,
        default=False,
        runs=1,
    ),
    Metric(
        "response",
        "Error of the mean response",
        "fraction",
        1,
        scores.response_of,
        meaning="how far the mean photon sum is off in bins of energy; resolution and hits beside it",
        cost="0.02 s for 20,000 responses",
        needs=("particle", "conditions", "observables"),
        default=False,
        runs=1,
    ),
    Metric(
        "pixel",
        "Error of mean images",
        "{unit}",
        1,
        scores.pixel_of,
        meaning="how far a pixel of a particle's mean image is off",
        cost="0.7 s for 20,000 responses",
        needs=("particle", "responses"),
        default=False,
        runs=1,
    ),
    Metric(
        "memorisation",
        "Closer to training responses",
        "fraction",
        1,
        scores.memorisation_of,
        meaning="how often a generated response is closer to a training response than a true one is; 0.5: as "
        "the truth, 1: copies",
        cost="0.3 s for 20,000 responses",
        needs=("particle", "observables", "training"),
        default=False,
        runs=1,
    ),
)


@hookimpl
def simbench_metrics() -> Iterable[Metric]:
    """The Wasserstein score and the empty-response rate, and what sees more than those two."""
    return METRICS
