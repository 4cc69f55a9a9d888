"""The classifier of hits, as ALICE's O2 asks for one before it runs a generator."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from simbench.harness.hooks import ClassifierOffer, ClassifierRequest, Context, Progress, hookimpl

from ._trained import provenance

if TYPE_CHECKING:
    from simbench.baselines.hits.classifier import HitClassifier

DETECTORS = ("proton", "neutron")


def _classifier(context: Context) -> "HitClassifier":
    from simbench.baselines.hits.classifier import HitClassifier

    name = context.detector.name
    own = Path(str(files("simbench.baselines"))) / "trained" / f"{name}-hit.safetensors"
    path = context.weights or own
    if not path.exists():
        raise ValueError(
            f"no weights of hit for {name!r}; make some with simbench train hit --detector {name}"
        )
    made = HitClassifier.load(path)
    if made.header["detector"] != name or tuple(made.header["features"]) != context.detector.feature_names:
        raise ValueError(f"{path} is a classifier of {made.header['detector']}, expected one of {name}")
    return made


def _graph(context: Context) -> bytes:
    return _classifier(context).graph()


def _train(request: ClassifierRequest) -> Path:
    from simbench.baselines.conditions import geometry_of
    from simbench.baselines.hits.training import HitJob, train

    detector = request.detector
    geometry = geometry_of(detector.half_size, detector.centre, detector.distance, detector.feature_names)

    def tell(step: int, steps: int, loss: float, validation: float | None) -> None:
        request.progress(Progress(step, steps, {"loss": loss}, validation))

    return train(
        HitJob(
            detector=detector.name,
            geometry=geometry,
            feature_names=detector.feature_names,
            conditions=request.conditions,
            hit=request.hit,
            validation_conditions=request.validation_conditions,
            validation_hit=request.validation_hit,
            seed=request.seed,
            out=request.out,
            overrides=request.overrides,
            provenance=provenance(request.trained_on),
            progress=tell,
            validation_pdg=request.validation_pdg,
        )
    )


@hookimpl
def simbench_classifiers() -> Iterable[ClassifierOffer]:
    """``hit``: a small network, trained on all particles of the gun."""
    yield ClassifierOffer(
        name="hit",
        title="Whether a particle leaves any light: a small network",
        factory=_classifier,
        trainer=_train,
        detectors=DETECTORS,
        exporter=_graph,
    )
