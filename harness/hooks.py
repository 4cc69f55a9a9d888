"""The plugin author's manual: every hook, and the records that hooks return.

A plugin is a module (or any object) with functions named like the hooks below and marked with
:data:`hookimpl`. An installed package announces its module in the entry-point group ``simbench``::

    [project.entry-points.simbench]
    my-simulators = "my_package.simbench_plugin"

A complete plugin, which generates one photon in a random pixel whatever the condition::

    import numpy as np
    from simbench.harness.hooks import SimulatorOffer, hookimpl


    class OnePhoton:
        def __init__(self, context):
            self.shape = context.detector.shape

        def generate(self, conditions, *, seed):
            rows, (height, width) = len(conditions), self.shape
            responses = np.zeros((rows, height * width), np.int32)
            pixel = np.random.default_rng(seed).integers(height * width, size=rows)
            responses[np.arange(rows), pixel] = 1
            return responses.reshape(rows, height, width)


    @hookimpl
    def simbench_simulators():
        yield SimulatorOffer(name="one-photon", title="One photon", factory=OnePhoton)

Hooks return records and do no work: nothing heavy is imported or loaded until a factory is called. The
models, detectors, dataset makers, readers, metrics and sweeps that come with simbench use these same hooks.
"""

from .data.split import particle_hashes
from .data.training import TrainingPart, read_training
from .errors import TooFewError, UserError
from .plugin.classifiers import Classifier, ClassifierOffer, ClassifierRequest
from .plugin.datasets import (
    DatasetMaker,
    DatasetReader,
    Embedded,
    Found,
    MakeRequest,
    Particles,
    RawParticles,
    ReadRequest,
    Responses,
)
from .plugin.description import Description
from .plugin.detectors import ChannelMap, Detector, Feature
from .plugin.geometry import Cylinders, Layer
from .plugin.metric import Metric, Resampling, Scored, Value
from .plugin.observables import OBSERVABLES, Observable
from .plugin.reports import ReportFormat
from .plugin.simulators import (
    ANCHOR,
    Check,
    Context,
    Exported,
    Likelihood,
    Progress,
    Routing,
    Simulator,
    SimulatorOffer,
    TrainedOn,
    TrainingRequest,
)
from .plugin.specs import (
    PROJECT,
    hookimpl,
    hookspec,
    simbench_datasets,
    simbench_detectors,
    simbench_metrics,
    simbench_readers,
    simbench_reports,
    simbench_simulators,
    simbench_sweeps,
)
from .plugin.sweeps import Sweep, SweepPoint, SweepRequest

__all__ = [
    "ANCHOR",
    "OBSERVABLES",
    "PROJECT",
    "ChannelMap",
    "Check",
    "Classifier",
    "ClassifierOffer",
    "ClassifierRequest",
    "Context",
    "Cylinders",
    "DatasetMaker",
    "DatasetReader",
    "Description",
    "Detector",
    "Embedded",
    "Exported",
    "Feature",
    "Found",
    "Layer",
    "Likelihood",
    "MakeRequest",
    "Metric",
    "Observable",
    "Particles",
    "Progress",
    "RawParticles",
    "ReadRequest",
    "ReportFormat",
    "Resampling",
    "Responses",
    "Routing",
    "Scored",
    "Simulator",
    "SimulatorOffer",
    "Sweep",
    "SweepPoint",
    "SweepRequest",
    "TooFewError",
    "TrainedOn",
    "TrainingPart",
    "TrainingRequest",
    "UserError",
    "Value",
    "hookimpl",
    "hookspec",
    "particle_hashes",
    "read_training",
    "simbench_datasets",
    "simbench_detectors",
    "simbench_metrics",
    "simbench_readers",
    "simbench_reports",
    "simbench_simulators",
    "simbench_sweeps",
]
