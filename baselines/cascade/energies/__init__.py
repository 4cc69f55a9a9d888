"""The cascade for detectors that measure: an energy is shared out down a tree of layers, rings and angles.

``tree`` (the calorimeter's), ``told`` and ``showers`` (what a split is told), ``networks``, ``likelihood``;
then ``sampling``, ``learner`` and ``training``, ``simulator``.

May import ``baselines.cascade`` (its variates, its dense networks, its training loop), ``baselines`` and the
harness's ``rng``.
"""

from .training import train
from .tree import Calorimeter

__all__ = ["Calorimeter", "train"]
