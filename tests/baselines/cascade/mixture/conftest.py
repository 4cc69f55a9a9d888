"""Small mixtures with random weights, and a truth of two kinds of responses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simbench.baselines.cascade.density import tree
from simbench.baselines.cascade.density.model import Sizes
from simbench.baselines.cascade.density.sums import Bins
from simbench.baselines.cascade.inputs import Inputs
from simbench.baselines.cascade.mixture.model import Mixture
from simbench.baselines.cascade.mixture.simulator import MixtureSimulator


@pytest.fixture
def toy_mixture():
    """``toy_mixture(shape, experts)``: a simulator whose conditions are two numbers."""

    def make(shape, experts, seed=0):
        conditions = np.random.default_rng(seed).normal(size=(50, 2)).astype(np.float32)
        bins = Bins(np.arange(1, 9), 2.0)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = Mixture(tree.Tree(shape), Sizes(2, len(bins), 2, 8, 3, 16, 16, 8), experts)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if "out" in name or name.startswith("sums"):
                        parameter.mul_(4).add_(torch.randn_like(parameter), alpha=0.3)
        header = {"features": ["a", "b"], "min_photons": 1}
        return MixtureSimulator(model, Inputs.fit(conditions, None), bins, header)

    return make


@pytest.fixture
def two_kinds(cascade_job):
    """``two_kinds(**changes)``: a job on 4 x 4 pixels whose responses are of two kinds, and the kinds.

    All photons in one pixel, or more of them over a chequerboard. The sign of the first condition says which
    of the kinds nine of ten responses are, so the kind of a single one is hidden.
    """

    def make(particles=200, settings=None, **changes):
        draw = np.random.default_rng(1)
        conditions = draw.uniform(-1, 1, (particles, 2))
        particle = np.repeat(np.arange(particles), 4)
        board = draw.random(len(particle)) < np.where(conditions[particle, 0] > 0, 0.9, 0.1)
        photons = np.where(board, 6 + draw.poisson(2, len(particle)), 1 + draw.poisson(1.5, len(particle)))
        black = (np.indices((4, 4)).sum(0) % 2 == 0).ravel() / 8
        pixel = np.eye(16)[draw.integers(16, size=len(particle))]
        showers = draw.multinomial(photons, np.where(board[:, None], black, pixel)).reshape(-1, 4, 4)
        few = {
            "aim_steps": "2",
            "sum_steps": "160",
            "steps": "120",
            "rounds": "8",
            "pool": "300",
            "evaluations": "1",
            "batch": "48",
            "sum_batch": "128",
            "width": "4",
            "fine_width": "4",
            "single_width": "2",
            "components": "1",
            "lr": "0.01",
            "sum_lr": "0.02",
            "ema": "0.9",
            "sum_ema": "0.9",
            "sum_dropout": "0.01",
            "validation": "0.3",
        }
        job = cascade_job(
            model="mixture-of-cascades",
            shape=(4, 4),
            feature_names=("a", "b"),
            conditions=conditions[particle].astype(np.float32),
            showers=showers,
            particle=particle,
        )
        overrides = {**job.overrides, **few, **(settings or {})}
        return replace(job, overrides=overrides, **changes), board

    return make
