"""Runs for batch systems: what one would do and cost, submit files for its parts, and the parts made one.

Imports ``run`` and what that may import; ``cli.batch`` has the commands.
"""
