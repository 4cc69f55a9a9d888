"""A model that a user keeps in a file of his own: ``FILE.py:CLASS``, without a package and without a hook.

The file is run only because it was named, and only when the simulator is made: what goes wrong in it is that
model's failure. What can be seen without running it (no such file, no such class) is the user's.
"""

import hashlib
import inspect
import os
import re
import symtable
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import rng
from ..errors import UserError
from ..files import ways_to
from ..plugin.registry import Source
from ..plugin.simulators import Context, Simulator, SimulatorOffer


def simulator_of(path: Path, name: str, digest: str, context: Context) -> Simulator:
    """A new simulator: what the class, or a function, ``name`` of a file gives.

    It is called with the context, or with nothing if it takes nothing.

    Args:
        path: the file, absolute.
        name: the class or function in it.
        digest: SHA-256 of the file when it was named.
        context: what a factory is told.

    Raises:
        ValueError: the file has changed since it was named, or defines no ``name`` after all.
        TypeError: ``name`` cannot be called, or gives no simulator.
        Exception: whatever the file raises.
    """
    for way in (ways := ways_to(path))[:-1]:  # what it reads may lie beside the link, or beside its target
        try:
            return _made(way, path, name, digest, context)
        except FileNotFoundError as error:
            if not _elsewhere(error, way, ways):
                raise
    return _made(ways[-1], path, name, digest, context)


def _elsewhere(error: FileNotFoundError, way: Path, ways: tuple[Path, ...]) -> bool:
    """Whether a file that is not beside a link is beside what it leads to."""
    missing = Path(os.path.abspath(str(error.filename)))  # noqa: PTH100 - no link of it is followed
    if error.filename is None or not missing.is_relative_to(way.parent):
        return False
    inside = missing.relative_to(way.parent)
    return any((other.parent / inside).exists() for other in ways)


def _made(way: Path, path: Path, name: str, digest: str, context: Context) -> Simulator:
    """What ``name`` gives when the file is run as ``way``."""
    target = getattr(_module(way, digest), name, None)
    if target is None:
        raise ValueError(f"{path.name} defines no {name} when it is run")
    if not callable(target):
        raise TypeError(f"{name} should be a class or a function, found {type(target).__name__}")
    simulator: Simulator = target(context) if _takes_something(target) else target()
    if not callable(getattr(simulator, "generate", None)):
        raise TypeError(
            f"{name} gives {type(simulator).__name__}, which has no generate(conditions, *, seed)"
        )
    return simulator


def _module(path: Path, digest: str) -> ModuleType:
    """The file as a module, run once in a process."""
    module_name = f"simbench_file_{rng.derive(str(path), digest):016x}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    source = path.read_bytes()
    if hashlib.sha256(source).hexdigest() != digest:
        raise ValueError(f"{path} has changed since the run began")
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module  # dataclasses, among others, look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user named it
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def is_file_model(spec: str) -> bool:
    """Whether a model's name means a file: ``FILE.py:CLASS``, or that without its class."""
    return spec.endswith(".py") or ".py:" in spec


def offer_of(spec: str) -> tuple[SimulatorOffer, Source]:
    """What ``FILE.py:CLASS`` offers, to every detector. Its version is the digest of the file.

    Raises:
        UserError: no class is named, there is no such file, or the file has no such class.
    """
    file, _, name = spec.rpartition(":") if ".py:" in spec else (spec, "", "")
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link's own name and neighbours count
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(f"model {spec!r}: cannot read {file}: {error.strerror or error}") from error
    defined, callables = _defined(source, path)
    if not name or (defined is not None and name not in defined):
        found = f"it defines {', '.join(callables)}" if callables else "it defines none"
        what = f"{file} defines no {name}" if name else "expected FILE.py:CLASS"
        raise UserError(f"model {spec!r}: {what}; {found}")
    digest = hashlib.sha256(source).hexdigest()
    label = re.sub("[,@]", "_", f"{path.name}:{name}")  # both mean something in --models
    offer = SimulatorOffer(
        name=label,
        title=f"{name} of {path.name}",
        factory=partial(simulator_of, path, name, digest),
        family="file",
    )
    return offer, Source(path.name, f"sha256:{digest[:16]}")


def _defined(source: bytes, path: Path) -> tuple[set[str] | None, list[str]]:
    """The names that a file gives a value to, and the classes and functions among them, without running it.

    The names are ``None`` where they cannot be told: a syntax error, or ``import *``.
    """
    try:
        symbols = symtable.symtable(decode_source(source), str(path), "exec").get_symbols()
    except (SyntaxError, ValueError):
        return None, []
    callables = [symbol.get_name() for symbol in symbols if symbol.is_namespace()]
    names = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    return None if re.search(rb"import\s*\*", source) else names, callables


def _takes_something(target: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(target).parameters.values()
    except ValueError:  # some built-in classes do not tell
        return True
    return any(each.kind not in (each.KEYWORD_ONLY, each.VAR_KEYWORD) for each in parameters)
