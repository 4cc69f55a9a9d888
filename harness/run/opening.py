"""What was asked for becomes what is to be done: metrics, data, what is held fixed, and the plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import mapped
from ..data.dataset import Dataset
from ..data.open import open_data, parts_of, share_of_test, split_rows
from ..data.sums import Projection
from ..data.training import keep_training_part
from ..models.names import Model
from ..plugin.detectors import Detector
from ..plugin.metric import Metric
from ..plugin.registry import Registry
from ..plugin.simulators import Context
from ..record.part import Part
from ..record.protocol import Protocol
from .request import Request
from .runner import Plan, key_of
from .watch import Watch


def chosen_metrics(registry: Registry, names: Sequence[str]) -> list[Metric]:
    """The metrics of these names, each once; ``all`` is every one, no name those of the default set.

    Raises:
        UserError: one is unknown.
    """
    if "all" in names:
        return list(registry.metrics)
    if names:
        return [registry.metrics[name] for name in dict.fromkeys(names)]
    return [metric for metric in registry.metrics if metric.default]


def open_asked(registry: Registry, detector: Detector, request: Request, watch: Watch) -> Dataset:
    """The data of a request, as :func:`open_data` opens them."""
    return open_data(
        registry, detector, request.data, watch.data, partial=request.allow_partial, force=request.force
    )


def protocol_of(request: Request, detector: Detector, data: Dataset, metrics: Sequence[Metric]) -> Protocol:
    """What a request holds fixed on opened data."""
    return Protocol(
        detector=detector.name,
        dataset=data.fingerprint,
        min_photons=data.min_photons if request.min_photons is None else request.min_photons,
        split=request.split,
        split_seed=request.split_seed,
        limit=request.limit,
        channels=request.channels or detector.default_channels,
        metrics={metric.name: metric.version for metric in metrics},
        test_fraction=share_of_test(data, request.split),
        left_out=data.left_out,
        part=request.scored,
    )


def detector_identity(registry: Registry, projection: Projection, detector: Detector) -> list[str | None]:
    """What the numbers kept of a response depend on besides it: channels, observables, and their code."""
    source = registry.detectors.sources[detector.name]
    return [source.name, source.code(), projection.fingerprint()]


@dataclass(frozen=True)
class Opened:
    """The data of a request: the rows that models learn from and those that are scored, and what is fixed."""

    data: Dataset
    learned: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    protocol: Protocol

    @classmethod
    def of(cls, data: Dataset, request: Request, detector: Detector, metrics: Sequence[Metric]) -> "Opened":
        """Opened data, split as asked for."""
        protocol = protocol_of(request, detector, data, metrics)
        asked = data, protocol.split, protocol.split_seed, protocol.min_photons
        if protocol.part == "test":
            learned, rows = split_rows(*asked)
        else:
            parts = parts_of(*asked)
            learned, rows = parts.train, parts.validation
        return cls(data, learned, rows[: protocol.limit], protocol)


def plan_of(
    registry: Registry,
    request: Request,
    context: Context,
    models: Sequence[Model],
    opened: Opened,
    units: Path,
) -> Plan:
    """What a run is going to do, less the rows whose images it keeps; nothing is written to ``units``."""
    protocol, training = opened.protocol, None
    if any(model.offer.recalls for model in models):
        named = f"{protocol.split}-{protocol.split_seed}-{protocol.min_photons}"
        named += "-fit" * (protocol.part == "validation")
        training = keep_training_part(opened.data, opened.learned, named)
    context = replace(context, min_photons=protocol.min_photons, training=training)
    projection = Projection(context.detector)
    labels = [model.label for model in models]
    part = request.part or Part(1, 1)
    return Plan(
        protocol=protocol,
        context=context,
        conditions=mapped.take(opened.data.conditions, opened.rows),
        example_rows=np.zeros(0, np.int64),
        keys={model.label: key_of(registry, model, context) for model in models},
        projection=projection,
        runs=part.runs(labels, request.runs if request.scoring else 0),
        seed=request.seed,
        allow_leak=request.allow_leak,
        units=units,
        detector=detector_identity(registry, projection, context.detector),
        timeout=request.placement.timeout,
        keep="responses" in request.keep,
    )
