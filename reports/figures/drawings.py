"""Every figure of a report: which there are, what they are called, and what is said below them.

A figure is drawn only when it is asked for, from what the run folders hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..text import published
from . import examples as images
from . import kinds, scores, training, validation
from .cards import card_drawings, distribution_drawings
from .drawing import Drawing, slug
from .scene import Model, Scene

TOGETHER = 5  # models that a reader can tell apart in one figure
_DIAMONDS = f" Diamonds are published, in {published.SOURCE}, for other data: context and no comparison."


def drawings(scene: Scene) -> list[Drawing]:
    """All figures that ``scene`` has the data for, in the order of a report."""
    made = [
        *_tradeoff(scene),
        *_latency(scene),
        *card_drawings(scene),
        *distribution_drawings(scene),
        *_quartiles(scene),
        *_validation(scene),
        *_examples(scene),
        *_training(scene),
    ]
    detector = slug(scene.detector)
    names: set[str] = set()
    unique = []
    for drawing in made:
        name, count = f"{drawing.name}-{detector}", 1
        while name in names:
            count += 1
            name = f"{drawing.name}-{detector}-{count}"
        names.add(name)
        unique.append(replace(drawing, name=name))
    return unique


def missing(scene: Scene) -> list[str]:
    """A sentence for each figure that is left out although the reader could have it."""
    said = []
    if not scores.devices(scene):
        said.append(
            "There is no plot of WS against time per response, for no model was both scored and timed: run "
            "again with --timing and the same --out."
        )
    if not scene.drawn:
        said.append("There are no histograms and no example responses: the run folder holds no responses.")
    return said


def _tradeoff(scene: Scene) -> Iterator[Drawing]:
    devices = scores.devices(scene)
    if devices:
        where = " and ".join(scores.DEVICES[device] for device in devices)
        yield Drawing(
            "tradeoff",
            "WS against time per response",
            "Lower left is better. The dashed line is the Pareto front: no model on it is beaten in both by "
            "another. The Monte Carlo reference takes no part in it; the dotted line is its score, below "
            "which no model can be expected to fall. Bars are the standard deviation over runs, and half the "
            "range of the times.",
            f"Wasserstein score against milliseconds per response on {where}, one marker a model.",
            partial(scores.tradeoff, scene),
            part="tradeoff",
        )


def _latency(scene: Scene) -> Iterator[Drawing]:
    engines = scores.latency_engines(scene)
    if engines:
        yield Drawing(
            "latency",
            f"{scores.headline(scene)} against the time of one particle",
            "Lower left is better. One particle at a time on one thread, as ALICE's O2 asks: medians, bars "
            "to the right up to the 99th percentile, bars up and down the standard deviation over runs. "
            "Hollow markers are by ONNX Runtime.",
            f"Score against milliseconds for one particle, one marker a model, by {', '.join(engines)}.",
            partial(scores.latency, scene),
        )


def _quartiles(scene: Scene) -> Iterator[Drawing]:
    models = scores.quartile_models(scene)
    if models:
        quoted = scores.quoted_quartiles(scene, models)
        yield Drawing(
            "quartiles",
            *_quartile_words(scene, bool(quoted)),
            "Bars of the Wasserstein score of every model in each of four quartiles.",
            partial(scores.quartiles, scene, models),
        )


def _quartile_words(scene: Scene, quoted: bool) -> tuple[str, str]:
    """Title and caption of the bars by quartile."""
    if scores.quartile_metric(scene) == scores.EXPECTED:
        return (
            "WS by quartile of the particle's expected sum",
            "Each panel has an axis of its own. The expected sum is the mean over a particle's other "
            "repeats: a perfect simulator reaches the Monte Carlo's bars in every quartile.",
        )
    return (
        "WS by quartile of the reference photon sum",
        "Each panel has an axis of its own. Read the bars against the Monte Carlo's: the bins select on "
        f"the reference's own fluctuations.{_DIAMONDS if quoted else ''}",
    )


def _validation(scene: Scene) -> Iterator[Drawing]:
    for models in _together(validation.imaged_models(scene, scene.drawn)):
        names = ", ".join(model.label for model in models)
        yield Drawing(
            "mean-images",
            "Mean responses",
            "The mean of all responses, x to the right and y upwards, on one logarithmic scale; below, what "
            "is generated less the reference, on a scale that is linear around zero. Run 0 of each model.",
            f"Mean images of the reference and of {names}, and their differences.",
            partial(validation.mean_images, scene, models),
        )
    if validation.energy_of(scene) is not None:
        for models in _together(scene.drawn):
            names = ", ".join(model.label for model in models)
            yield Drawing(
                "response",
                "Response and resolution against energy",
                "Bins of energy of equal content. Left the mean photon sum; right its spread between repeats "
                "of a particle, over the mean. Below, the ratio to the reference. Run 0 of each model.",
                f"Mean and relative spread of the photon sum against energy, of {names} and the reference.",
                partial(validation.response, scene, models),
                part="response",
            )
    if kinds.told(scene):
        yield Drawing(
            "conditional",
            "Excess of a particle's mean, by energy and species",
            "Squared error of a particle's mean observables beyond what few repeats give by chance, over "
            "their fluctuations; 0 is expected of a perfect simulator. The axis is linear near 0.",
            "Excess error of each model in bins of energy and for each species.",
            partial(kinds.excess, kinds.told(scene)),
        )
    if scene.drawn and scene.reference is not None and scene.reference.particle is not None:
        yield Drawing(
            "conditional-means",
            "Mean of each particle, generated against reference",
            "Each particle's mean photon sum over its repeats; the darker, the more particles. A simulator "
            "that ignores its conditions shows no diagonal, and the Monte Carlo how wide chance makes it.",
            "Mean photon sums of particles, generated against reference, one panel a model.",
            partial(validation.conditional_means, scene, scene.drawn),
            part="response",
        )


def _examples(scene: Scene) -> Iterator[Drawing]:
    strips = images.example_strips(scene, scene.drawn)
    if len(strips) < 2:
        return
    shared = "One colour scale throughout, white where there is no photon; the numbers are photon sums."
    yield Drawing(
        "examples",
        "Example responses",
        f"Every column is one particle, simulated once by each model and by the reference. {shared}",
        f"Images of {len(strips[0].images)} example responses of the reference and of every model.",
        partial(
            images.examples,
            strips,
            [f"particle {n + 1}" for n in range(len(strips[0].images))],
            scene.quantity,
        ),
    )
    for model in scene.drawn:
        experts, chosen = images.example_experts(scene, model), images.by_expert(scene, model)
        if experts is not None and chosen:
            yield Drawing(
                f"examples-{slug(model.label)}",
                f"Example responses by expert: {model.label}",
                f"The same particles, in the order of the expert that served them. {shared}",
                f"Images of example responses of {model.label} and the reference, grouped by expert.",
                partial(
                    images.examples,
                    chosen,
                    [f"expert {expert + 1}" for expert in sorted(experts)],
                    scene.quantity,
                ),
            )


def _training(scene: Scene) -> Iterator[Drawing]:
    routing, trained = training.routing_models(scene), training.trained_models(scene)
    if routing:
        yield Drawing(
            "experts",
            "Expert load",
            "The share of the test responses that each expert served, and mean and standard deviation of "
            "the photon sums that it gave.",
            "Share of responses and photon sum of each expert of the models that route.",
            partial(training.expert_load, routing),
        )
    if trained:
        yield Drawing(
            "validation",
            "Validation during training",
            "The score on the validation particles that chooses the checkpoint (dot).",
            "Validation score against training step, one curve a model.",
            partial(training.validation, trained),
            part="training",
        )
    if any(training.has_losses(model) for model in trained):
        yield Drawing(
            "losses",
            "Training losses",
            "Every loss as recorded; the axis is linear between -0.1 and 0.1 and logarithmic beyond.",
            "Losses against training step, a panel a model.",
            partial(training.losses, trained),
            part="training",
        )


def _together(models: Sequence[Model]) -> Iterator[Sequence[Model]]:
    """The models in groups of nearly equal size, none larger than ``TOGETHER``."""
    groups = -(-len(models) // TOGETHER)
    start = 0
    for group in range(groups):
        size = len(models) // groups + (group < len(models) % groups)
        yield models[start : start + size]
        start += size
