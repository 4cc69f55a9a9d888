"""The contract of a simulator as tests, for a plugin's own test suite::

    from simbench.harness.testing import SimulatorContract


    class TestMyModel(SimulatorContract):
        model = "my-model"

pytest then runs every check on every detector that the model serves. A model that is not registered, say a
class of one's own, overrides :meth:`SimulatorContract.simulator` instead. ``simbench plugin check`` runs the
same checks from the command line. Nothing here needs pytest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.open import conditions_of
from ..data.training import sample_training_part
from ..errors import UserError, traced
from ..models.names import Model, find_model
from ..plugin.detectors import Detector
from ..plugin.registry import Registry, load
from ..plugin.simulators import Context, Simulator
from . import abilities, checks
from .checks import ContractError, Subject

__all__ = ["CHECKS", "ContractError", "SimulatorContract", "Subject", "verdicts"]

CHECKS: Mapping[str, Callable[[Subject], None]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        checks.loads,
        checks.shape,
        checks.dtype,
        checks.finite,
        checks.not_negative,
        checks.same_seed,
        checks.other_seed,
        checks.any_seed,
        checks.empty_batch,
        checks.any_size,
        checks.conditions_kept,
        checks.global_random,
        checks.reloaded,
        abilities.routing,
        abilities.trained_on,
        abilities.training_record,
        abilities.execution,
        abilities.notes,
        abilities.fingerprint,
    )
}
"""Every check by its name; the docstring says what is promised."""


def verdicts(subject: Subject) -> Iterator[tuple[str, str, str | None]]:
    """(name, promise, error) of every check in turn, whatever the simulator raises; ``None`` if it passed.

    Only the first, if nothing can be made.
    """
    for name, check in CHECKS.items():
        error: str | None = None
        try:
            check(subject)
        except ContractError as broken:
            error = str(broken)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - a model may fail in any way
            error = traced(raised)
        yield name, (check.__doc__ or "").strip().rstrip("."), error
        if name == "loads" and error:
            return


def detectors_of(registry: Registry, model: Model | None) -> list[Detector]:
    """The detectors that a model serves as it comes (``None``: all) and that there are conditions of.

    Raises:
        UserError: it has weights of a training, which tell no detector, or there is no such detector.
    """
    if model is not None and model.weights is not None:
        raise UserError(f"model {model.label!r}: name the detector that its weights are for")
    made = {name for maker in registry.datasets for name in maker.detectors}
    found = [
        detector
        for detector in registry.detectors
        if detector.name in made and (model is None or model.offer.serves(detector))
    ]
    if not found:
        what = "no detector" if model is None else f"model {model.label!r}: no detector that it serves"
        raise UserError(f"{what} has a dataset maker; name a detector, and give conditions of it")
    return found


class SimulatorContract:
    """Tests of one simulator: subclass it as ``Test...`` and set ``model``, or override :meth:`simulator`.

    Attributes:
        model: a registered name, NAME@WEIGHTS_DIR or FILE.py:CLASS.
        detectors: names of the detectors to try; ``None``: every one that the model serves.
    """

    model: str | None = None
    detectors: Sequence[str] | None = None

    def simulator(self, context: Context) -> Simulator:
        """A new simulator for ``context``: that of :attr:`model`, unless overridden."""
        if self.model is None:
            raise UserError(f"{type(self).__name__} should set model, or override simulator(context)")
        model = find_model(_registry(), self.model)
        training = sample_training_part(_registry(), context.detector) if model.offer.recalls else None
        return model.offer.factory(replace(context, weights=model.weights, training=training))

    def conditions(self, detector: Detector) -> npt.NDArray[np.float32]:
        """(N, F) conditions to try it with, N at least 64: a dataset maker's, unless overridden."""
        return _conditions(detector.name)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest: a test for each check and detector."""
        if {"contract_check", "contract_detector"} <= set(metafunc.fixturenames):
            names = self.detectors
            if names is None:
                model = None if self.model is None else find_model(_registry(), self.model)
                names = [detector.name for detector in detectors_of(_registry(), model)]
            metafunc.parametrize("contract_detector", names)
            metafunc.parametrize("contract_check", list(CHECKS))

    def test_contract(self, contract_detector: str, contract_check: str) -> None:
        """One promise, on one detector."""
        detector = _registry().detectors[contract_detector]
        subject = Subject(lambda: self.simulator(Context(detector)), detector, self.conditions(detector))
        CHECKS[contract_check](subject)


@cache
def _registry() -> Registry:
    return load()


@cache
def _conditions(detector: str) -> npt.NDArray[np.float32]:
    registry = _registry()
    return conditions_of(registry, registry.detectors[detector])
