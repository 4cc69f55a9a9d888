"""Commands for batch systems: ``plan`` and ``merge``.

Imports ``cli.common``, ``batch`` and what the command line may.
"""
