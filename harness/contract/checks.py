"""What every simulator promises, check by check. A broken promise says what was found and how to keep it.

:mod:`simbench.harness.testing` lists the checks and runs them.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import traced
from ..plugin.detectors import Detector
from ..plugin.simulators import Simulator

SIZES = (1, 2, 7, 64)  # rows in a call: the last chunk of a test part may be of any size
SEEDS = (0, 2**63 - 1)  # the ends of their range
_MARK = 20061978  # a seed that no simulator sets

_DRAW = (
    "draw all that is random from a generator made of seed within generate, such as "
    "numpy.random.default_rng(seed) or torch.Generator().manual_seed(seed)"
)


class ContractError(AssertionError):
    """A simulator breaks a promise: what was found, and how to keep it."""


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Attributes:
        make: makes the simulator anew.
        detector: whose responses it generates.
        conditions: (N, F) float32 to try it with, N at least 64.
    """

    make: Callable[[], Simulator]
    detector: Detector
    conditions: npt.NDArray[np.float32]

    def generate(self, rows: int | None = None, *, seed: int = 1, by: Simulator | None = None) -> Any:
        """What ``by``, or else a new simulator, gives for the first ``rows`` conditions (its own copy)."""
        return (by or self.make()).generate(self.conditions[:rows].copy(), seed=seed)


def loads(subject: Subject) -> None:
    """The factory makes a simulator."""
    simulator = subject.make()
    if not callable(getattr(simulator, "generate", None)):
        fail(
            f"the factory gives {type(simulator).__name__}, which has no method generate",
            "give an object with the method generate(self, conditions, *, seed)",
        )


def shape(subject: Subject) -> None:
    """Responses are a NumPy array (N, H, W)."""
    _require_shape(subject, subject.generate(), len(subject.conditions))


def dtype(subject: Subject) -> None:
    """Responses are float32 or integers."""
    found = np.asarray(subject.generate()).dtype
    if found != np.float32 and found.kind not in "ui":
        fail(f"the responses are {found}", "end with responses.astype(numpy.float32), or an integer type")


def finite(subject: Subject) -> None:
    """Responses hold no NaN and no infinity."""
    _require_none(
        subject,
        lambda responses: ~np.isfinite(responses),
        "look for a division by zero, an overflow, or a logarithm or root of what is not positive",
    )


def not_negative(subject: Subject) -> None:
    """Responses are nowhere below zero."""
    _require_none(
        subject,
        lambda responses: responses < 0,
        f"they count {subject.detector.unit}: end with a ReLU, or numpy.maximum(responses, 0)",
    )


def same_seed(subject: Subject) -> None:
    """The same conditions and seed give the same responses."""
    simulator = subject.make()
    first = np.array(subject.generate(by=simulator))
    subject.generate(3, seed=2, by=simulator)  # nothing may be left over from a call in between
    require_equal(first, subject.generate(by=simulator), "two calls with one seed differ", _DRAW)


def other_seed(subject: Subject) -> None:
    """Another seed gives other responses."""
    simulator = subject.make()
    first = np.array(subject.generate(seed=1, by=simulator))
    if np.array_equal(first, subject.generate(seed=2, by=simulator)):
        fail("seeds 1 and 2 give the same responses", f"each seed is a new draw: {_DRAW}")


def any_seed(subject: Subject) -> None:
    """Any seed is taken, from 0 to 2**63 - 1."""
    simulator = subject.make()
    for seed in SEEDS:
        with _no_exception(
            f"seed {seed}", "seeds have 63 bits, which the legacy numpy.random.seed cannot take"
        ):
            subject.generate(2, seed=seed, by=simulator)


def empty_batch(subject: Subject) -> None:
    """No conditions give no responses, (0, H, W)."""
    with _no_exception("an array of no conditions, (0, F),", "return numpy.zeros((0, H, W), numpy.float32)"):
        responses = subject.generate(0)
    _require_shape(subject, responses, 0)


