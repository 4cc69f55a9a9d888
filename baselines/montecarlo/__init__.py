"""A GFlash-type parametrised shower Monte Carlo of ALICE's Zero Degree Calorimeters: the reference simulator.

It is literature-based, with effective parameters calibrated to published statistics of simulations that are
not public, and it is not Geant (:data:`SENTENCE`, which every output carries).

Read in this order: ``constants`` (every number), ``species``, ``gun`` and ``spectators`` (particles),
``decays`` and ``transport`` (to the face), ``shower`` and ``upstream_spray`` (sources of light), ``light``
(photons in fibres), ``simulator``, ``dataset``, ``given_particles`` and ``pairs`` (what is offered). Units
are cm and GeV. All randomness is counter-based: a response is a function of (seed, sample, attempt), so
order, blocks and workers cannot change it.

Imports nothing else of baselines.

    >>> sample = make_dataset("neutron", particles=2, repeats=4, seed=1)
    >>> MonteCarlo("neutron").generate(sample.conditions, seed=2).shape
    (8, 44, 44)
"""

from .constants import DETECTORS, SENTENCE, VERSION, supported
from .dataset import GUNS, Sample, Stream, iter_dataset, make_dataset
from .given_particles import iter_given
from .pairs import iter_shared
from .simulator import MonteCarlo

__all__ = [
    "DETECTORS",
    "GUNS",
    "SENTENCE",
    "VERSION",
    "MonteCarlo",
    "Sample",
    "Stream",
    "iter_dataset",
    "iter_given",
    "iter_shared",
    "make_dataset",
    "supported",
]
