"""The training of a mixture; the loop itself is that of the GANs (baselines/gan/training.py)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from simbench.baselines.conditions import Floats, Scaler
from simbench.baselines.gan.batches import TrainingRows
from simbench.baselines.gan.ladder import GanLearner, update
from simbench.baselines.gan.networks import DataSummary, initialised, make_networks, network_header
from simbench.baselines.gan.settings import resolve
from simbench.baselines.gan.training import Trainee, run
from simbench.baselines.gan.training_job import TrainingJob

from .mixture import MixtureLearner
from .router import Gate
from .settings import MODELS, PRESETS, TERMS, ExpertSettings
from .simulator import MixtureSimulator

_START_RATE = 1e-3  # learning rate of the router's start and of the regressor of a fixed rule
_REGRESSOR_STEPS = 1000


def train(job: TrainingJob) -> Path:
    """Train a mixture and return its weights file; see :func:`simbench.baselines.gan.training.run`.

    Raises:
        ValueError: no such mixture, an impossible job, or ``job.out`` holds another one.
    """
    if job.model not in MODELS:
        raise ValueError(f"unknown model {job.model!r}; expected one of {', '.join(MODELS)}")
    return run(job, resolve(job.preset, job.overrides, PRESETS), make_mixture, MixtureSimulator)


def make_mixture(
    job: TrainingJob,
    scaler: Scaler,
    summary: DataSummary,
    settings: ExpertSettings,
    generator: torch.Generator,
) -> Trainee:
    """Experts, router and rows, the router as the training starts with it.

    Raises:
        ValueError: a router on energy is asked for, and there is no feature of that name.
    """
    experts = MODELS[job.model]
    networks = [make_networks(job.preset, summary, settings, generator) for _ in range(experts)]
    rows = TrainingRows(job, scaler, networks[0], TERMS, settings, generator)
    steps = settings.steps or settings.epochs * rows.per_epoch
    # Each expert sees a part of a batch, and takes the diversity term on as large a part of its own.
    own = replace(settings, div_rows=-(-settings.div_rows // experts))
    learners = [GanLearner(network, TERMS, own, steps, generator) for network in networks]
    gate = make_gate(job, scaler, rows, settings, generator)
    served = None
    if settings.router != "learned":
        served = torch.from_numpy(gate.choose(job.conditions, scaler(job.conditions))).to(generator.device)
    learner = MixtureLearner(learners, gate, served, settings, steps, generator)
    header: dict[str, Any] = network_header(job.preset, summary, settings)
    header |= {"experts": experts, "gate": gate.header(summary.conditions)}
    # Before the experts part they are one GAN, no mixture to be kept.
    return Trainee(learner, rows, steps, header, begins=min(learner.alone, steps - 1))


def make_gate(
    job: TrainingJob, scaler: Scaler, rows: TrainingRows, settings: ExpertSettings, generator: torch.Generator
) -> Gate:
    """The gate that ``settings.router`` names, as the training starts with it.

    A rule parts the training part, and a learned router starts with parting it, into equal shares.
    """
    experts, inputs = MODELS[job.model], len(scaler.mean)
    kind, feature = settings.router, 0
    if kind == "energy":
        names = [name.lower() for name in job.feature_names]
        if "energy" not in names:
            raise ValueError(f"router=energy needs a feature 'energy'; found {', '.join(job.feature_names)}")
        feature = names.index("energy")
    gate = initialised(
        lambda: Gate(kind=kind, experts=experts, inputs=inputs, feature=feature), generator
    ).to(generator.device)
    if kind == "energy":
        gate.edges = _quantiles(job.conditions[:, feature], experts)
    if kind == "random" or kind == "energy":
        return gate
    expected = expected_intensity(job.showers, job.particle)
    if kind == "intensity":
        target = torch.from_numpy(expected.astype(np.float32)).to(generator.device)
        _teach(gate, rows, target, _REGRESSOR_STEPS)
        scaled = torch.from_numpy(scaler(job.conditions)).to(generator.device)
        with torch.inference_mode():
            predicted = gate(scaled).squeeze(1).cpu().numpy()
        gate.edges = _quantiles(predicted, experts)
    elif settings.start:
        edges = _quantiles(expected, experts)
        label = torch.from_numpy(np.searchsorted(edges, expected)).to(generator.device)
        _teach(gate, rows, label, settings.start)
    return gate


def expected_intensity(showers: npt.NDArray[np.integer], particle: npt.NDArray[np.int64]) -> Floats:
    """The mean of log(1 + photon sum) over the responses to each row's particle, (N,), of N showers."""
    logs = np.log1p(showers.reshape(len(showers), -1).sum(axis=1, dtype=np.float64))
    _, group = np.unique(particle, return_inverse=True)
    group = group.ravel()
    return np.asarray((np.bincount(group, logs) / np.bincount(group))[group], dtype=np.float64)


def _quantiles(values: npt.NDArray[Any], number: int) -> Floats:
    """Thresholds, ``number`` - 1, that part values (N,) into equal shares."""
    return np.quantile(values.astype(np.float64), np.arange(1, number) / number)


def _teach(gate: Gate, rows: TrainingRows, target: Tensor, steps: int) -> None:
    """Fit the gate to a class (integers) or a number (floats) of each row of the training part."""
    optimiser = torch.optim.Adam(gate.parameters(), _START_RATE)
    for step in range(steps):
        batch = rows.batch(step)
        out, wanted = gate(batch.conditions), target[batch.index]
        if wanted.is_floating_point():
            loss = functional.mse_loss(out.squeeze(1), wanted)
        else:
            loss = functional.cross_entropy(out, wanted)
        update(optimiser, loss)
