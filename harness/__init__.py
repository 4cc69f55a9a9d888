"""The benchmark, in rooms along the flow of data: plugin, data, metrics, record, score, models, run, cli.

``from simbench.harness import evaluate, load_data, compare`` is the entrance from Python: ``harness/python``.

The harness knows no model. Everything that it compares, and the detectors and dataset makers too, comes in
through the hooks of :mod:`simbench.harness.hooks`; that module is the plugin author's manual, with
:mod:`simbench.harness.testing` beside it. The modules here are faces, or what every room may import
(``errors``, ``files``, ``rng``); a face imports the room that it shows.
"""

import os
from typing import TYPE_CHECKING, Any

# OpenMP's threads spin while they wait, and take cores from whoever else computes: beside busy processes that
# made PyTorch on two threads ten times slower. Libraries read it when they are loaded: so it is set first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from .errors import SimulatorError, UserError
    from .python.data import load_data
    from .python.evaluate import evaluate
    from .python.result import compare

__all__ = ["SimulatorError", "UserError", "compare", "evaluate", "load_data"]

_HOME = {
    "SimulatorError": "errors",
    "UserError": "errors",
    "load_data": "python.data",
    "evaluate": "python.evaluate",
    "compare": "python.result",
}


def __getattr__(name: str) -> Any:
    """Imports the entrance from Python only when it is used, for plugins import this package too."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOME[name]}", __name__), name)