def any_size(subject: Subject) -> None:
    """Any number of conditions is taken, one as well."""
    simulator = subject.make()
    for rows in SIZES:
        advice = "take the number of rows from len(conditions), and keep the first axis (no squeeze)"
        with _no_exception(f"an array of {rows} conditions", advice):
            responses = subject.generate(rows, by=simulator)
        _require_shape(subject, responses, rows)


def conditions_kept(subject: Subject) -> None:
    """The conditions are not modified."""
    given = subject.conditions.copy()
    subject.make().generate(given, seed=1)
    changed = (given != subject.conditions).any(axis=0)
    if changed.any():
        names = [name for name, each in zip(subject.detector.feature_names, changed, strict=True) if each]
        fail(
            f"generate changes the conditions that it is given ({', '.join(names)})",
            "make new arrays, x = (conditions - mean) / scale, and change none in place",
        )


def global_random(subject: Subject) -> None:
    """No global random state is touched."""
    torch = sys.modules.get("torch")  # a simulator that uses it has imported it by now
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what is watched
    pytorch = torch.get_rng_state() if torch else None
    try:
        random.seed(_MARK)
        np.random.seed(_MARK)  # noqa: NPY002
        if torch:
            torch.manual_seed(_MARK)
        before = _global_states()
        subject.generate()
        touched = [name for name, state in _global_states().items() if state != before.get(name, state)]
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch:
            torch.set_rng_state(pytorch)
    if touched:
        names = ", ".join(touched)
        fail(f"the global generator of {names} is used or seeded, which changes others' results", _DRAW)


def reloaded(subject: Subject) -> None:
    """Made anew, it gives the same responses."""
    first = subject.make()
    subject.generate(5, seed=3, by=first)
    require_equal(
        subject.generate(by=first),
        subject.generate(),
        "two simulators that the factory makes differ for one seed",
        "keep nothing from call to call, and initialise nothing at random without a fixed seed",
    )


def fail(found: str, advice: str) -> NoReturn:
    """Raise ContractError of what was found and how to comply."""
    __tracebackhide__ = True  # pytest shows where it was called
    raise ContractError(f"{found}; {advice}")


def require_equal(first: Any, second: Any, found: str, advice: str) -> None:
    """Raise ContractError unless two arrays are equal, NaN to NaN; it tells how many rows differ."""
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        fail(f"{found} in shape, {first.shape} and {second.shape}", advice)
    same = (first == second) | ((first != first) & (second != second))
    rows = same.reshape(len(same), -1).all(axis=1)
    if not rows.all():
        fail(f"{found} in {int((~rows).sum())} of {len(rows)} rows", advice)


def _require_shape(subject: Subject, responses: Any, rows: int) -> None:
    if not isinstance(responses, np.ndarray):
        fail(
            f"generate returns {type(responses).__name__}",
            "return a NumPy array; a tensor becomes one by .detach().cpu().numpy()",
        )
    if isinstance(responses, np.ma.MaskedArray):
        fail("generate returns a masked array, whose masked values would count", "return responses.filled(0)")
    expected = (rows, *subject.detector.shape)
    if responses.shape != expected:
        fail(
            f"{rows} conditions give the shape {responses.shape}",
            f"it should be {expected}: (len(conditions), *context.detector.shape)",
        )


def _require_none(
    subject: Subject, wrong: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]], advice: str
) -> None:
    responses = np.asarray(subject.generate())
    places = np.argwhere(wrong(responses))
    if len(places):
        place = tuple(int(index) for index in places[0])
        fail(
            f"{len(places)} of {responses.size} values are wrong, the first {responses[place]} at {place}",
            advice,
        )


@contextmanager
def _no_exception(what: str, advice: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ContractError(f"{what} raises {traced(error)}; {advice}") from error


def _global_states() -> dict[str, Any]:
    kind, key, *rest = np.random.get_state()  # noqa: NPY002
    states = {"random": random.getstate(), "numpy.random": (kind, np.asarray(key).tobytes(), rest)}
    torch = sys.modules.get("torch")
    return states | ({"torch": torch.get_rng_state().tolist()} if torch else {})
