"""Models with stored weights, between the benchmark and our own networks: no plugin, the plugins share it."""

import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from simbench.harness import rng
from simbench.harness.files import neighbour
from simbench.harness.hooks import Context, Detector, Progress, TrainedOn, TrainingRequest

if TYPE_CHECKING:
    from simbench.baselines.gan.training_job import TrainingJob
    from simbench.baselines.spots import Rings

COUNTS = ("proton", "neutron")
ENERGIES = ("calochallenge-electrons",)
SERVED = (*COUNTS, *ENERGIES)  # by weights of our own
REDRAWS = 1000  # attempts at a response that reaches a threshold higher than the training's


class Kind(Protocol):
    """What loads weights and generates, such as :class:`simbench.baselines.gan.simulator.GanSimulator`."""

    def load(self, file_or_dir: Path, *, device: str, engine: str, graphs: Path | None) -> Any:
        """The simulator of a weights file."""
        ...


class TrainedModel:
    """A simulator with its weights, our own or a training's; it says what it was trained on.

    Args:
        model: its registered name.
        context: of the run.
        kind: loads weights and generates.
        package: whose folder ``trained`` holds our own weights.

    Raises:
        ValueError: the weights are missing, damaged, or another model's or detector's.
    """

    def __init__(self, model: str, context: Context, kind: Kind, package: str) -> None:
        from simbench.baselines.finish import RECORD
        from simbench.baselines.weights import FILE_NAME

        detector = context.detector
        own = Path(str(files(package))) / "trained" / f"{detector.name}-{model}.safetensors"
        path = context.weights / FILE_NAME if context.weights else own
        if not path.exists():
            raise ValueError(
                f"no weights of {model} for detector {detector.name!r} at {path}; make some with "
                f"simbench train {model} --detector {detector.name} --out DIR, and name {model}@DIR"
            )
        graphs = context.cache / "onnx" if context.cache else None
        self._simulator = kind.load(path, device=context.device, engine=context.engine, graphs=graphs)
        self.execution = self._simulator.execution
        header = self._simulator.header
        for what, expected, found in (
            ("model", model, header["model"]),
            ("detector", detector.name, header["detector"]),
            ("features", list(detector.feature_names), list(header["features"])),
        ):
            if expected != found:
                raise ValueError(f"{path} holds weights of another {what}: {found}, expected {expected}")
        self._min_photons = context.min_photons
        data = header["data"]
        self.trained_on = TrainedOn(
            dataset=str(data["dataset"]),
            split=str(data["split"]),
            split_seed=int(data["split_seed"]),
            test_fraction=float(data["test_fraction"]),
            particles=self._simulator.training_particles,
        )
        self.training_record = {"preset": header["preset"], **header["training"]}
        record = neighbour(path, RECORD)
        if (
            context.weights and record is not None
        ):  # beside a training of one's own, and it also knows the seconds
            self.training_record["history"] = json.loads(record.read_text(encoding="utf-8"))["history"]
        self.footprint = {"bytes": path.stat().st_size, "parameters": self._simulator.parameters}
        self.fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()

    def generate(self, conditions: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[Any]:
        """Photon counts, or energies, (N, H, W); what falls below the photon threshold is redrawn."""
        responses: npt.NDArray[Any] = self._simulator.generate(conditions, seed=seed)
        if self._min_photons <= 0:
            return responses
        for attempt in range(1, REDRAWS):
            below = np.flatnonzero(responses.sum(axis=(1, 2)) < self._min_photons)
            if not len(below):
                break
            again = rng.derive(seed, "redraw", attempt)
            responses[below] = self._simulator.generate(conditions[below], seed=again)
        return responses


def provenance(trained_on: TrainedOn) -> dict[str, Any]:
    """What a weights file keeps of the data and the split, less the particles; ``TrainedModel`` reads it."""
    return {
        "dataset": trained_on.dataset,
        "split": trained_on.split,
        "split_seed": trained_on.split_seed,
        "test_fraction": trained_on.test_fraction,
    }


def preset_of(asked: str, detector: Detector) -> str:
    """The preset of a training: for energies in layers of rings the compact one is ``layers``."""
    return "layers" if asked == "compact" and rings_of(detector) else asked


def rings_of(detector: Detector) -> "Rings | None":
    """Where the voxels of a detector lie that measures energies in layers of rings, else None."""
    from simbench.baselines.spots import Rings

    if detector.geometry is None or detector.counted:
        return None
    layers = detector.geometry.layers
    edges, angles = tuple(layer.edges for layer in layers), tuple(layer.angles for layer in layers)
    return Rings(edges, angles, detector.geometry.threshold)


def train(model: str, request: TrainingRequest, trainer: "Callable[[TrainingJob], Path]") -> Path:
    """Train a model: the request in plain arrays and numbers."""
    from simbench.baselines.gan.training_job import TrainingJob

    detector, trained_on = request.detector, request.trained_on

    def tell(news: Any) -> None:
        request.progress(
            Progress(news.step, news.steps, news.losses, news.validation, news.warnings, news.experts)
        )

    job = TrainingJob(
        model=model,
        preset=preset_of(request.preset, detector),
        detector=detector.name,
        shape=detector.shape,
        channel_masks=detector.channel_map().masks,
        half_size=detector.half_size,
        distance=detector.distance,
        centre=detector.centre,
        feature_names=detector.feature_names,
        conditions=request.conditions,
        showers=request.showers,
        particle=request.particle,
        validation_conditions=request.validation_conditions,
        score=request.scores,
        seed=request.seed,
        out=request.out,
        overrides=request.overrides,
        provenance=provenance(trained_on),
        progress=tell,
        device=request.device,
        min_photons=request.min_photons,
        training_particles=trained_on.particles,
        rings=rings_of(detector),
    )
    return trainer(job)
