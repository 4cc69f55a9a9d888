"""Prepares the training of a classifier of hits: raw particles, those that left nothing too."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ..data.split import TEST_FRACTION, VALIDATION_FRACTION, particle_hashes, selected
from ..errors import UserError
from ..plugin.classifiers import ClassifierRequest
from ..plugin.registry import Registry
from ..plugin.simulators import TrainedOn
from ..run.opening import open_asked
from ..run.request import Request, check_seed
from ..run.watch import Watch


def prepare_hits(
    registry: Registry,
    request: Request,
    *,
    seed: int,
    overrides: Mapping[str, str],
    out: Path,
    watch: Watch,
    name: str,
) -> ClassifierRequest:
    """What the trainer of a classifier is asked, on the data and the split of ``request``.

    Raw particles of the dataset are on its particle's side of the split; those without a response in it are
    split alike, by their number. The test part is left unread; a tenth of the rest is for validation.

    Raises:
        UserError: the data do not tell of raw particles, or are split by events.
    """
    request.check()
    check_seed("--seed", seed)
    detector = registry.detectors[request.detector]
    if request.split != "particle":
        raise UserError(f"a classifier is trained on particles: --split particle, found {request.split!r}")
    with open_asked(registry, detector, request, watch) as opened:
        stream = opened.stream()
        if stream is None:
            raise UserError(
                f"{opened.path} does not tell which particles left nothing (no group stream): a classifier "
                "cannot be trained on it; simbench data make writes files that do"
            )
        fingerprint = opened.fingerprint
        particle = opened.particle
    split = partial(selected, kind=request.split, seed=request.split_seed, fraction=TEST_FRACTION)
    numbers, first = np.unique(particle, return_index=True)
    place = np.minimum(np.searchsorted(numbers, stream.particle), len(numbers) - 1)
    known = numbers[place] == stream.particle
    test = split(particle)[first][place] & known
    apart = np.flatnonzero(~known)  # without a response in the dataset
    test[apart] = split(apart)
    rows = np.flatnonzero(~test)
    held_out = selected(rows, request.split, request.split_seed, VALIDATION_FRACTION, "validation")
    fit, validation = rows[~held_out], rows[held_out]
    seen = particle_hashes(stream.conditions[rows])
    return ClassifierRequest(
        detector=detector,
        conditions=stream.conditions[fit],
        hit=stream.hit[fit],
        validation_conditions=stream.conditions[validation],
        validation_hit=stream.hit[validation],
        trained_on=TrainedOn(fingerprint, request.split, request.split_seed, TEST_FRACTION, seen),
        seed=seed,
        overrides=overrides,
        out=out,
        progress=partial(watch.news, name),
        validation_pdg=stream.pdg[validation],
    )
