"""``python -m simbench.harness.cli``: the same as ``simbench``."""

from .app import main

main()
