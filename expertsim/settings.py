"""The settings of a mixture: those of a GAN, which every expert shares, and those of the router."""

from dataclasses import asdict, dataclass, replace

from simbench.baselines.gan.settings import COMPACT, LAYERS, PAPER, Settings

# Number of experts of each model. Every expert has all the loss terms of the paper.
MODELS: dict[str, int] = {f"expertsim-{experts}": experts for experts in (2, 3, 4, 5)}
TERMS = ("diversity", "intensity", "auxiliary")


@dataclass(frozen=True)
class ExpertSettings(Settings):
    """All numbers of the training of a mixture.

    Attributes:
        router: ``learned``; or, for comparison, a rule that is fixed before the training: ``energy``
            (thresholds), ``intensity`` (thresholds of the photon sum that a regressor expects) or ``random``.
        lambda_util: weight of L_util (Eq. 6).
        lambda_diff: weight of L_diff (Eq. 7).
        diff_intensity: the intensity in Eq. 7: ``photons`` as the paper has it, or their ``log``, in units of
            its standard deviation in the batch.
        lr_router: Adam's learning rate for the router.
        temperature: of the Gumbel softmax.
        route_rows: rows of the batch on which all experts are judged for the router's first term (Eq. 8);
            0 means all.
        start: steps in which a learned router is first taught to tell apart equal shares of the rows by their
            particle's mean log photon sum; 0 starts it at random.
        shared: first share of the training in which one GAN learns from all rows. The experts then start as
            copies of it; 0 starts them at random, each on its own.
    """

    router: str
    lambda_util: float
    lambda_diff: float
    diff_intensity: str
    lr_router: float
    temperature: float
    route_rows: int
    start: int
    shared: float


# The paper's published choices.
PAPER_EXPERTS = ExpertSettings(
    **asdict(PAPER),
    router="learned",
    lambda_util=0.01,
    lambda_diff=1e-4,
    diff_intensity="photons",
    lr_router=1e-2,
    temperature=1.0,
    route_rows=0,
    start=0,
    shared=0.0,
)

COMPACT_EXPERTS = ExpertSettings(
    **asdict(COMPACT),
    router="learned",
    lambda_util=1.0,
    lambda_diff=0.01,
    diff_intensity="log",
    lr_router=1e-4,
    temperature=1.0,
    route_rows=32,
    start=1000,
    shared=0.5,
)

LAYERS_EXPERTS = replace(COMPACT_EXPERTS, **asdict(LAYERS))

PRESETS: dict[str, ExpertSettings] = {
    "compact": COMPACT_EXPERTS,
    "layers": LAYERS_EXPERTS,
    "paper": PAPER_EXPERTS,
}
