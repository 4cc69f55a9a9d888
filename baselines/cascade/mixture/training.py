"""The training of a mixture: from a job to a weights file, resumable at any kill, bitwise."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from simbench.harness import rng

from ..density.sums import Bins
from ..density.tree import Tree
from ..inputs import Inputs
from ..job import CascadeJob
from ..training import ending, learn, once, sizes_of, stored, units
from .learner import MixtureLearner
from .model import of_weights
from .settings import MixtureSettings, resolve


def train(job: CascadeJob) -> Path:
    """Train a mixture and return its weights file; see :func:`simbench.baselines.cascade.training.train`.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    job.check()
    return once(job, resolve(job.preset, job.overrides), _train)


def _train(job: CascadeJob, settings: MixtureSettings, identity: dict[str, Any]) -> Path:
    inputs, bins = Inputs.fit(job.conditions, job.geometry), Bins.fit(job.sums(), job.min_photons)
    scaled = inputs(job.conditions)
    sizes = sizes_of(settings, scaled.shape[1], len(bins))
    learner = MixtureLearner(job, settings, sizes, bins, scaled)
    tree = Tree(job.shape)
    draw = np.random.default_rng(rng.derive(job.seed, "cascade judges"))
    rows = min(settings.validation_rows, len(learner.held_out))
    judges = np.sort(draw.choice(learner.held_out, rows, replace=False))
    state = learn(
        job,
        identity,
        learner,
        lambda weights: of_weights(tree, sizes, weights),
        judges,
        settings.evaluations,
    )
    arrays = stored(state, settings.storage)
    tensors = {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    kept = of_weights(tree, sizes, tensors)
    header = {
        **{name: identity[name] for name in ("model", "preset", "detector", "features", "min_photons")},
        "settings": identity["settings"],
        "data": identity["data"],
        "network": {"shape": list(job.shape), "sizes": sizes.to_json(), "bins": bins.to_json()},
        "inputs": inputs.to_json(),
    }
    some = np.sort(draw.choice(learner.fit, min(len(learner.held_out), len(learner.fit)), replace=False))
    likelihood = {
        "validation": units(learner.likelihood(kept, learner.held_out)),
        "training": units(learner.likelihood(kept, some)),
    }
    found = {"experts": len(kept.experts), "found": learner.experts, "trials": learner.trials}
    return ending(job, header, identity, state, arrays, likelihood, found)
