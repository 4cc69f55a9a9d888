"""The rows of a training as its networks see them."""

import numpy as np
import numpy.typing as npt
import torch

from .density.likelihood import Images, Ints
from .density.surroundings import straight
from .density.tree import Tree
from .job import CascadeJob
from .settings import Shared


class Material:
    """The rows of a job as the networks see them.

    Args:
        job: what is learned.
        settings: of the training.
        scaled: (N, K) scaled conditions of the job's rows.

    Attributes:
        fit, held_out: rows that are learned from, and rows that judge a checkpoint.
        sums: (N,) photons.
        straight: (N, 2) ends of straight lines in pixels.
        inputs: ``scaled`` as a tensor.
    """

    def __init__(self, job: CascadeJob, settings: Shared, scaled: npt.NDArray[np.float32]) -> None:
        self.job, self.scaled, self.sums = job, scaled, job.sums()
        self.inputs = torch.from_numpy(scaled)
        self.straight = straight(job.conditions, job.geometry, job.shape)
        held_out = job.validation(settings.validation)
        self.fit, self.held_out = np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def images(self, tree: Tree, rows: Ints) -> Images:
        """Some rows."""
        return Images(tree, self.job.showers[rows], self.scaled[rows], self.straight[rows])
