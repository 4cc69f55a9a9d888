"""Models in hand: a function, or an object with ``generate``, offered as a plugin offers its simulators."""

import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import rng
from ..contract.checks import ContractError, Subject, other_seed, same_seed
from ..errors import SimulatorError, UserError, traced
from ..plugin.detectors import Detector
from ..plugin.registry import Registry, Source
from ..plugin.simulators import Simulator, SimulatorOffer
from ..plugin.specs import hookimpl

PROBED = 64  # conditions that a model is tried with before it is scored


@dataclass(frozen=True)
class InHand:
    """A model in hand under the name that tables show for it."""

    name: str
    simulator: Simulator

    @classmethod
    def of(cls, model: Any, name: str | None) -> "InHand":
        """From a function ``f(conditions, *, seed)``, or an object with such a method ``generate``.

        The name is the one given, or the object's own, or the function's or the class's.

        Raises:
            UserError: it is neither, or the name cannot stand in a table.
        """
        method = getattr(model, "generate", None)
        if isinstance(model, type) or not (callable(method) or callable(model)):
            raise UserError(
                "a model should be a function (conditions, *, seed), an object with such a method generate, "
                f"or a name as on the command line; found {_shown(model)}"
            )
        simulator = model if callable(method) else SimpleNamespace(generate=model)
        own = getattr(model, "name", None) or getattr(model, "__name__", None)
        own = own if isinstance(own, str) and own != "<lambda>" else type(model).__name__
        chosen = own if name is None else name
        if not re.fullmatch(r"[\w.+-]+", chosen) or chosen == "all":
            raise UserError(f"name= should be letters, digits and any of . _ + -, found {chosen!r}")
        return cls(chosen, simulator)

    def offer(self, registry: Registry, detector: Detector, conditions: npt.NDArray[np.float32]) -> None:
        """Add the model to a registry. Its version is a digest of what it answers to some conditions.

        So the scores that a folder keeps of a model are used again only while it answers as it did.

        Raises:
            SimulatorError: it fails, or does not keep what is promised of seeds.
            UserError: another model has its name.
        """
        if self.name in registry.simulators.records:
            raise UserError(f"the name {self.name!r} is that of a registered model; give another with name=")
        _require_seed(self.simulator.generate, self.name)
        subject = Subject(lambda: self.simulator, detector, conditions)
        try:
            same_seed(subject)
            other_seed(subject)
            answer = np.ascontiguousarray(subject.generate(seed=rng.derive(0, "in hand")))
        except ContractError as error:
            raise SimulatorError(f"{self.name}: {error}") from error
        except Exception as error:
            raise SimulatorError(f"{self.name}: {traced(error)}") from error
        digest = hashlib.sha256(f"{answer.dtype}{answer.shape}".encode() + answer.tobytes()).hexdigest()
        offered = SimulatorOffer(self.name, self.name, lambda _: self.simulator, family="in hand")
        registry.add(_Plugin(offered), Source(f"{self.name} in hand", f"answers:{digest[:16]}"))


class _Plugin:
    def __init__(self, offer: SimulatorOffer) -> None:
        self._offer = offer

    @hookimpl
    def simbench_simulators(self) -> list[SimulatorOffer]:
        return [self._offer]


def _require_seed(generate: Callable[..., Any], name: str) -> None:
    """Raise SimulatorError unless a function takes ``seed`` by its name, as far as it tells what it takes."""
    try:
        signature = inspect.signature(generate)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(None, seed=0)
    except TypeError:
        raise SimulatorError(
            f"{name}: generate should take (conditions, *, seed), found {signature}; draw all that is random "
            "from a generator made of seed"
        ) from None


def _shown(model: Any) -> str:
    kind = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
    return f"{kind} (make an object of it)" if isinstance(model, type) else kind
