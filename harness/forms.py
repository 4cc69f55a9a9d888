"""The form of values that came as JSON, or that somebody's code gave: looked at before they are used.

A form is

- a word of :data:`KINDS`, such as ``text``;
- a set of values, of which it is one;
- a list of one form, which all items have;
- a dictionary of forms by key; a key that ends in ``?`` may be missing or ``null``, the key ``*`` stands for
  all others, which are free without it;
- a tuple of forms, of which it has one.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Form: TypeAlias = Any

MOST = 2**63  # what is no more than a count in a file


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < MOST if isinstance(value, int) else math.isfinite(value)


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "any": ("anything", lambda _: True),
    "text": ("a text", lambda value: isinstance(value, str)),
    "count": ("a whole number of 0 or more", _count),
    "number": ("a finite number", _number),
    "truth": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
}

NUMBER = ("null", "number")  # ``null`` where there is none


def fault(value: Any, form: Form, place: str = "") -> str | None:
    """What of a value is not of a form, with its place, in one line; ``None`` if all of it is."""
    if isinstance(form, str):
        expected, holds = KINDS[form]
        return None if holds(value) else _told(place, expected, value)
    if isinstance(form, set | frozenset):
        known = isinstance(value, str | int | None) and value in form
        return None if known else _told(place, " or ".join(sorted(map(str, form))), value)
    if isinstance(form, tuple):
        found = [fault(value, one, place) for one in form]
        return None if None in found else found[-1]
    if isinstance(form, list):
        if not isinstance(value, list | tuple):
            return _told(place, "a list", value)
        each = (fault(item, form[0], f"{place}[{index}]") for index, item in enumerate(value))
        return next(filter(None, each), None)
    if not isinstance(value, Mapping):
        return _told(place, "an object", value)
    return next(filter(None, _of_keys(value, form, place)), None)


def _of_keys(value: Mapping[Any, Any], form: Mapping[str, Form], place: str) -> Any:
    seen = set()
    for key, inner in form.items():
        name = key.removesuffix("?")
        seen.add(name)
        if name == "*" or (key.endswith("?") and value.get(name) is None):
            continue
        where = f"{place}.{name}" if place else name
        yield fault(value[name], inner, where) if name in value else f"{where} is missing"
    for name in value if "*" in form else ():
        if name not in seen:
            yield fault(value[name], form["*"], f"{place}.{name}" if place else str(name))


def _told(place: str, expected: str, value: Any) -> str:
    return f"{place or 'it'} should be {expected}, found {value!r:.60}"
