"""The sanity gallery: simulators that are wrong on purpose, and which metric sees them.

Imports ``run``, ``score``, ``metrics`` and what is below them.
"""
