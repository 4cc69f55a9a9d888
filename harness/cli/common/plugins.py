"""The plugins, for a command: what could not be loaded is named on standard error."""

import sys

from ...plugin.registry import Registry, load


def load_registry() -> Registry:
    """The registry; what could not be loaded is named on standard error."""
    registry = load()
    for problem in registry.problems:
        print(f"simbench: skipped: {problem}", file=sys.stderr)  # noqa: T201
    return registry
