"""The training of a cascade of energies: from a job to a weights file, resumable at any kill, bitwise."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from simbench.harness import rng

from ..training import ending, learn, loader, once, stored, units
from .job import EnergyJob
from .learner import EnergyLearner
from .networks import Sizes, make
from .settings import EnergySettings, resolve
from .showers import Scale
from .tree import Tree


def train(job: EnergyJob) -> Path:
    """Train a cascade of energies and return its weights file; as :func:`..training.train` for counts.

    Raises:
        ValueError: the job is impossible, or ``job.out`` holds another one.
    """
    job.check()
    return once(job, resolve(job.preset, job.overrides), _train)


def _train(job: EnergyJob, settings: EnergySettings, identity: dict[str, object]) -> Path:
    tree = Tree(job.calorimeter)
    scale = Scale.fit(job.conditions[:, 0].astype(np.float64), job.totals())
    sizes = Sizes(
        layers=tree.layers,
        places=tree.places,
        widths=(settings.width, settings.ring_width, settings.angle_width),
        components=settings.components,
        total_width=settings.total_width,
        total_components=settings.total_components,
    )
    model = make(sizes, rng.derive(job.seed, "energy cascade start"))
    learner = EnergyLearner(job, settings, model, tree, scale)
    judge = make(sizes).eval()
    draw = np.random.default_rng(rng.derive(job.seed, "energy cascade judges"))
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
            "layers": identity["layers"],
            "sizes": sizes.to_json(),
            "scale": asdict(scale),
        },
    }
    some = np.sort(draw.choice(learner.fit, min(len(learner.held_out), len(learner.fit)), replace=False))
    likelihood = {
        "validation": units(learner.likelihood(judge, learner.held_out)),
        "training": units(learner.likelihood(judge, some)),
    }
    return ending(job, header, identity, state, arrays, likelihood)
