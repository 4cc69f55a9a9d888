"""The sweeps behind the ExpertSim paper's Tables 4 and 5: the number of experts, and who routes to them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from simbench.harness.hooks import Sweep, SweepPoint, SweepRequest, hookimpl
from simbench.harness.plugin.detectors import Detector

EXPERTS = 3  # of the mixtures in the sweep of routers, as in the paper
SINGLE = "sdi-gan-ir-ar"  # one GAN with all the loss terms that an expert has

# (lambda_util, lambda_diff) of the paper's Table 5.
PAPER_WEIGHTS = (
    (0.01, 1e-4),
    (0.1, 1e-4),
    (0.001, 1e-5),
    (0.01, 1e-3),
    (0.01, 1e-6),
    (0.01, 0.0),
    (0.0, 1e-4),
)
# The paper's recipe taken literally: photons squared in L_diff, everything started at random.
PAPER_RECIPE = {"diff_intensity": "photons", "lr_router": "0.01", "start": "0", "shared": "0"}


def _experts(request: SweepRequest) -> Iterator[SweepPoint]:
    """A single GAN with all loss terms, then mixtures of two to five such."""
    common = _budget(request)
    for experts in (1, 2, 3, 4, 5):
        model = SINGLE if experts == 1 else f"expertsim-{experts}"
        for seed in request.seeds:
            overrides = _known(request.overrides, experts > 1) | common
            name = f"experts-{experts}-seed-{seed}"
            yield SweepPoint(name, model, seed, overrides, {"experts": experts})


def _routers(request: SweepRequest) -> Iterator[SweepPoint]:
    """Learned routers, fixed rules, and no router at all."""
    from simbench.expertsim.settings import PRESETS

    common = _budget(request)
    ours = PRESETS[request.preset]
    learned: list[tuple[str, float, float, dict[str, str]]] = [
        ("ours", ours.lambda_util, ours.lambda_diff, {}),
        *(("paper", util, diff, PAPER_RECIPE) for util, diff in PAPER_WEIGHTS),
    ]
    mixture = f"expertsim-{EXPERTS}"
    for seed in request.seeds:
        for recipe, util, diff, own in learned:
            weights = {"lambda_util": f"{util:g}", "lambda_diff": f"{diff:g}"}
            overrides = dict(request.overrides) | common | own | weights
            parameters = _parameters("learned", recipe, util, diff)
            name = f"learned-{recipe}-util-{util:g}-diff-{diff:g}-seed-{seed}"
            yield SweepPoint(name, mixture, seed, overrides, parameters)
        for rule in ("intensity", "energy", "random"):
            overrides = dict(request.overrides) | common | {"router": rule}
            yield SweepPoint(f"{rule}-seed-{seed}", mixture, seed, overrides, _parameters(rule))
        if request.preset == "compact":  # the other preset's networks have the paper's sizes
            width = {"width": str(single_width(request.detector, EXPERTS))}
            overrides = _known(request.overrides, False) | common | width
            yield SweepPoint(f"single-seed-{seed}", SINGLE, seed, overrides, _parameters("single"))


def _parameters(
    router: str, recipe: str = "ours", util: float | str = "", diff: float | str = ""
) -> dict[str, float | str]:
    return {"router": router, "recipe": recipe, "lambda_util": util, "lambda_diff": diff}


def single_width(detector: Detector, experts: int) -> int:
    """The hidden width at which one compact generator has about as many parameters as ``experts`` have."""
    from simbench.baselines.gan.settings import COMPACT

    few = _size(detector, COMPACT.width)
    width = COMPACT.width
    while _size(detector, width) < experts * few:
        width += 8
    return width


def _size(detector: Detector, width: int) -> int:
    import numpy as np

    from simbench.baselines.conditions import Geometry, is_zdc, zdc_features
    from simbench.baselines.gan.networks import DataSummary, blank_generator, network_header
    from simbench.baselines.gan.settings import PRESETS, resolve

    names = detector.feature_names
    inputs = len(names)
    if is_zdc(names):
        inputs = zdc_features(np.ones((1, inputs)), Geometry((1.0, 1.0), (0.0, 0.0), 1.0)).shape[1]
    summary = DataSummary(detector.shape, inputs, detector.channel_map().masks, 1.0, 1.0, 1.0, 1)
    settings = resolve("compact", {"width": str(width)}, PRESETS)
    generator = blank_generator("compact", network_header("compact", summary, settings))
    return sum(parameter.numel() for parameter in generator.parameters())


def _budget(request: SweepRequest) -> dict[str, str]:
    """The overrides that give every training its share of the preset's passes, and of its evaluations."""
    from simbench.baselines.gan.settings import PRESETS

    if request.preset not in PRESETS:
        raise ValueError(f"unknown preset {request.preset!r}; expected one of {', '.join(PRESETS)}")
    preset = PRESETS[request.preset]
    asked = request.overrides
    found = {}
    for name in ("steps", "epochs", "evaluations"):
        number = float(asked.get(name, getattr(preset, name)))
        least = 4 if name == "evaluations" else 1
        if number and request.budget < 1:
            found[name] = str(max(least, round(number * request.budget)))
    return found


def _known(overrides: Mapping[str, str], mixture: bool) -> dict[str, str]:
    """The overrides that a model knows: a single GAN has no router."""
    from simbench.baselines.gan.settings import Settings
    from simbench.expertsim.settings import ExpertSettings

    own = {field.name for field in fields(ExpertSettings)} - {field.name for field in fields(Settings)}
    return {name: value for name, value in overrides.items() if mixture or name not in own}


@hookimpl
def simbench_sweeps() -> Iterable[Sweep]:
    """``experts`` and ``router``."""
    yield Sweep(
        name="experts",
        title="Number of experts",
        parameters=("experts",),
        plan=_experts,
        caption=f"One expert is {SINGLE}, which has the same loss terms.",
        reference="arXiv:2508.20991, Table 4",
    )
    yield Sweep(
        name="router",
        title="Who routes",
        parameters=("router", "recipe", "lambda_util", "lambda_diff"),
        plan=_routers,
        caption=(
            f"Mixtures of {EXPERTS} experts. Recipe 'paper': L_diff in photons squared, router and experts "
            "started at random; 'ours': the preset's. Routers intensity and energy are thresholds on the "
            "photon sum that a regressor expects and on the energy, random is a hash of the condition, and "
            f"single is one {SINGLE} with as many generator parameters as all experts together."
        ),
        reference="arXiv:2508.20991, Table 5",
    )
