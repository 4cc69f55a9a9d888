"""Settings of a training that are given as text, ``name=value``."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

Settings = TypeVar("Settings", bound=Any)


def overridden(settings: Settings, overrides: Mapping[str, str]) -> Settings:
    """A frozen dataclass of numbers and texts with ``overrides``, each of its field's type.

    Raises:
        ValueError: there is no such setting, or a value is of the wrong type; whether it is in range is the
            caller's to say.
    """
    known = {field.name: type(getattr(settings, field.name)) for field in fields(settings)}
    for name, text in overrides.items():
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; the settings are {', '.join(known)}")
        try:
            value = known[name](text)
        except ValueError:
            raise ValueError(f"setting {name}: expected {known[name].__name__}, found {text!r}") from None
        settings = replace(settings, **{name: value})
    return settings
