"""Small cascades with random weights, so far from a start that every probability is of its own size."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from simbench.baselines.cascade.density import tree
from simbench.baselines.cascade.density.model import Cascade, Sizes
from simbench.baselines.cascade.density.sums import Bins
from simbench.baselines.cascade.inputs import Inputs
from simbench.baselines.cascade.simulator import CascadeSimulator

QUICK = {
    "aim_steps": "4",
    "sum_steps": "8",
    "steps": "8",
    "evaluations": "4",
    "batch": "32",
    "sum_batch": "32",
    "width": "16",
    "fine_width": "16",
    "single_width": "8",
    "sum_width": "16",
    "members": "2",
    "validation": "0.2",
}


@pytest.fixture(scope="session")
def all_images():
    """``all_images(shape, photons)``: every way to put so many photons into the pixels."""

    def make(shape, photons):
        pixels = shape[0] * shape[1]
        ways = list(combinations_with_replacement(range(pixels), photons))
        images = np.zeros((len(ways), pixels), int)
        for k in range(photons):
            np.add.at(images, (np.arange(len(ways)), [way[k] for way in ways]), 1)
        return images.reshape(-1, *shape)

    return make


@pytest.fixture(scope="session")
def chance():
    """``chance(drawn, images, probabilities)``: p of a chi-square test that draws follow these.

    All other images are one kind more, with what probability is left. What is expected fewer than five times
    is taken together.
    """

    def make(drawn, images, probabilities):
        flat = images.reshape(len(images), -1)
        number = {image.tobytes(): k for k, image in enumerate(flat.astype(np.int32))}
        found = [number.get(image.tobytes()) for image in drawn.reshape(len(drawn), -1).astype(np.int32)]
        observed = np.bincount([k for k in found if k is not None], minlength=len(images))
        left, others = 1 - probabilities.sum(), len(drawn) - observed.sum()
        if others and left < 1e-9:
            return 0.0
        expected = len(drawn) * np.append(probabilities, max(left, 0))
        observed = np.append(observed, others)
        rare = expected < 5
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
        if expected[-1] < 5:
            observed, expected = observed[:-1], expected[:-1] * observed[:-1].sum() / expected[:-1].sum()
        return chisquare(observed, expected).pvalue

    return make


@pytest.fixture
def toy_cascade(monkeypatch):
    """``toy_cascade(shape, top_cells)``: a simulator whose conditions are two numbers."""

    def make(shape, top_cells=64, seed=0, **changes):
        monkeypatch.setattr(tree, "TOP_CELLS", top_cells)
        conditions = np.random.default_rng(seed).normal(size=(50, 2)).astype(np.float32)
        bins = Bins(np.arange(1, 9), 2.0)
        sizes = Sizes(2, len(bins), 2, 8, 3, 16, 16, 8)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = Cascade(tree.Tree(shape), sizes)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if "out" in name or name.startswith("sums"):
                        parameter.mul_(4).add_(torch.randn_like(parameter), alpha=0.3)
        header = {"features": ["a", "b"], "min_photons": 1}
        return CascadeSimulator(model, Inputs.fit(conditions, None), bins, header | changes)

    return make


@pytest.fixture
def cascade_job(counts_job):
    """``cascade_job(**changes)``: a small training on the toy detector."""

    def make(**changes):
        return counts_job(QUICK | changes.pop("settings", {}), **changes)

    return make
