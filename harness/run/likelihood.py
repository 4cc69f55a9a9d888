"""How probable the data are to the models that know it: held out, and of what they learned from.

The only score for which nothing is generated, and that no metric on samples can replace: log p of each
response to its condition. Where a model tells its terms, they say at which scale it is wrong; the same of the
training part beside it says whether it has learned responses by heart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..data.dataset import Dataset
from ..data.open import split_rows
from ..errors import UserError
from ..models.names import parse_models
from ..plugin.registry import Registry
from ..plugin.simulators import Context, Likelihood
from .opening import open_asked
from .placement import resolve_device
from .request import Request
from .watch import Watch

Values: TypeAlias = Mapping[str, npt.NDArray[np.float64]]  # by term, (N,) log p of responses

TOTAL = "all"
PARTS = ("test", "training")
_BLOCK = 500  # responses at a time


@dataclass(frozen=True)
class Term:
    """A term of log p, in nats per response.

    Attributes:
        mean: over responses.
        error: of the mean: its standard deviation over particles, each with all its responses.
    """

    mean: float
    error: float | None


@dataclass(frozen=True)
class Likelihoods:
    """What was found.

    Attributes:
        detector: whose.
        dataset: its fingerprint.
        rows: how many responses of each part.
        terms: by model, part and term; :data:`TOTAL` is log p itself, the others add up to it.
        behind: by model but the best, and by term that both tell, the test part's terms less the best
            model's, response by response: most of what makes log p differ is common to all models.
        impossible: by model and part, the share of responses that the model never generates, left out.
        unable: the models that know no probabilities.
    """

    detector: str
    dataset: str
    rows: Mapping[str, int]
    terms: Mapping[str, Mapping[str, Mapping[str, Term]]]
    behind: Mapping[str, Mapping[str, Term]]
    impossible: Mapping[str, Mapping[str, float]]
    unable: tuple[str, ...]


def likelihoods(
    registry: Registry,
    request: Request,
    report: Callable[[int, int], None] = lambda *_: None,
    watch: Watch | None = None,
) -> Likelihoods:
    """The mean log likelihood of the test part, and of as many responses of the training part.

    Args:
        registry: whose models and data.
        request: of which models, detector, data, split, threshold, ``limit``, device and engine count.
        report: told how many responses are done, of how many.
        watch: of the making of embedded data.

    Raises:
        UserError: wrong use, unreadable data, or no model knows probabilities.
    """
    request.check()
    detector = registry.detectors[request.detector]
    context = Context(detector, device=resolve_device(request.device), engine=request.engine)
    models = parse_models(registry, request.models, context)
    with open_asked(registry, detector, request, watch or Watch()) as data:
        least = data.min_photons if request.min_photons is None else request.min_photons
        learned, held_out = split_rows(data, request.split, request.split_seed, least)
        held_out = held_out[: request.limit]
        step = max(1, len(learned) // len(held_out))
        rows = {"test": held_out, "training": learned[::step][: len(held_out)]}
        able: dict[str, Likelihood] = {}
        unable: list[str] = []
        for model in models:
            given = replace(context, weights=model.weights, min_photons=least)
            simulator = None if model.offer.recalls else model.offer.factory(given)
            if isinstance(simulator, Likelihood):
                able[model.label] = simulator
            else:
                unable.append(model.label)
        if not able:
            raise UserError(
                f"none of {', '.join(unable)} knows how probable a response is: it should have "
                "log_prob(conditions, responses)"
            )
        total = len(able) * sum(map(len, rows.values()))
        done = 0

        def seen(count: int) -> None:
            nonlocal done
            done += count
            report(done, total)

        found = {
            label: {part: _values(simulator, data, chosen, seen) for part, chosen in rows.items()}
            for label, simulator in able.items()
        }
        owners = {part: data.particle[chosen] for part, chosen in rows.items()}
        terms = {
            label: {part: _terms(values, owners[part]) for part, values in parts.items()}
            for label, parts in found.items()
        }
        best, *others = _ranked(terms)
        return Likelihoods(
            detector.name,
            data.fingerprint,
            {part: len(chosen) for part, chosen in rows.items()},
            terms,
            {one: _behind(found[one]["test"], found[best]["test"], owners["test"]) for one in others},
            {
                label: {part: float(1 - np.isfinite(values[TOTAL]).mean()) for part, values in parts.items()}
                for label, parts in found.items()
            },
            tuple(unable),
        )


def _values(
    simulator: Likelihood, data: Dataset, rows: npt.NDArray[np.int64], seen: Callable[[int], None]
) -> Values:
    """Log p of each response of a part of the data, :data:`TOTAL` first and then by term."""
    levels = getattr(simulator, "log_prob_levels", None)
    found: dict[str, list[npt.NDArray[np.float64]]] = {}
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        conditions, responses = data.conditions[block], np.concatenate(list(data.blocks(block)))
        told: Mapping[str, Any] = (
            levels(conditions, responses) if levels else {TOTAL: simulator.log_prob(conditions, responses)}
        )
        for name, values in told.items():
            found.setdefault(name, []).append(np.asarray(values, dtype=np.float64))
        seen(len(block))
    terms = {name: np.concatenate(values) for name, values in found.items()}
    whole = terms.get(TOTAL, np.sum(list(terms.values()), axis=0))
    return {TOTAL: whole} | {name: values for name, values in terms.items() if name != TOTAL}


def _terms(values: Values, owner: npt.NDArray[np.int64]) -> dict[str, Term]:
    """Means over the responses that are possible."""
    possible = np.isfinite(values[TOTAL])
    return {name: _term(each[possible], owner[possible]) for name, each in values.items()}


def _behind(values: Values, best: Values, owner: npt.NDArray[np.int64]) -> dict[str, Term]:
    """The mean of paired differences to the best model, over the responses that both may generate."""
    both = np.isfinite(values[TOTAL]) & np.isfinite(best[TOTAL])
    common = [name for name in values if name in best]
    return {name: _term(values[name][both] - best[name][both], owner[both]) for name in common}


def _term(values: npt.NDArray[np.float64], owner: npt.NDArray[np.int64]) -> Term:
    """Mean and standard error of (N,) values, those of one particle being no independent ones."""
    if not len(values):
        return Term(float("-inf"), None)
    group = np.unique(owner, return_inverse=True)[1]
    sums = np.bincount(group, weights=values - values.mean())
    count = len(sums)
    error = float(np.sqrt((sums**2).sum() * count / max(count - 1, 1)) / len(values)) if count > 1 else None
    return Term(float(values.mean()), error)


def models_of(found: Likelihoods) -> Sequence[str]:
    """The models, the most probable data first."""
    return _ranked(found.terms)


def _ranked(terms: Mapping[str, Mapping[str, Mapping[str, Term]]]) -> list[str]:
    return sorted(terms, key=lambda label: -terms[label]["test"][TOTAL].mean)
