"""The command line, a module a command; each reads like its help text.

The last room: imports every other, and it alone :mod:`simbench.reports`.
"""

from .app import commands, main

__all__ = ["commands", "main"]
