"""The training of a flow: from a job to a weights file, resumable at any kill, bitwise."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from simbench.harness import rng

from ..cascade.density.sums import Bins
from ..cascade.inputs import Inputs
from ..cascade.job import CascadeJob
from ..cascade.training import ending, learn, loader, once, stored, units
from .learner import FlowLearner
from .network import Sizes, make
from .representation import Representation
from .settings import FlowSettings, resolve


def train(job: CascadeJob) -> Path:
    """Train a flow and return its weights file; see :func:`simbench.baselines.cascade.training.train`.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    job.check()
    return once(job, resolve(job.preset, job.overrides), _train)


def _train(job: CascadeJob, settings: FlowSettings, identity: dict[str, Any]) -> Path:
    inputs, bins = Inputs.fit(job.conditions, job.geometry), Bins.fit(job.sums(), job.min_photons)
    kept = Representation.fit(job.showers, settings.noise)
    scaled = inputs(job.conditions)
    sizes = Sizes(
        conditions=scaled.shape[1],
        bins=len(bins),
        members=settings.members,
        sum_width=settings.sum_width,
        width=settings.width,
        depth=settings.depth,
        context_width=settings.context_width,
        whole_width=settings.whole_width,
    )
    model = make(job.shape, sizes, rng.derive(job.seed, "flow start"), settings.sum_dropout)
    learner = FlowLearner(job, settings, model, bins, kept, scaled)
    judge = make(job.shape, sizes).eval()
    draw = np.random.default_rng(rng.derive(job.seed, "flow validation"))
    rows = min(settings.validation_rows, len(learner.held_out))
    judges = np.sort(draw.choice(learner.held_out, rows, replace=False))
    state = learn(job, identity, learner, loader(judge), judges, settings.evaluations)
    arrays = stored(state, settings.storage)
    judge.load_state_dict({name: torch.from_numpy(array).float() for name, array in arrays.items()})
    header = {
        **{name: identity[name] for name in ("model", "preset", "detector", "features", "min_photons")},
        "settings": identity["settings"],
        "data": identity["data"],
        "network": {
            "shape": list(job.shape),
            "sizes": sizes.to_json(),
            "bins": bins.to_json(),
            "representation": kept.to_json(),
            "steps": settings.steps_ode,
        },
        "inputs": inputs.to_json(),
    }
    some = np.sort(draw.choice(learner.fit, min(len(learner.held_out), len(learner.fit)), replace=False))
    judged = {
        "validation": learner.likelihood(judge, learner.held_out),
        "training": learner.likelihood(judge, some),
    }
    likelihood = {part: units({"sum": found["sum"]}) for part, found in judged.items()}
    losses = {part: round(-found["image"], 6) for part, found in judged.items()}
    return ending(job, header, identity, state, arrays, likelihood, {"loss": losses})
